#!/usr/bin/env bash
# tests/vm/boot-kernels.sh [KERNEL...]: boots Debian 12's and 13's cloud and generic kernels in virtual machines of crisp's, within the
# test VM. For each: crisp vm build on the host, crisp vm boot in the VM with every device, and an init that loads the modules and tries
# the devices. Prints the boot logs' key lines and "N passed, N failed". Takes crisp and crisp-sandbox from artifacts/native.
set -euo pipefail
cd "$(dirname "$0")/../.."
kernels=("$@")
[ ${#kernels[@]} -gt 0 ] || kernels=(12-cloud 12-generic 13-cloud 13-generic)
native=$PWD/artifacts/native
[ -x "$native/crisp" ] && [ -x "$native/crisp-sandbox" ] || {
	echo "tests/vm/boot-kernels.sh: publish crisp and crisp-sandbox into artifacts/native first (CONTRIBUTING.md)."
	exit 1
}
cache=$(tests/vm/kernels.sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-kernels-XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/payload/images"
for kernel in "${kernels[@]}"; do
	"$native/crisp" vm build --kernel "$cache/$kernel"/boot/vmlinuz-* --modules "$cache/$kernel"/lib/modules/* \
		--init tests/vm/guest-init --file "$(command -v busybox):/bin/busybox" --output "$work/payload/images/$kernel"
done
cp tests/vm/boot-kernels "$work/payload/run"
export CRISP_VM_PAYLOAD=$work/payload CRISP_VM_KEEP_NATIVE=1
tests/vm/run.sh Sandbox
