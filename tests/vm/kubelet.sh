#!/usr/bin/env bash
# tests/vm/kubelet.sh: tests/kubelet/run.sh in the test VM, with cgroup v2, systemd and the driver that CRISP_CGROUP_DRIVER names (default:
# systemd), and with a pod that is a virtual machine. kubelet, kube-apiserver, kubectl, etcd and, if it is there, metrics-server come from
# PATH, crisp and crisp-sandbox from artifacts/native. Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
make_payload
archive=$(tests/images/debian.sh)
mkdir "$payload/tests/critest"
for program in kubelet kube-apiserver kubectl etcd; do
	file=$(command -v "$program") || fail "$program is not in PATH."
	cp "$file" "$payload/bin/"
done
! program=$(command -v metrics-server) || cp "$program" "$payload/bin/"
cp -a tests/kubelet tests/images "$payload/tests/"
cp tests/critest/common.sh "$payload/tests/critest/"
cp "$archive" "$payload/cache/"
program <<- 'END'
	KUBELET_OUT=/tmp/out tests/kubelet/run.sh
	code=$?
	[ "$code" = 0 ] || { tail -n 40 /tmp/out/kubelet.log | cut -c 1-300; grep -E ' (warn|error) ' /tmp/out/crisp.log | tail -n 20; }
	exit "$code"
END
export CRISP_VM_MEMORY=${CRISP_VM_MEMORY:-4096}
boot CRISP_MODULE=kvm_amd CRISP_CGROUP_DRIVER="${CRISP_CGROUP_DRIVER:-systemd}"
