#!/bin/sh
# Starts the S3 server with the keys from the files of secrets. A bucket is a folder below its data: these two are there from the beginning.
set -eu
secrets=${SECRETS:-/run/secrets}
data=${DATA:-/data}
ROOT_ACCESS_KEY=$(cat "$secrets/s3_access_key")
ROOT_SECRET_KEY=$(cat "$secrets/s3_secret_key")
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
mkdir -p "$data/documents" "$data/backups"
exec versitygw --port "${ADDRESS:-:7070}" --health /health --quiet posix --versioning-dir "${VERSIONS:-/versions}" "$data"
