#!/bin/sh
# Makes the folder `secrets`: a random password in each file, and the configuration of Qdrant with its API key. What is there
# already stays as it is. Keep a copy of n8n_encryption_key away from this machine: without it, nobody can read n8n's credentials.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
# The folder keeps others out. The files are readable, for each container reads them as a user of its own.
chmod 700 secrets
umask 022

secret() {
	LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 32
}

for name in n8n_encryption_key n8n_database_password postgres_password s3_access_key s3_secret_key metrics_password grafana_password; do
	[ -s "secrets/$name" ] || secret >"secrets/$name"
done
[ -s secrets/qdrant.yaml ] || printf 'service:\n  api_key: %s\n' "$(secret)" >secrets/qdrant.yaml
echo "The secrets are in $PWD/secrets. Keep a copy of n8n_encryption_key in a safe place."
