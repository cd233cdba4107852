#!/usr/bin/env bash
# tests/vm/critest.sh [CRITEST'S OPTIONS]: tests/critest/run.sh in the test VM, where there are cgroup v2 and AppArmor. critest comes
# from PATH or CRITEST; crisp and crisp-sandbox from artifacts/native. CRI_RUNTIME_HANDLER=kvm makes every pod a virtual machine.
# Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
fail() {
	echo "tests/vm/critest.sh: $1"
	exit 1
}
critest=${CRITEST:-$(command -v critest || true)}
[ -x "$critest" ] || fail "critest is neither in PATH nor named by CRITEST."
[ -x artifacts/native/crisp ] || fail "publish crisp and crisp-sandbox into artifacts/native first (CONTRIBUTING.md)."
images=$(tests/critest/images.sh)
registry=$(tests/images/docker-registry.sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-vm-critest-XXXXXX")
trap 'rm -rf "$work"' EXIT

payload=$work/payload
mkdir -p "$payload/bin" "$payload/cache" "$payload/tests"
cp -a "$(dirname "$images")" "$payload/cache/critest"
cp -a tests/critest tests/images "$payload/tests/"
cp "$critest" "$payload/bin/critest"
cp "$registry" "$payload/bin/docker-registry"
# The specs about AppArmor load their profiles with it, and whoever runs here is root already.
printf '#!/bin/sh\nexec "$@"\n' > "$payload/bin/sudo"
chmod +x "$payload/bin/sudo"
{
	echo '#!/bin/bash'
	echo 'cd /payload/extra'
	echo 'export PATH=$PWD/bin:$PATH CRISP_CACHE=$PWD/cache'
	[ -z "${CRI_RUNTIME_HANDLER:-}" ] || echo "export CRI_RUNTIME_HANDLER=$CRI_RUNTIME_HANDLER"
	echo "exec tests/critest/run.sh ${*@Q}"
} > "$payload/run"
chmod +x "$payload/run"
export CRISP_VM_PAYLOAD=$payload CRISP_VM_KEEP_NATIVE=1
[ -z "${CRI_RUNTIME_HANDLER:-}" ] || export CRISP_VM_ENVIRONMENT="CRISP_MODULE=kvm_amd ${CRISP_VM_ENVIRONMENT:-}"
tests/vm/run.sh Sandbox
