#!/usr/bin/env bash
# tests/vm/shutdown.sh: a node's shutdown. The test VM is switched off, with crisp and a kubelet as its services and pods that run, one of them
# a virtual machine. The kubelet must end them first (graceful node shutdown). With CRISP_SHUTDOWN_GRACE= it has no grace period for them, and
# systemd ends them. kubelet, kube-apiserver, kubectl and etcd come from PATH, crisp and crisp-sandbox from artifacts/native. Ends with
# "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
make_payload
archive=$(tests/images/debian.sh)
for program in kubelet kube-apiserver kubectl etcd; do
	file=$(command -v "$program") || fail "$program is not in PATH."
	cp "$file" "$payload/bin/"
done
mkdir "$payload/tests/critest"
cp -a tests/kubelet "$payload/tests/"
cp tests/critest/common.sh "$payload/tests/critest/"
cp "$archive" "$payload/cache/"
cp tests/vm/shutdown "$payload/run"
export CRISP_VM_MEMORY=${CRISP_VM_MEMORY:-4096} CRISP_VM_TIMEOUT=${CRISP_VM_TIMEOUT:-900}
boot CRISP_MODULE=kvm_amd CRISP_SHUTDOWN_GRACE="${CRISP_SHUTDOWN_GRACE-40s}"
