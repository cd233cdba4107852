#!/usr/bin/env bash
# tests/vm/run.sh [NAME...]: builds the named test projects (all that make sense there by default), boots the test VM with
# them and runs them. Ends with the plain line "N passed, N failed" and the suites' exit code. qemu emulates the machine.
# tests/vm/run.sh kvm-pods: the suite Conformance with pods that are virtual machines, in machines within the machine.
# tests/vm/run.sh --shell [NAME...]: the same VM with a root shell on this terminal instead; leave it to end the VM.
set -euo pipefail
# A function, so that a change to this file does not reach a run that is under way.
main() {
	cd "$(dirname "$0")/../.."
	shell=
	if [ "${1:-}" = --shell ]; then
		shell=1
		shift
	fi
	machines=
	if [ "${1:-}" = kvm-pods ]; then
		machines=1
		set -- Conformance
	fi
	names=("$@")
	[ ${#names[@]} -gt 0 ] || names=(Linux Cgroups Install NodeAgent Kvm GuestImages Network Images Sandbox CriServer Conformance)

	say() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }
	fail() {
		printf '%s\n' "$@"
		echo "0 passed, 1 failed"
		exit 1
	}
	project() {
		local file
		for file in tests/"$1.Tests/$1.Tests.csproj" tests/*/"$1.Tests/$1.Tests.csproj"; do
			[ ! -e "$file" ] || echo "$file"
		done
	}
	for name in "${names[@]}"; do
		[ -n "$(project "$name")" ] || fail "tests/vm/run.sh: there is no project tests/$name.Tests."
	done
	cache=$(tests/vm/build.sh) || fail "tests/vm/run.sh: the test VM could not be built."

	say "build"
	for name in "${names[@]}"; do
		dotnet build "$(project "$name")" --nologo -v quiet -clp:NoSummary || fail "tests/vm/run.sh: tests/$name.Tests does not build."
	done
	publish=$PWD/artifacts/native
	case " ${names[*]} " in
		*" Sandbox "* | *" CriServer "* | *" Conformance "* | *" NodeAgent "*)
			if [ -z "${CRISP_VM_KEEP_NATIVE:-}" ] || [ ! -x "$publish/crisp" ]; then
				say "publish the programs (NativeAOT)"
				for project in Sandbox CriServer NodeAgent; do
					dotnet publish "src/$project" -c Release -r linux-x64 --nologo -v quiet -o "$publish" ||
						fail "tests/vm/run.sh: src/$project cannot be published."
				done
			fi
			;;
		*) publish= ;;
	esac

	say "payload"
	work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-vm-XXXXXX")
	qemu='' follower=''
	clean() {
		[ -z "$qemu" ] || kill "$qemu" 2> /dev/null || true
		[ -z "$follower" ] || wait "$follower" 2> /dev/null || true
		rm -rf "$work"
	}
	trap clean EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	payload=$work/payload
	mkdir -p "$payload/tests" "$payload/bin" "$payload/dotnet/shared"
	cp tests/suites.sh "$payload/tests/"
	cp tests/vm/init "$payload/"
	for name in "${names[@]}"; do
		mkdir -p "$payload/bin/$name.Tests"
		cp -a "artifacts/bin/$name.Tests/debug" "$payload/bin/$name.Tests/"
	done
	[ -z "$publish" ] || cp -a "$publish" "$payload/native"
	dotnet_root=$(dirname "$(readlink -f "$(command -v dotnet)")")
	cp -a "$dotnet_root/host" "$payload/dotnet/"
	for framework in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
		newest=$(ls "$dotnet_root/shared/$framework" | grep '^10\.' | sort -V | tail -n 1)
		mkdir -p "$payload/dotnet/shared/$framework"
		cp -a "$dotnet_root/shared/$framework/$newest" "$payload/dotnet/shared/$framework/"
	done
	kernel=
	case " ${names[*]} " in
		*" Kvm "* | *" Sandbox "* | *" CriServer "*)
			# Virtual machines in the test VM boot its own kernel (docs/testing.md).
			cp "$cache/vmlinux" "$payload/"
			kernel=/payload/vmlinux
			;;
	esac
	[ -z "${CRISP_VM_PAYLOAD:-}" ] || cp -a "$CRISP_VM_PAYLOAD" "$payload/extra"
	if [ -n "$machines" ]; then
		cp "$cache/vmlinux" "$payload/"
		kernel=/payload/vmlinux
	fi
	[ -z "${CRISP_TEST_IMAGE:-}" ] || cp "$CRISP_TEST_IMAGE" "$payload/image.tar"
	arguments=${CRISP_TEST_ARGUMENTS:-}
	cat > "$payload/environment" <<EOF
export CRISP_TEST_ARGUMENTS=${arguments@Q}
export SUITES="${names[*]}" SHELL_ONLY=$shell CRISP_BIN_DIR=/payload/native CRISP_TEST_VM=1 DOTNET_ROOT=/payload/dotnet CRISP_SUITE_TIMEOUT=${CRISP_SUITE_TIMEOUT:-1800}
[ -z "$kernel" ] || export CRISP_TEST_KERNEL=$kernel
export DOTNET_TieredPGO=0 ${CRISP_VM_ENVIRONMENT:-}
EOF
	if [ -n "$machines" ]; then
		# One pod at a time: the processors of each are emulated twice. Servers that lie prove nothing of machines.
		cat >> "$payload/environment" <<- 'EOF'
			export CRISP_MODULE=kvm_amd CRI_RUNTIME_HANDLER=kvm
			export CRISP_TEST_ARGUMENTS="${CRISP_TEST_ARGUMENTS:--parallel none -namespace- *.Lies}"
		EOF
	fi
	truncate -s "${CRISP_VM_DISK:-2G}" "$work/payload.ext4"
	mke2fs -q -t ext4 -O ^has_journal -d "$payload" "$work/payload.ext4"
	rm -rf "$payload"

	say "boot"
	accelerate=(-accel "tcg,thread=multi" -cpu "${CRISP_VM_CPU:-EPYC,+svm}")
	if [ "${CRISP_VM_KVM:-}" = 1 ]; then
		accelerate=(-accel kvm -cpu host)
	fi
	: > "$work/tests.log"
	machine=(qemu-system-x86_64 -M q35 "${accelerate[@]}" -smp 2 -m "${CRISP_VM_MEMORY:-3072}" -nodefaults -no-reboot -display none
		-kernel "$cache/vmlinux" -initrd "$cache/initrd"
		-append "console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor systemd.show_status=0 ${CRISP_VM_APPEND:-}"
		-drive "if=none,id=root,format=raw,file=$cache/root.ext4,snapshot=on" -device virtio-blk-pci,drive=root
		-drive "if=none,id=payload,format=raw,file=$work/payload.ext4,cache=unsafe" -device virtio-blk-pci,drive=payload
		-object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng
		-chardev "file,id=console,path=$work/console.log" -serial chardev:console)
	if [ -n "$shell" ]; then
		"${machine[@]}" -chardev stdio,id=tests,signal=off -serial chardev:tests
		exit
	fi
	"${machine[@]}" -chardev "file,id=tests,path=$work/tests.log" -serial chardev:tests < /dev/null 2> "$work/qemu.log" &
	qemu=$!
	tail -n +1 -f --pid="$qemu" "$work/tests.log" | sed -u '/^crisp-vm-exit/d' &
	follower=$!
	limit=$((SECONDS + ${CRISP_VM_TIMEOUT:-3600}))
	while kill -0 "$qemu" 2> /dev/null && ! grep -q '^crisp-vm-exit' "$work/tests.log"; do
		if [ "$SECONDS" -gt "$limit" ]; then
			kill "$qemu"
			wait "$qemu" || true
			fail "The test VM did not end within ${CRISP_VM_TIMEOUT:-3600} s (CRISP_VM_TIMEOUT); the end of its console:" \
				"$(tail -n 30 "$work/console.log")"
		fi
		sleep 0.5
	done
	kill "$qemu" 2> /dev/null || true
	wait "$follower" || true
	code=$(sed -n 's/^crisp-vm-exit \([0-9]*\).*/\1/p' "$work/tests.log" | tail -n 1)
	[ -n "$code" ] || fail "The test VM ended without a result; the end of its console:" "$(tail -n 40 "$work/console.log" "$work/qemu.log")"
	exit "$code"
}
main "$@"
