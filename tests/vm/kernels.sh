#!/usr/bin/env bash
# tests/vm/kernels.sh: fetches Debian 12's and 13's cloud and generic kernels from their packages, once, into CRISP_CACHE/kernels
# (default /var/cache/crisp-tests): 12-cloud, 12-generic, 13-cloud and 13-generic, each with boot/ and lib/modules/. Prints that directory.
# Nothing is installed; about 350 MB to fetch and 1.5 GB of disk.
set -euo pipefail
cache=${CRISP_CACHE:-/var/cache/crisp-tests}/kernels
mirror=${CRISP_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$cache"
exec 3>&1 1>&2 9> "$cache/lock"
# One fetches, the others wait for it.
flock 9

fail() {
	echo "tests/vm/kernels.sh: $1"
	exit 1
}
if [ ! -x /sbin/depmod ] && command -v apt-get > /dev/null; then
	apt-get install -qq -y --no-install-recommends kmod > /dev/null || true
fi
for want in apt-get:apt dpkg-deb:dpkg depmod:kmod; do
	command -v "${want%%:*}" > /dev/null || [ -x "/sbin/${want%%:*}" ] || fail "${want%%:*} is missing (Debian: ${want##*:})."
done

work=$(mktemp -d "$cache/fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT

# apt with a state of its own, which knows nothing but the one suite.
suite_apt() {
	local command=$1
	shift
	"$command" -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State=$work/state" \
		-o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o APT::Architecture=amd64 "$@"
}

for suite in 12:bookworm 13:trixie; do
	for kind in cloud generic; do
		name=${suite%%:*}-$kind
		[ ! -e "$cache/$name.done" ] || continue
		mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror ${suite##*:} main" > "$work/sources.list"
		suite_apt apt-get update || fail "$mirror does not answer (CRISP_DEBIAN_MIRROR)."
		meta=linux-image-amd64
		[ "$kind" = generic ] || meta=linux-image-cloud-amd64
		package=$(suite_apt apt-cache depends "$meta" | sed -n 's/ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
		[ -n "$package" ] || fail "${suite##*:} has no $meta."
		echo "== kernels: $package of ${suite##*:} (${SECONDS}s)"
		(cd "$work" && suite_apt apt-get download "$package") || fail "$package cannot be fetched from $mirror."
		mkdir "$work/root"
		dpkg-deb -x "$work/$package"_*.deb "$work/root"
		rm "$work/$package"_*.deb
		# Debian 13 has its modules below usr.
		[ -d "$work/root/lib/modules" ] || { mkdir -p "$work/root/lib" && mv "$work/root/usr/lib/modules" "$work/root/lib/"; }
		PATH=$PATH:/sbin depmod -b "$work/root" "$(ls "$work/root/lib/modules")"
		rm -rf "${cache:?}/$name" "$work/root/usr"
		mv "$work/root" "$cache/$name"
		touch "$cache/$name.done"
		rm -rf "$work/state" "$work/cache"
	done
done
echo "$cache" >&3
