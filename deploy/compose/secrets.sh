#!/bin/sh
# Makes the secrets of the stack in a folder, where they are not there yet:
#
#   deploy/compose/secrets.sh deploy/secrets
#
# Put your own in their place, the certificate above all: this one signs itself. Containers read
# the files as users of their own, so the folder is what keeps others on this machine away.
set -eu
folder="${1:?the folder}"
pooler="${POOLER:-pgbouncer:6432}"
umask 022
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

for name in postgres_password cdb_password replicator_password jwt_secret grafana_password; do
    [ -s "$name" ] || openssl rand -hex 32 > "$name"
done
if [ ! -s certificate ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout certificate_key -out certificate 2> /dev/null
    chmod 644 certificate_key
fi

# What follows from these is written each time.
password="$(cat cdb_password)"
printf '"cdb" "%s"\n' "$password" > pgbouncer_users
printf 'postgresql+psycopg2://cdb:%s@%s/primary\n' "$password" "$pooler" > database_url
printf 'postgresql+psycopg2://cdb:%s@%s/replica1\n' "$password" "$pooler" > database_replicas
