#!/usr/bin/env bash
# tests/images/base.sh ROOT OUT: the stand-in for the Dockerfile's BASE_IMAGE: the glibc, OpenSSL and certificates of the Debian 12 at ROOT, and no shell.
set -euo pipefail
root=$1 out=$2 libraries=usr/lib/x86_64-linux-gnu
mkdir -p "$out/$libraries" "$out"/{usr/lib64,etc/ssl,tmp}
ln -s usr/lib "$out/lib"
ln -s usr/lib64 "$out/lib64"
for library in ld-linux-x86-64.so.2 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libnss_dns.so.2 libnss_files.so.2 libssl.so.3 libcrypto.so.3; do
	cp -L "$root/$libraries/$library" "$out/$libraries/"
done
ln -s ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$out/usr/lib64/ld-linux-x86-64.so.2"
cp -rL "$root/etc/ssl/certs" "$out/etc/ssl/"
