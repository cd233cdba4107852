#!/usr/bin/env bash
# bench/vm-pods.sh [--pods N]: the time from `crisp run` of a pod with one container to the container's first log line, by the log's own
# clock, for N pods (5) one after the other, all of which stay; and what the process of each has of memory beyond its guest's. Pods of
# namespaces first, then virtual machines. Runs in the test VM, where KVM runs kernels; crisp and crisp-sandbox come from
# artifacts/native.
set -euo pipefail
cd "$(dirname "$0")/.."
pods=5
[ "${1:-}" != --pods ] || pods=$2
[ -x artifacts/native/crisp ] || {
	echo "bench/vm-pods.sh: publish crisp and crisp-sandbox into artifacts/native first (CONTRIBUTING.md)."
	exit 1
}
archive=$(tests/images/debian.sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-bench-vm-pods-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/payload"
cp -a demo "$archive" "$work/payload/"
cp bench/vm/measure-pods "$work/payload/run"
echo "$pods" > "$work/payload/pods"
CRISP_VM_PAYLOAD=$work/payload CRISP_VM_KEEP_NATIVE=1 CRISP_VM_ENVIRONMENT="CRISP_MODULE=kvm_amd" tests/vm/run.sh Sandbox
