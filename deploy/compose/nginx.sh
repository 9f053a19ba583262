#!/bin/sh
# nginx with the site that cdb ships, where the services, the certificate and the cache of the
# stack are filled in. What a variable says here is the container's.
set -eu
: "${SITE:=/etc/cdb/nginx/cdb.conf}" "${MAIN:=/etc/cdb/nginx/nginx.conf}" "${RUN:=/tmp}"
: "${SERVICES:=cdb1:8000 cdb2:8000}" "${LISTEN:=8080}" "${LISTEN_TLS:=8443}"
: "${CERTIFICATE:=/run/secrets/certificate}" "${CERTIFICATE_KEY:=/run/secrets/certificate_key}"
: "${NGINX_CACHE:=/var/cache/nginx/cdb}" "${PAYLOADS:=/var/lib/cdb/payloads}"
: "${SERVER_NAME:=_}" "${GLOBALS:=}"

servers="$(for each in $SERVICES; do printf 'server %s; ' "$each"; done)"
sed -e "s|server 127\.0\.0\.1:8000;|$servers|" \
    -e "s|listen 80;|listen $LISTEN;|" \
    -e "s|listen 443 ssl;|listen $LISTEN_TLS ssl;|" \
    -e "s|<conditions\.example\.org>|$SERVER_NAME|" \
    -e "s|</etc/ssl/certs/conditions\.pem>|$CERTIFICATE|" \
    -e "s|</etc/ssl/private/conditions\.key>|$CERTIFICATE_KEY|" \
    -e "s|/var/cache/nginx-cdb|$NGINX_CACHE|" \
    -e "s|/var/lib/cdb/payloads/|$PAYLOADS/|" \
    "$SITE" > "$RUN/cdb.conf"
sed -e "s|/tmp/|$RUN/|" "$MAIN" > "$RUN/main.conf"
exec nginx -e stderr -c "$RUN/main.conf" -g "daemon off; $GLOBALS"
