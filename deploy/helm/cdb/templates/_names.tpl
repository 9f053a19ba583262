{{/* What objects are called, and the labels by which they find each other. */}}

{{- define "cdb.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "cdb.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "cdb.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "cdb.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Of pods of one kind: (list . "nginx"). */}}
{{- define "cdb.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "cdb.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Of pods, which another version of something else does not make anew: (list . "nginx"). */}}
{{- define "cdb.podLabels" -}}
{{ include "cdb.selector" . }}
app.kubernetes.io/part-of: cdb
{{- end -}}

{{/* Of all objects: (list . "nginx"). */}}
{{- define "cdb.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{ include "cdb.podLabels" . }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end -}}

{{- define "cdb.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "cdb.fullname" .) -}}
{{- end -}}

{{- define "cdb.payloadClaim" -}}
{{- .Values.payloads.volume.existingClaim | default (printf "%s-payloads" (include "cdb.fullname" .)) -}}
{{- end -}}

{{/* The Service that requests from outside go to. */}}
{{- define "cdb.front" -}}
{{- include "cdb.fullname" . -}}{{- if .Values.nginx.enabled -}}-nginx{{- end -}}
{{- end -}}

{{/* An image of the values: (list . .Values.nginx.image). */}}
{{- define "cdb.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "cdb.ownImage" -}}
{{- $repository := required "image.repository is needed: where the image of cdb is" .Values.image.repository -}}
{{- include "cdb.image" (list . (merge (dict "repository" $repository) .Values.image)) -}}
{{- end -}}

{{/* The paths that the outside may reach, as JSON. nginx keeps /metrics inside; without it, paths do. */}}
{{- define "cdb.paths" -}}
{{- if .Values.nginx.enabled -}}
{{- list "/" | toJson -}}
{{- else -}}
{{- list (include "cdb.setting" (list . "api_base" "/api/cdb_rest")) "/ui" "/web" "/docs" "/openapi.json" "/health" | toJson -}}
{{- end -}}
{{- end -}}
