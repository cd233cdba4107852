#!/usr/bin/env bash
# Prints the path of Debian's docker-registry. Its package would start a service on this machine, so that only the program is
# taken from it where it is not installed, once, into CRISP_CACHE (default /var/cache/crisp-tests).
set -euo pipefail
if command -v docker-registry; then
	exit
fi

cache=${CRISP_CACHE:-/var/cache/crisp-tests}
program=$cache/docker-registry/usr/bin/docker-registry
if [ ! -x "$program" ]; then
	mkdir -p "$cache/debs" "$cache/docker-registry"
	cd "$cache/debs"
	apt-get download -qq -o APT::Sandbox::User=root docker-registry >&2
	dpkg-deb -x "$cache"/debs/docker-registry_*.deb "$cache/docker-registry"
fi
echo "$program"
