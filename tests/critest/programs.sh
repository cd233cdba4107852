#!/usr/bin/env bash
# tests/critest/programs.sh: the programs of the stand-ins for critest's images, from Debian 12's packages and sources and a few
# lines of C, beneath CRISP_CACHE/critest/programs-STAMP (default /var/cache/crisp-tests): busybox, nonewprivs, pause, and the trees
# nginx/ and httpd/ with the libraries that they need. Prints that directory. A change to this file builds it anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/critest/common.sh
. "$here/common.sh"
cached programs debootstrap:debootstrap
mirror=${CRISP_DEBIAN_MIRROR:-http://deb.debian.org/debian}

say "debootstrap of Debian 12"
debian=$work/debian
debootstrap --variant=minbase --include=nginx-light,apache2-bin,gcc,libc6-dev,make,bzip2 bookworm "$debian" "$mirror" > "$work/log" ||
	{ tail -n 20 "$work/log"; fail "debootstrap of Debian 12 from $mirror failed (CRISP_DEBIAN_MIRROR)."; }
inside() { chroot "$debian" env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -ec "$1" >> "$work/log" 2>&1 || { tail -n 20 "$work/log"; fail "$2"; }; }

say "busybox from Debian's source"
# Debian's own busybox-static prefers its applets to the files in PATH, where a spec that masks /bin/ls expects the shell to say
# "Permission denied". tc does not compile with the headers of newer kernels.
echo "deb-src $mirror bookworm main" > "$debian/etc/apt/sources.list.d/source.list"
inside 'cd /tmp && apt-get update -qq && apt-get source -qq --download-only -o APT::Sandbox::User=root busybox && tar xf busybox_*.orig.tar.bz2 && mv busybox-*/ busybox' \
	"Debian's source package of busybox could not be fetched."
inside "cd /tmp/busybox && make -s defconfig && sed -i -e 's/.*CONFIG_STATIC[ =].*/CONFIG_STATIC=y/' -e 's/^CONFIG_TC=y/CONFIG_TC=n/' .config \
	&& (yes '' || true) | make -s oldconfig && make -s -j$(nproc)" "busybox did not compile."

say "programs of our own"
cat > "$debian/tmp/nonewprivs.c" <<-'END'
	#include <stdio.h>
	#include <unistd.h>

	int main(void)
	{
	    printf("Effective uid: %d\n", geteuid());
	    return 0;
	}
END
cat > "$debian/tmp/pause.c" <<-'END'
	#include <signal.h>
	#include <unistd.h>

	static void leave(int signal)
	{
	    _exit(signal - signal);
	}

	int main(void)
	{
	    signal(SIGTERM, leave);
	    signal(SIGINT, leave);
	    for (;;)
	        pause();
	}
END
inside 'cd /tmp && gcc -O2 -Wall -Werror -static -o nonewprivs nonewprivs.c && gcc -O2 -Wall -Werror -static -o pause pause.c' "gcc failed."

say "what nginx and httpd need"
# files DIR PATH...: the files of Debian beneath DIR, programs with the libraries that the loader finds for them.
files() {
	local dir=$1 path library
	shift
	for path in "$@"; do
		for library in "$path" $(chroot "$debian" ldd "$path" 2> /dev/null | grep -o '/[^ ]*' || true); do
			mkdir -p "$dir$(dirname "$library")"
			cp -aL "$debian$library" "$dir$library"
		done
	done
}

files "$out/nginx" /usr/sbin/nginx /etc/nginx/mime.types
modules=/usr/lib/apache2/modules
# The C library loads libgcc_s by name when a thread of Apache's ends, and aborts the process without it.
libgcc=$(chroot "$debian" sh -c 'ls /lib/*/libgcc_s.so.1')
files "$out/httpd" /usr/sbin/apache2 $modules/mod_mpm_event.so $modules/mod_authz_core.so $modules/mod_dir.so "$libgcc"
cp "$debian"/tmp/{busybox/busybox,nonewprivs,pause} "$out"
finished
