#!/usr/bin/env bash
# tests/vm/demo.sh: ./demo.sh in the test VM, whose KVM runs a pod that is a virtual machine, with crisp and crisp-sandbox from
# artifacts/native. Ends with demo.sh's exit code.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -x artifacts/native/crisp ] || {
	echo "tests/vm/demo.sh: publish crisp and crisp-sandbox into artifacts/native first (CONTRIBUTING.md)."
	exit 1
}
archive=$(tests/images/debian.sh)
registry=$(tests/images/docker-registry.sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-vm-demo-XXXXXX")
trap 'rm -rf "$work"' EXIT
payload=$work/payload
mkdir -p "$payload/bin" "$payload/cache" "$payload/tests"
cp -a demo demo.sh "$payload/"
cp -a tests/images "$payload/tests/"
cp "$registry" "$payload/bin/docker-registry"
cp "$archive" "$payload/cache/"
cat > "$payload/run" <<- 'END'
	#!/bin/bash
	cd /payload/extra
	touch cache/debian-12.tar
	export PATH=$PWD/bin:$PATH CRISP_CACHE=$PWD/cache
	exec ./demo.sh
END
chmod +x "$payload/run"
CRISP_VM_PAYLOAD=$payload CRISP_VM_KEEP_NATIVE=1 CRISP_VM_ENVIRONMENT="CRISP_MODULE=kvm_amd" tests/vm/run.sh Sandbox
