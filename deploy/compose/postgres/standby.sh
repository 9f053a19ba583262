#!/bin/sh
# A streaming replica: copies the primary when it is started for the first time, then follows it.
# The arguments are those of `postgres`.
set -eu
SECRETS="${SECRETS:-/run/secrets}"
host="${PRIMARY_HOST:-postgres}" port="${PRIMARY_PORT:-5432}"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    PGPASSWORD="$(cat "$SECRETS/replicator_password")"
    export PGPASSWORD
    # Beside its place first, so that half a copy is never taken for a whole one.
    rm -rf "$PGDATA.copied" "$PGDATA"
    pg_basebackup --host "$host" --port "$port" --username replicator \
        --pgdata "$PGDATA.copied" --write-recovery-conf --wal-method stream --checkpoint fast
    mv "$PGDATA.copied" "$PGDATA"
    unset PGPASSWORD
fi
# The primary may be elsewhere than when it was copied.
sed -i "/^primary_conninfo/s/ host=[^ ']*/ host=$host/; /^primary_conninfo/s/ port=[0-9]*/ port=$port/" \
    "$PGDATA/postgresql.auto.conf"
exec postgres "$@"
