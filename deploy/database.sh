#!/bin/sh
# The database and its roles, once, by a superuser of PostgreSQL: agora_owner (migrations only), agora_app (worker,
# follower), agora_web (web, stream) and agora_readonly (people). `manage.py release` grants them what they may do.
#
#   SECRETS=/etc/agora/secrets deploy/database.sh        (in a container: /docker-entrypoint-initdb.d)
set -eu
secrets="${SECRETS:-/run/secrets}"
OWNER_PASSWORD="$(cat "$secrets/owner_password")" APP_PASSWORD="$(cat "$secrets/app_password")" \
WEB_PASSWORD="$(cat "$secrets/web_password")" READONLY_PASSWORD="$(cat "$secrets/readonly_password")" \
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "${PGUSER:-postgres}" --dbname postgres <<'SQL'
\getenv owner OWNER_PASSWORD
\getenv app APP_PASSWORD
\getenv web WEB_PASSWORD
\getenv readonly READONLY_PASSWORD
CREATE ROLE agora_owner LOGIN PASSWORD :'owner';
CREATE ROLE agora_app LOGIN PASSWORD :'app';
CREATE ROLE agora_web LOGIN PASSWORD :'web' CONNECTION LIMIT 60;
CREATE ROLE agora_readonly LOGIN PASSWORD :'readonly' CONNECTION LIMIT 5;
ALTER ROLE agora_readonly SET default_transaction_read_only = on;
ALTER ROLE agora_readonly SET statement_timeout = '60s';
CREATE DATABASE agora OWNER agora_owner TEMPLATE template0 ENCODING 'UTF8';
SQL
