{{/* PgBouncer in transaction mode, with an entry for each server. */}}

{{- define "cdb.pgbouncerFiles" -}}
{{- $root := . -}}
pgbouncer.ini: |
  [databases]
  primary = {{ include "cdb.pgbouncerServer" (list . (include "cdb.databaseHost" .)) }}
  {{- range $index, $host := .Values.database.replicas }}
  replica{{ add1 $index }} = {{ include "cdb.pgbouncerServer" (list $root $host) }}
  {{- end }}

  [pgbouncer]
  listen_addr = *
  listen_port = 6432
  unix_socket_dir =
  auth_type = scram-sha-256
  auth_file = /run/pgbouncer/users.txt
  pool_mode = transaction
  default_pool_size = {{ .Values.pgbouncer.poolSize }}
  max_client_conn = {{ .Values.pgbouncer.maxClients }}
  server_tls_sslmode = {{ .Values.pgbouncer.serverTls }}
  {{- if hasPrefix "verify" .Values.pgbouncer.serverTls }}
  server_tls_ca_file = {{ required "pgbouncer.serverCa is needed to verify PostgreSQL" .Values.pgbouncer.serverCa }}
  {{- end }}
  # A server that has gone is noticed after this many seconds; PgBouncer would wait for 120.
  query_wait_timeout = 3
  server_login_retry = 1
# PgBouncer needs the password itself, since it shows it to the server.
start.sh: |
  set -eu
  umask 077
  quoted() { printf '%s' "$1" | sed 's/"/""/g'; }
  printf '"%s" "%s"\n' "$(quoted "$PGUSER")" "$(quoted "$PGPASSWORD")" > /run/pgbouncer/users.txt
  exec pgbouncer /etc/pgbouncer/pgbouncer.ini
{{- end -}}

{{- define "cdb.pgbouncerServer" -}}
{{- $server := splitList ":" (include "cdb.hostAndPort" .) -}}
host={{ index $server 0 }} port={{ index $server 1 }} dbname={{ (index . 0).Values.database.name }}
{{- end -}}
