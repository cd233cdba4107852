#!/usr/bin/env bash
# tests/vm/run.sh [NAME...]: builds the project, boots the test VM with it and runs the named suites (all that make sense
# there by default). Ends with the plain line "N passed, N failed". Works without KVM: qemu emulates the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
suites=${*:-Linux Cgroups Images Sandbox CriServer}
cache=$(tests/vm/build.sh)

say() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }
say "build"
dotnet build Runtime.sln --nologo -v quiet -clp:NoSummary
publish=$PWD/artifacts/native
if [ -z "${CRISP_VM_KEEP_NATIVE:-}" ] || [ ! -x "$publish/crisp" ]; then
	for project in Sandbox CriServer; do
		dotnet publish "src/$project" -c Release -r linux-x64 --nologo -v quiet -o "$publish"
	done
fi

say "payload"
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-vm-XXXXXX")
qemu=
clean() {
	[ -z "$qemu" ] || kill "$qemu" 2> /dev/null || true
	rm -rf "$work"
}
trap clean EXIT
payload=$work/payload
mkdir -p "$payload/tests" "$payload/bin" "$payload/native" "$payload/dotnet"
cp tests/suites.sh "$payload/tests/"
for name in $suites; do
	mkdir -p "$payload/bin/$name.Tests"
	cp -a "artifacts/bin/$name.Tests/debug" "$payload/bin/$name.Tests/"
done
cp "$publish/crisp" "$publish/crisp-sandbox" "$payload/native/"
dotnet_root=$(dirname "$(readlink -f "$(command -v dotnet)")")
cp -a "$dotnet_root/host" "$payload/dotnet/"
for framework in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
	newest=$(ls "$dotnet_root/shared/$framework" | grep '^10\.' | sort -V | tail -n 1)
	mkdir -p "$payload/dotnet/shared/$framework"
	cp -a "$dotnet_root/shared/$framework/$newest" "$payload/dotnet/shared/$framework/"
done
[ -z "${CRISP_TEST_IMAGE:-}" ] || cp "$CRISP_TEST_IMAGE" "$payload/image.tar"
cat > "$payload/environment" <<EOF
export SUITES="$suites" CRISP_BIN_DIR=/payload/native CRISP_TEST_VM=1 DOTNET_ROOT=/payload/dotnet DOTNET_TieredPGO=0
EOF
truncate -s 2G "$work/payload.ext4"
mke2fs -q -t ext4 -O ^has_journal -d "$payload" "$work/payload.ext4"
rm -rf "$payload"

say "boot"
accelerate=(-accel "tcg,thread=multi" -cpu "EPYC,+svm")
if [ "${CRISP_VM_KVM:-}" = 1 ]; then
	accelerate=(-accel kvm -cpu host)
fi
: > "$work/tests.log"
qemu-system-x86_64 -M q35 "${accelerate[@]}" -smp 2 -m "${CRISP_VM_MEMORY:-3072}" -nodefaults -no-reboot -display none \
	-kernel "$cache/vmlinux" -initrd "$cache/initrd" \
	-append "console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor systemd.show_status=0 systemd.unified_cgroup_hierarchy=1" \
	-drive "if=none,id=root,format=raw,file=$cache/root.ext4,snapshot=on" -device virtio-blk-pci,drive=root \
	-drive "if=none,id=payload,format=raw,file=$work/payload.ext4,cache=unsafe" -device virtio-blk-pci,drive=payload \
	-object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng \
	-chardev "file,id=console,path=$work/console.log" -serial chardev:console \
	-chardev "file,id=tests,path=$work/tests.log" -serial chardev:tests < /dev/null 2> "$work/qemu.log" &
qemu=$!
tail -n +1 -f --pid="$qemu" "$work/tests.log" | sed -u '/^crisp-vm-exit/d' &
follower=$!
limit=${CRISP_VM_TIMEOUT:-3600}
while kill -0 "$qemu" 2> /dev/null; do
	if [ "$SECONDS" -gt "$limit" ]; then
		echo "The test VM did not end within $limit s; the end of its console:"
		tail -n 30 "$work/console.log"
		kill "$qemu"
		break
	fi
	sleep 1
done
wait "$follower" || true
code=$(sed -n 's/^crisp-vm-exit \([0-9]*\).*/\1/p' "$work/tests.log" | tail -n 1)
if [ -z "$code" ]; then
	echo "The test VM ended without a result; the end of its console:"
	tail -n 40 "$work/console.log" "$work/qemu.log"
	echo "0 passed, 1 failed"
	exit 1
fi
exit "$code"
