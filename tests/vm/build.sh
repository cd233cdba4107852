#!/usr/bin/env bash
# tests/vm/build.sh: builds the test VM's kernel, initramfs and root disk from Debian 13's packages, once, into
# CRISP_VM_CACHE (default /var/cache/crisp-vm). Prints the cache's path. A change to this file builds it anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${CRISP_VM_CACHE:-/var/cache/crisp-vm}
mirror=${CRISP_DEBIAN_MIRROR:-http://deb.debian.org/debian}
stamp=$(sha256sum < "$here/build.sh" | cut -c1-16)
if [ -e "$cache/$stamp.done" ]; then
	echo "$cache"
	exit 0
fi
exec 3>&1 1>&2

say() { printf '== test VM: %s (%ds)\n' "$1" "$SECONDS"; }
fail() {
	echo "tests/vm/build.sh: $1"
	exit 1
}
[ "$(id -u)" = 0 ] || fail "debootstrap needs root."

need=()
for want in qemu-system-x86_64:qemu-system-x86 debootstrap:debootstrap mke2fs:e2fsprogs busybox:busybox-static zstd:zstd xz:xz-utils; do
	command -v "${want%%:*}" > /dev/null || need+=("${want##*:}")
done
if [ ${#need[@]} -gt 0 ]; then
	command -v apt-get > /dev/null || fail "Debian's packages ${need[*]} are missing, and so is apt-get to install them."
	say "installing ${need[*]}"
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${need[@]}"; } > /dev/null ||
		fail "apt-get could not install ${need[*]}."
fi

mkdir -p "$cache"
# One builds, the others wait for it.
exec 9> "$cache/lock"
flock 9
if [ -e "$cache/$stamp.done" ]; then
	echo "$cache" >&3
	exit 0
fi
work=$(mktemp -d "$cache/build-XXXXXX")
clean() {
	mountpoint -q "$work/root/proc" && umount "$work/root/proc"
	rm -rf "$work"
}
trap clean EXIT

say "debootstrap of Debian 13"
# libstdc++6 for the .NET runtime; the rest is what the suites look for.
debootstrap --variant=minbase \
	--include=systemd,systemd-sysv,systemd-container,dbus,apparmor,busybox-static,iproute2,kmod,procps,libstdc++6,zlib1g,ca-certificates,containernetworking-plugins,iptables,jq,umoci,skopeo,runc,e2fsprogs,xfsprogs,openssl \
	trixie "$work/root" "$mirror" > "$work/debootstrap.log" ||
	{ tail -20 "$work/debootstrap.log"; fail "debootstrap of Debian 13 from $mirror failed (CRISP_DEBIAN_MIRROR)."; }

say "kernel"
package=$(chroot "$work/root" apt-cache depends linux-image-cloud-amd64 | sed -n 's/ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
(cd "$work" && chroot "$work/root" sh -c "cd /tmp && apt-get download -qq -o APT::Sandbox::User=root $package")
mkdir "$work/kernel"
dpkg-deb -x "$work"/root/tmp/linux-image-*.deb "$work/kernel"
rm "$work"/root/tmp/linux-image-*.deb
modules=$(echo "$work"/kernel/usr/lib/modules/* "$work"/kernel/lib/modules/* | tr ' ' '\n' | grep -v '\*' | head -n 1)
version=$(basename "$modules")
mkdir -p "$work/root/usr/lib/modules"
cp -a "$modules" "$work/root/usr/lib/modules/"
chroot "$work/root" depmod "$version"

# The uncompressed kernel starts sooner under emulation. Its payload begins with the magic number of a compressor.
bzimage=$work/kernel/boot/vmlinuz-$version
extract() {
	local offset
	for offset in $(LC_ALL=C grep -aboP "$1" "$bzimage" | cut -d: -f1); do
		tail -c +$((offset + 1)) "$bzimage" | $2 > "$work/vmlinux" 2> /dev/null || true
		if [ "$(head -c 4 "$work/vmlinux" | tail -c 3)" = ELF ]; then
			return 0
		fi
	done
	return 1
}
extract '\x28\xb5\x2f\xfd' 'zstd -dc' || extract '\xfd7zXZ\x00' 'xz -dc' || extract '\x1f\x8b\x08' 'gzip -dc' ||
	fail "no compressed kernel found in $bzimage."

say "initramfs"
initramfs=$work/initramfs
mkdir -p "$initramfs"/{bin,dev,proc,sys,root,modules}
cp "$(command -v busybox)" "$initramfs/bin/busybox"
for name in virtio_pci virtio_blk ext4; do
	chroot "$work/root" modprobe -S "$version" --show-depends "$name" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' > "$work/modules"
order=10
while read -r module; do
	module=$work/root$module
	file=$initramfs/modules/$order-$(basename "${module%.ko*}").ko
	case $module in
		*.ko.xz) xz -dc "$module" > "$file" ;;
		*.ko.zst) zstd -qdc "$module" > "$file" ;;
		*) cp "$module" "$file" ;;
	esac
	order=$((order + 1))
done < "$work/modules"
cat > "$initramfs/init" <<-'EOF'
	#!/bin/busybox sh
	/bin/busybox mount -t devtmpfs dev /dev
	for module in /modules/*; do /bin/busybox insmod "$module"; done
	while [ ! -b /dev/vdb ]; do /bin/busybox sleep 0.1; done
	/bin/busybox mount -t ext4 -o noatime /dev/vda /root
	/bin/busybox mount -t ext4 -o noatime /dev/vdb /root/payload
	/bin/busybox mount --move /dev /root/dev
	exec /bin/busybox switch_root /root /sbin/init
EOF
chmod 755 "$initramfs/init"
(cd "$initramfs" && find . | busybox cpio -o -H newc 2> /dev/null) > "$work/initrd"

say "root disk"
root=$work/root
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}
mkdir -p "$root/payload"
: > "$root/etc/fstab"
cat > "$root/etc/systemd/system/crisp-tests.service" <<-EOF
	[Unit]
	Description=The test suites of crisp
	After=multi-user.target
	[Service]
	Type=oneshot
	Delegate=yes
	Environment=HOME=/root DOTNET_ROOT=/payload/dotnet
	ExecStart=/bin/sh /payload/init
	StandardInput=tty
	StandardOutput=tty
	StandardError=tty
	TTYPath=/dev/ttyS1
	TimeoutStartSec=infinity
	SuccessAction=poweroff
	FailureAction=poweroff
	[Install]
	WantedBy=graphical.target
EOF
mkdir -p "$root/etc/systemd/system/graphical.target.wants"
ln -s ../crisp-tests.service "$root/etc/systemd/system/graphical.target.wants/crisp-tests.service"
ln -sf /usr/lib/systemd/system/graphical.target "$root/etc/systemd/system/default.target"
# Nothing in the VM waits for a login, a clock or a disk check.
for unit in getty@tty1.service serial-getty@ttyS0.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer \
	e2scrub_reap.service dpkg-db-backup.timer fstrim.timer; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
echo crisp-vm > "$root/etc/hostname"
truncate -s 3G "$work/root.ext4"
mke2fs -q -t ext4 -d "$root" -O ^has_journal "$work/root.ext4"

mv "$work/vmlinux" "$work/initrd" "$work/root.ext4" "$cache/"
echo "$version" > "$cache/kernel-version"
rm -f "$cache"/*.done
touch "$cache/$stamp.done"
say "built for kernel $version in $cache"
echo "$cache" >&3
