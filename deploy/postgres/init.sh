#!/bin/sh
# Runs once, when PostgreSQL makes its data directory: a role and a database for n8n, which owns nothing else.
set -eu
psql --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --set=password="$(cat "${SECRETS:-/run/secrets}/n8n_database_password")" <<'SQL'
CREATE ROLE n8n LOGIN PASSWORD :'password';
CREATE DATABASE n8n OWNER n8n;
SQL
