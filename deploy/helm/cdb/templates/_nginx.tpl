{{/* nginx: the site of deploy/nginx/cdb.conf, behind something that speaks TLS. */}}

{{/* Of the site, of which files/cdb.conf is a copy, what is another thing in a cluster. That a
     piece is not there any more is noticed here, and what is not named stays as it is. */}}
{{- define "cdb.site" -}}
{{- include "cdb.checkServed" . -}}
{{- $changes := list
  (list "server 127.0.0.1:8000;" (printf "server %s:8000;" (include "cdb.fullname" .)))
  (list "max_size=10g" (printf "max_size=%vg" .Values.nginx.cacheGiB))
  (list "listen 80;\n    listen 443 ssl;" "listen 8080;")
  (list "server_name <conditions.example.org>;" "server_name _;")
  (list "    ssl_certificate     </etc/ssl/certs/conditions.pem>;\n" "")
  (list "    ssl_certificate_key </etc/ssl/private/conditions.key>;\n" "")
  (list "    ssl_protocols       TLSv1.2 TLSv1.3;\n" "")
  (list "    ssl_session_cache   shared:cdb_tls:10m;\n" "")
  (list "\"$https:$http_authorization\"" "\"$cdb_scheme:$http_authorization\"")
  (list "\"~^:.\"   1;" "\"~^http:.\"   1;")
  (list "X-Forwarded-Proto $scheme;" "X-Forwarded-Proto $cdb_scheme;")
  (list "client_max_body_size 64m;" (printf "client_max_body_size %sm;" (include "cdb.setting" (list . "max_body_mb" "64"))))
  (list "client_max_body_size 1g;" (printf "client_max_body_size %sm;" (include "cdb.setting" (list . "max_payload_mb" "1024"))))
  (list "return 503 '{\"detail\":\"The service" (printf "return %s '{\"detail\":\"The service" (include "cdb.setting" (list . "unavailable_status" "503"))))
  (list "    location / {\n" (printf "%s    location / {\n" (include "cdb.servedFiles" .)))
-}}
{{- $site := .Files.Get "files/cdb.conf" -}}
{{- range $changes -}}
{{- if ne (len (splitList (index . 0) $site)) 2 -}}
{{- fail (printf "files/cdb.conf does not have once: %s" (index . 0)) -}}
{{- end -}}
{{- $site = replace (index . 0) (index . 1) $site -}}
{{- end -}}
# From where a request came, and how, is known to what speaks TLS before this.
map $http_x_forwarded_proto $cdb_scheme {
    default http;
    https   https;
}
{{- range .Values.nginx.trustedNetworks }}
set_real_ip_from {{ . }};
{{- end }}
real_ip_header X-Forwarded-For;
real_ip_recursive on;

{{ $site | replace "/api/cdb_rest" (include "cdb.setting" (list . "api_base" "/api/cdb_rest")) }}
{{- end -}}

{{/* Files of the payload store for everybody, as clients of nopayloaddb take them from /dbstore. */}}
{{- define "cdb.servedFiles" -}}
{{- if and (eq .Values.payloads.store "volume") .Values.payloads.volume.servedAt }}
    location {{ .Values.payloads.volume.servedAt }} {
        alias /var/lib/cdb/payloads/;
        limit_except GET { deny all; }
        # What arrives is in a hidden folder.
        location ~ /\. { return 404; }
    }

{{ end }}
{{- end -}}

{{- define "cdb.checkServed" -}}
{{- if and .Values.payloads.volume.servedAt (eq (include "cdb.setting" (list . "read_access" "")) "authenticated") -}}
{{- fail "payloads.volume.servedAt gives files to everybody, and cdb.read_access is authenticated" -}}
{{- end -}}
{{- end -}}

{{- define "cdb.nginxFiles" -}}
nginx.conf: |
  worker_processes {{ .Values.nginx.workers }};
  worker_rlimit_nofile {{ mul 2 .Values.nginx.workerConnections }};
  pid /tmp/nginx.pid;
  error_log /dev/stderr warn;
  events {
      worker_connections {{ .Values.nginx.workerConnections }};
  }
  http {
      include /etc/nginx/mime.types;
      access_log {{ .Values.nginx.accessLog | ternary "/dev/stdout" "off" }};
      client_body_temp_path /tmp/body;
      proxy_temp_path       /tmp/proxy;
      fastcgi_temp_path     /tmp/fastcgi;
      uwsgi_temp_path       /tmp/uwsgi;
      scgi_temp_path        /tmp/scgi;
      include /etc/cdb-nginx/cdb.conf;
  }
cdb.conf: |
  {{- include "cdb.site" . | nindent 2 }}
{{- end -}}
