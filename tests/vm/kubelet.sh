#!/usr/bin/env bash
# tests/vm/kubelet.sh: tests/kubelet/run.sh in the test VM, with cgroup v2, systemd and the driver that CRISP_CGROUP_DRIVER names (default:
# systemd), and with a pod that is a virtual machine. kubelet, kube-apiserver, kubectl and etcd come from PATH, crisp and crisp-sandbox
# from artifacts/native. Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
fail() {
	echo "tests/vm/kubelet.sh: $1"
	exit 1
}
[ -x artifacts/native/crisp ] || fail "publish crisp and crisp-sandbox into artifacts/native first (CONTRIBUTING.md)."
archive=$(tests/images/debian.sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-vm-kubelet-XXXXXX")
trap 'rm -rf "$work"' EXIT
payload=$work/payload
mkdir -p "$payload/bin" "$payload/cache" "$payload/tests/critest"
for program in kubelet kube-apiserver kubectl etcd; do
	cp "$(command -v "$program" || fail "$program is not in PATH.")" "$payload/bin/"
done
cp -a tests/kubelet tests/images "$payload/tests/"
cp tests/critest/common.sh "$payload/tests/critest/"
cp "$archive" "$payload/cache/"
cat > "$payload/run" <<- END
	#!/bin/bash
	cd /payload/extra
	touch cache/debian-12.tar
	export PATH=\$PWD/bin:\$PATH CRISP_CACHE=\$PWD/cache CRISP_CGROUP_DRIVER=${CRISP_CGROUP_DRIVER:-systemd} KUBELET_OUT=/tmp/out
	tests/kubelet/run.sh
	code=\$?
	[ "\$code" = 0 ] || { tail -n 40 /tmp/out/kubelet.log | cut -c 1-300; grep -E ' (warn|error) ' /tmp/out/crisp.log | tail -n 20; }
	exit "\$code"
END
chmod +x "$payload/run"
CRISP_VM_PAYLOAD=$payload CRISP_VM_KEEP_NATIVE=1 CRISP_VM_MEMORY=${CRISP_VM_MEMORY:-4096} CRISP_VM_ENVIRONMENT="CRISP_MODULE=kvm_amd" tests/vm/run.sh Sandbox
