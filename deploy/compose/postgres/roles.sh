#!/bin/sh
# Makes the users and the database of an empty PostgreSQL; its image runs it once.
set -eu
export SECRETS="${SECRETS:-/run/secrets}"

# psql reads the passwords itself: what is on a command line can be seen by others.
psql --no-psqlrc --quiet --username postgres --dbname postgres --set ON_ERROR_STOP=1 <<'SQL'
\set cdb `cat "$SECRETS/cdb_password"`
\set replicator `cat "$SECRETS/replicator_password"`
create role cdb login password :'cdb';
create role replicator login replication password :'replicator';
create database cdb owner cdb;
SQL
