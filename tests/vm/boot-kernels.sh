#!/usr/bin/env bash
# tests/vm/boot-kernels.sh [KERNEL...]: boots Debian 12's and 13's cloud and generic kernels in virtual machines of crisp's, within the
# test VM. For each: crisp vm build on the host, crisp vm boot in the VM with every device, and an init that loads the modules and tries
# the devices. Prints the boot logs' key lines and "N passed, N failed". Takes crisp and crisp-sandbox from artifacts/native.
set -euo pipefail
cd "$(dirname "$0")/../.."
kernels=("$@")
[ ${#kernels[@]} -gt 0 ] || kernels=(12-cloud 12-generic 13-cloud 13-generic)
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
make_payload
cache=$(tests/vm/kernels.sh)
mkdir "$payload/images"
for kernel in "${kernels[@]}"; do
	artifacts/native/crisp vm build --kernel "$cache/$kernel"/boot/vmlinuz-* --modules "$cache/$kernel"/lib/modules/* \
		--init tests/vm/guest-init --file "$(command -v busybox):/bin/busybox" --output "$payload/images/$kernel"
done
cp tests/vm/boot-kernels "$payload/run"
boot
