{{/* What all pods have in common. */}}

{{/* The beginning of a pod's specification: (list . "nginx" 101), with the user that its image is made for. */}}
{{- define "cdb.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $user := index . 2 -}}
automountServiceAccountToken: false
# Kubernetes would put CDB_PORT and the like into the environment for a Service called cdb.
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if eq $root.Values.platform "kubernetes" }}
  runAsUser: {{ $user }}
  runAsGroup: {{ $user }}
  fsGroup: {{ $user }}
  # Else each start goes through all payload files.
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Pods of one kind lie on several nodes and zones: (list . "nginx"). */}}
{{- define "cdb.spread" -}}
{{- $root := index . 0 -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: {{ if hasSuffix "hostname" . }}{{ $root.Values.scheduling.spread }}{{ else }}ScheduleAnyway{{ end }}
    labelSelector:
      matchLabels:
        {{- include "cdb.selector" $ | nindent 8 }}
    # Pods of one version, so that those that go count no more.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end -}}

{{- define "cdb.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* Variables of whatever reads the ini: (list . "pooled"); or of the primary alone, for the service's
     user (list . "direct"), or for the one who owns the tables (list . "owner"). */}}
{{- define "cdb.env" -}}
{{- $root := index . 0 -}}
{{- include "cdb.databaseEnv" . }}
{{- range $root.Values.secretEnv }}
{{ include "cdb.fromSecret" (list .name .secret .key) }}
{{- end }}
{{- with $root.Values.payloads }}
{{- if and (eq .store "s3") .s3.secret }}
{{ include "cdb.fromSecret" (list "AWS_ACCESS_KEY_ID" .s3.secret .s3.accessKeyIdKey) }}
{{ include "cdb.fromSecret" (list "AWS_SECRET_ACCESS_KEY" .s3.secret .s3.secretAccessKeyKey) }}
{{- end }}
{{- end }}
{{- range $name, $value := $root.Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Where the database is, for cdb; the password goes past the URL, which would want it escaped. */}}
{{- define "cdb.databaseEnv" -}}
{{- $root := index . 0 -}}
{{- $database := $root.Values.database -}}
{{- $secret := $database.secret -}}
{{- if $secret.urlKey }}
{{- $key := ternary $root.Values.migration.urlKey "" (eq (index . 1) "owner") | default $secret.urlKey }}
{{- include "cdb.fromSecret" (list "CDB_DATABASE_URL" $secret.name $key) }}
{{- else }}
{{- include "cdb.libpqEnv" . }}
- name: CDB_DATABASE_URL
  value: {{ include "cdb.databaseUrl" . | quote }}
{{- end }}
{{- if eq (index . 1) "pooled" }}
{{- if $secret.replicasKey }}
{{ include "cdb.fromSecret" (list "CDB_DATABASE_REPLICAS" $secret.name $secret.replicasKey) }}
{{- else if $database.replicas }}
- name: CDB_DATABASE_REPLICAS
  value: {{ include "cdb.replicaUrls" $root | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Who connects to PostgreSQL, for libpq; as above. */}}
{{- define "cdb.libpqEnv" -}}
{{- $root := index . 0 -}}
{{- $secret := $root.Values.database.secret -}}
{{- $owner := ternary $root.Values.migration (dict) (eq (index . 1) "owner") -}}
{{- if and $secret.userKey (not $owner.user) -}}
{{ include "cdb.fromSecret" (list "PGUSER" $secret.name $secret.userKey) }}
{{- else -}}
- name: PGUSER
  value: {{ $owner.user | default $root.Values.database.user | quote }}
{{- end }}
{{ include "cdb.fromSecret" (list "PGPASSWORD" $secret.name ($owner.passwordKey | default $secret.passwordKey)) }}
{{- end -}}

{{- define "cdb.databaseUrl" -}}
{{- $root := index . 0 -}}
{{- $database := $root.Values.database -}}
{{- if and $root.Values.pgbouncer.enabled (eq (index . 1) "pooled") -}}
postgresql+psycopg2://{{ include "cdb.fullname" $root }}-pgbouncer:6432/primary
{{- else -}}
postgresql+psycopg2://{{ include "cdb.databaseHost" $root }}:{{ $database.port }}/{{ $database.name }}
{{- with $database.parameters }}?{{ . }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "cdb.databaseHost" -}}
{{- required "database.host is needed, or database.secret.urlKey: where PostgreSQL is" .Values.database.host -}}
{{- end -}}

{{- define "cdb.replicaUrls" -}}
{{- $root := . -}}
{{- $urls := list -}}
{{- range $index, $host := .Values.database.replicas -}}
{{- if $root.Values.pgbouncer.enabled -}}
{{- $urls = append $urls (printf "postgresql+psycopg2://%s-pgbouncer:6432/replica%d" (include "cdb.fullname" $root) (add1 $index)) -}}
{{- else -}}
{{- $url := printf "postgresql+psycopg2://%s/%s" (include "cdb.hostAndPort" (list $root $host)) $root.Values.database.name -}}
{{- with $root.Values.database.parameters }}{{ $url = printf "%s?%s" $url . }}{{ end -}}
{{- $urls = append $urls $url -}}
{{- end -}}
{{- end -}}
{{- join " " $urls -}}
{{- end -}}

{{/* A server of the values with its port: (list . "host"). */}}
{{- define "cdb.hostAndPort" -}}
{{- $host := index . 1 -}}
{{- if contains ":" $host }}{{ $host }}{{ else }}{{ printf "%s:%v" $host (index . 0).Values.database.port }}{{ end -}}
{{- end -}}

{{/* A variable from a Secret: (list "NAME" "secret" "key"). */}}
{{- define "cdb.fromSecret" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end -}}

{{/* What whatever reads the ini has of files: (list . "name of the ConfigMap"). */}}
{{- define "cdb.configMounts" -}}
- name: config
  mountPath: /etc/cdb
  readOnly: true
{{- if (index . 0).Values.secretFiles }}
- name: secrets
  mountPath: /run/secrets/cdb
  readOnly: true
{{- end }}
{{- end -}}

{{- define "cdb.configVolumes" -}}
- name: config
  configMap:
    name: {{ index . 1 }}
{{- with (index . 0).Values.secretFiles }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range . }}
      - secret:
          name: {{ .secret }}
          items:
            - key: {{ .key }}
              path: {{ .file }}
      {{- end }}
{{- end }}
{{- end -}}
