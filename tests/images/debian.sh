#!/usr/bin/env bash
# Builds a real image of several layers from Debian packages, as an OCI archive: tests/images/debian.sh OUT.tar [NAME:TAG]
# Without OUT.tar it prints the path of one in CRISP_CACHE, which is built anew where this script is newer.
# Layers: Debian's base files (merged /usr) and C library; bash and coreutils (files only, no directory entries: their
# parents, the symlink /bin among them, are the lower layer's); busybox and users; a layer that removes and replaces.
# Packages are cached in CRISP_CACHE (default /var/cache/crisp-tests) and come from apt alone.
set -euo pipefail
if [ $# = 0 ]; then
	archive=${CRISP_CACHE:-/var/cache/crisp-tests}/debian-12.tar
	[ "$archive" -nt "$0" ] || "$0" "$archive" > /dev/null
	echo "$archive"
	exit
fi
out=$(realpath -m "$1")
name=${2:-localhost/crisp/debian:12}
cache=${CRISP_CACHE:-/var/cache/crisp-tests}/debs
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-image-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache" "$(dirname "$out")"

# deb PACKAGE: the path of the package's file, downloaded once.
deb() {
	local found
	found=$(compgen -G "$cache/${1}_*.deb" | head -n 1 || true)
	if [ -z "$found" ]; then
		(cd "$cache" && apt-get download -qq -o APT::Sandbox::User=root "$1" >&2)
		found=$(compgen -G "$cache/${1}_*.deb" | head -n 1)
	fi
	echo "$found"
}

# unpack DIR PACKAGE...: the packages' files beneath DIR, with /bin, /sbin and /lib* merged into /usr as Debian has them.
unpack() {
	local dir=$1 package
	shift
	mkdir -p "$dir"
	for package in "$@"; do
		mkdir "$work/deb"
		dpkg-deb -x "$(deb "$package")" "$work/deb"
		for top in bin sbin lib lib32 lib64 libx32; do
			if [ -d "$work/deb/$top" ] && [ ! -L "$work/deb/$top" ]; then
				mkdir -p "$work/deb/usr/$top"
				cp -a "$work/deb/$top/." "$work/deb/usr/$top/"
				rm -rf "${work:?}/deb/$top"
			fi
		done
		rm -rf "$work/deb/usr/share/"{doc,man,info,locale,lintian}
		cp -a "$work/deb/." "$dir/"
		rm -rf "$work/deb"
	done
}

layers=$work/layers
mkdir "$layers"

# 1: base, with the symlinks of the merged /usr that the packages themselves do not ship.
unpack "$layers/1" base-files libc6 libgcc-s1
for top in bin sbin lib lib64; do
	mkdir -p "$layers/1/usr/$top"
	ln -s "usr/$top" "$layers/1/$top"
done
mkdir -p "$layers/1/"{dev,proc,sys,run,tmp,var/tmp}
chmod 1777 "$layers/1/tmp" "$layers/1/var/tmp"

# 2: programs, named through the symlink /bin of layer 1.
unpack "$work/programs" bash coreutils libtinfo6 libacl1 libattr1 libgmp10 libselinux1 libpcre2-8-0
mkdir "$layers/2"
cp -a "$work/programs/." "$layers/2/"
mv "$layers/2/usr/bin" "$layers/2/bin"

# 3: busybox for what coreutils lacks (sh, ps, ip, wget, httpd), its applets as hard links, and users.
unpack "$layers/3" busybox-static
mv "$layers/3/usr/bin/busybox" "$work/busybox"
rm -rf "${layers:?}/3/"*
mkdir -p "$layers/3/usr/bin" "$layers/3/etc" "$layers/3/root"
cp "$work/busybox" "$layers/3/usr/bin/busybox"
for applet in sh ash ps ip wget httpd nc vi grep sed awk top free mount umount hostname pidof ping nslookup less tar find; do
	ln "$layers/3/usr/bin/busybox" "$layers/3/usr/bin/$applet"
done
chmod 700 "$layers/3/root"
cat > "$layers/3/etc/passwd" <<-EOF
	root:x:0:0:root:/root:/bin/bash
	daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
	app:x:1000:1000:An application:/srv:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
EOF
cat > "$layers/3/etc/group" <<-EOF
	root:x:0:
	daemon:x:1:
	app:x:1000:
	staff:x:50:app
	nogroup:x:65534:
EOF

# 4: what a Dockerfile's last lines do: remove a file of a lower layer, hide a directory, add an application.
mkdir -p "$layers/4/usr/share/base-files" "$layers/4/etc" "$layers/4/srv"
: > "$layers/4/usr/share/.wh.base-files"
rmdir "$layers/4/usr/share/base-files"
: > "$layers/4/etc/.wh.issue.net"
cat > "$layers/4/srv/count.sh" <<-'EOF'
	#!/bin/sh
	# Prints numbered lines for ever, so that a missing one shows.
	i=0
	while :; do
		echo "line $i"
		i=$((i + 1))
		[ $((i % ${BURST:-10})) -ne 0 ] || sleep "${PAUSE:-0.05}"
	done
EOF
chmod 755 "$layers/4/srv/count.sh"

oci=$work/oci
mkdir -p "$oci/blobs/sha256"
echo -n '{"imageLayoutVersion":"1.0.0"}' > "$oci/oci-layout"

# blob FILE: stores it under its digest, prints the digest.
blob() {
	local digest
	digest=$(sha256sum "$1" | cut -d' ' -f1)
	mv "$1" "$oci/blobs/sha256/$digest"
	echo "$digest"
}

layer_json= diff_json=
for n in 1 2 3 4; do
	list=$work/list
	if [ "$n" = 2 ]; then
		(cd "$layers/$n" && find . ! -type d -printf '%P\0' | sort -z) > "$list"
	else
		(cd "$layers/$n" && find . -mindepth 1 -printf '%P\0' | sort -z) > "$list"
	fi
	tar -C "$layers/$n" --format=posix --pax-option=delete=atime,delete=ctime --owner=0 --group=0 --numeric-owner \
		--mtime=@1700000000 --no-recursion --null -T "$list" -cf "$work/layer.tar"
	diff_id=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
	gzip -n -6 "$work/layer.tar"
	size=$(stat -c %s "$work/layer.tar.gz")
	digest=$(blob "$work/layer.tar.gz")
	layer_json+=${layer_json:+,}'{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:'$digest'","size":'$size'}'
	diff_json+=${diff_json:+,}'"sha256:'$diff_id'"'
done

cat > "$work/config.json" <<-EOF
	{"architecture":"amd64","os":"linux","created":"2023-11-14T22:13:20Z",
	 "config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","FROM_IMAGE=yes"],
	  "Entrypoint":["/srv/count.sh"],"WorkingDir":"/srv","Labels":{"org.opencontainers.image.title":"crisp test image"},"StopSignal":"SIGTERM"},
	 "rootfs":{"type":"layers","diff_ids":[$diff_json]}}
EOF
size=$(stat -c %s "$work/config.json")
digest=$(blob "$work/config.json")
cat > "$work/manifest.json" <<-EOF
	{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
	 "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$digest","size":$size},
	 "layers":[$layer_json]}
EOF
size=$(stat -c %s "$work/manifest.json")
digest=$(blob "$work/manifest.json")
cat > "$oci/index.json" <<-EOF
	{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",
	 "manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$digest","size":$size,
	  "annotations":{"org.opencontainers.image.ref.name":"$name","io.containerd.image.name":"$name"}}]}
EOF
tar -C "$oci" -cf "$out.part" oci-layout index.json blobs
mv "$out.part" "$out"
echo "$out: $name, $(stat -c %s "$out") bytes"
