#!/usr/bin/env bash
# bench/vm.sh [--runs N]: Linux in a virtual machine of crisp's and of qemu's microvm, one after the other, with the same kernel (Debian 13's
# cloud kernel, uncompressed) and the same initramfs: wall and CPU time to init, the monitor's memory beyond the guest's; then the
# throughput of a disk in memory and of a vsock stream to the host. It runs in the test VM, whose emulation makes everything slower,
# in about the same proportion. crisp and crisp-sandbox come from artifacts/native. Needs root and socat.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=3
[ "${1:-}" != --runs ] || runs=$2
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
command -v socat > /dev/null || fail "the guests need socat (Debian: socat)."
make_payload
cache=${CRISP_CACHE:-/var/cache/crisp-tests}
kernels=$(tests/vm/kernels.sh)

# qemu of the VM's own distribution, in a root of its own, which the VM's disk need not have.
qemu=$cache/qemu-root
if [ ! -x "$qemu/usr/bin/qemu-system-x86_64" ] || [ ! -x "$qemu/usr/bin/socat" ]; then
	rm -rf "$qemu"
	debootstrap --variant=minbase --include=qemu-system-x86,socat trixie "$qemu" "${CRISP_DEBIAN_MIRROR:-http://deb.debian.org/debian}" > /dev/null
fi
# image NAME OPTION...: a guest image with the kernel and busybox. The one for streams has socat too, with the libraries that the loader
# finds for it, and what it weighs is kept from the boots.
image() {
	artifacts/native/crisp vm build --kernel "$kernels"/13-cloud/boot/vmlinuz-* --modules "$kernels"/13-cloud/lib/modules/* \
		--init bench/vm/guest-init --file "$(command -v busybox):/bin/busybox" --output "$payload/$1" "${@:2}" > /dev/null
}
image image
socat=(--file "$(command -v socat):/bin/socat")
for library in $(ldd "$(command -v socat)" | grep -o '/[^ ]*'); do
	socat+=(--file "$library:$library")
done
image throughput "${socat[@]}"
# What a guest needs of qemu's root, without the package lists and manuals.
cp -a "$qemu" "$payload/qemu-root"
rm -rf "$payload"/qemu-root/{var,usr/share/doc,usr/share/man,usr/share/locale,boot}
cp bench/vm/measure "$payload/run"
echo "$runs" > "$payload/runs"
boot
