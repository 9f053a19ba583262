{{/* Pieces of network policies. */}}

{{/* From pods of one kind to a port: (list . "nginx" 8000). */}}
{{- define "cdb.fromPods" -}}
- from:
    - podSelector:
        matchLabels:
          {{- include "cdb.selector" . | nindent 10 }}
  ports:
    - {port: {{ index . 2 }}, protocol: TCP}
{{- end -}}

{{/* From peers of the values to a port, from everybody where there are none: (list peers 8000). */}}
{{- define "cdb.fromPeers" -}}
- ports:
    - {port: {{ index . 1 }}, protocol: TCP}
  {{- with index . 0 }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* To pods of one kind at a port: (list . "service" 8000). */}}
{{- define "cdb.toPods" -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "cdb.selector" . | nindent 10 }}
  ports:
    - {port: {{ index . 2 }}, protocol: TCP}
{{- end -}}

{{/* To peers of the values at ports, to everybody where there are none: (list peers ports). */}}
{{- define "cdb.toPeers" -}}
- ports:
    {{- range index . 1 }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with index . 0 }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "cdb.toDatabase" -}}
{{- $ports := list (int .Values.database.port) -}}
{{- range .Values.database.replicas -}}
{{- if contains ":" . }}{{ $ports = append $ports (splitList ":" . | last | int) }}{{ end -}}
{{- end -}}
{{- include "cdb.toPeers" (list .Values.networkPolicy.database (uniq $ports)) -}}
{{- end -}}

{{/* Wherever it is: on the node itself, or at OpenShift's port 5353. */}}
{{- define "cdb.toDns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
    - {port: 5353, protocol: UDP}
    - {port: 5353, protocol: TCP}
{{- end -}}
