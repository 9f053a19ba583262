{{/* The ini of the service. */}}

{{- define "cdb.ini" -}}
{{- include "cdb.checkConfig" . -}}
[app:main]
use = egg:hep-cdb
{{ .Values.config | trimSuffix "\n" }}
{{- include "cdb.payloadSettings" . }}
{{- if .Values.compiled.enabled }}
cdb.compiled = /var/cache/cdb
cdb.compiled_mb = {{ .Values.compiled.mb }}
{{- end }}

[server:main]
use = egg:waitress#main
listen = 0.0.0.0:8000
threads = {{ .Values.server.threads }}
connection_limit = {{ .Values.server.connectionLimit }}
grace = {{ .Values.server.grace }}
trusted_proxy = {{ .Values.server.trustedProxy }}
trusted_proxy_headers = {{ .Values.server.trustedProxyHeaders }}
clear_untrusted_proxy_headers = true
{{- if eq .Values.payloads.store "none" }}
{{- else }}
# As large as a payload file may be, in bytes.
max_request_body_size = {{ mul (include "cdb.setting" (list . "max_payload_mb" "1024")) 1048576 }}
{{- end }}

[loggers]
keys = root, cdb, access

[handlers]
keys = console

[formatters]
keys = console

[logger_root]
level = WARNING
handlers = console

[logger_cdb]
level = {{ .Values.logging.level }}
handlers =
qualname = cdb

[logger_access]
level = {{ .Values.logging.access }}
handlers =
qualname = cdb.access

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = console

[formatter_console]
class = cdb.logs.{{ ternary "JsonFormatter" "TerminalFormatter" (eq .Values.logging.format "json") }}
{{ end -}}

{{- define "cdb.payloadSettings" -}}
{{- $payloads := .Values.payloads -}}
{{- if eq $payloads.store "volume" }}
cdb.payload_store = /var/lib/cdb/payloads
{{- if .Values.nginx.enabled }}
cdb.payload_accel = /protected/
{{- end }}
{{- else if eq $payloads.store "s3" }}
cdb.payload_store = {{ required "payloads.s3.url is needed for payloads.store = s3" $payloads.s3.url | replace "%" "%%" }}
{{- with $payloads.s3.options }}
cdb.payload_store_options = {{ toJson . | replace "%" "%%" }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The text of a setting of the config, or a default: (list . "max_body_mb" "64"). */}}
{{- define "cdb.setting" -}}
{{- $line := regexFind (printf `(?m)^cdb\.%s[ \t]*=.*$` (index . 1)) (index . 0).Values.config -}}
{{- if $line }}{{ $line | splitList "=" | rest | join "=" | trim }}{{ else }}{{ index . 2 }}{{ end -}}
{{- end -}}

{{/* What the config must not have: what other values say, and secrets. */}}
{{- define "cdb.checkConfig" -}}
{{- range list "database.url" "database.replicas" "payload_store" "payload_store_options" "payload_accel" "compiled" "compiled_mb" -}}
{{- if regexMatch (printf `(?m)^cdb\.%s[ \t]*=` (replace "." `\.` .)) $.Values.config -}}
{{- fail (printf "config has cdb.%s, which the values database, payloads and compiled say" .) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch `(?m)^\[` .Values.config -}}
{{- fail "config has a section: it is the lines of [app:main] alone" -}}
{{- end -}}
{{- range regexFindAll `/etc/cdb/[A-Za-z0-9._-]+` .Values.config -1 -}}
{{- if not (hasKey $.Values.files (base .)) -}}
{{- fail (printf "config names %s, which is not in files: --set-file 'files.%s=…'" . (base . | replace "." `\.`)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The files in /etc/cdb, as data of a ConfigMap. */}}
{{- define "cdb.configFiles" -}}
cdb.ini: |
  {{- include "cdb.ini" . | nindent 2 }}
{{- range $name, $content := .Values.files }}
{{ $name }}: |
  {{- $content | nindent 2 }}
{{- end }}
{{- end -}}
