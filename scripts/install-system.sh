#!/usr/bin/env bash
# Installs the Debian packages that the system tests need, where one is missing. Safe to run again and again.
set -euo pipefail

packages=(
	postgresql postgresql-contrib   # a second server version, and pg_dump, pg_restore, psql to compare with
	gnupg zstd gzip jq curl         # archives must open with stock tools
	swift-proxy swift-account swift-container swift-object memcached   # a production S3 server
	chromium                        # the editor, in a real browser
	redis-server                    # n8n's queue mode
)

missing=()
for package in "${packages[@]}"; do
	if [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
		missing+=("$package")
	fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "The system tests need a Debian (or a container of it): ${missing[*]} cannot be installed here." >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "The system tests need packages that only root can install. Run this command as root, or once:" >&2
	echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi

echo "Setting up: Debian packages ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# The tests start servers of their own on free ports: the packages' services stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
