#!/usr/bin/env bash
# bench/vm-pods.sh [--pods N]: the time from `crisp run` of a pod with one container to the container's first log line, by the log's own
# clock, for N pods (5) one after the other, all of which stay; and what the process of each has of memory beyond its guest's. Pods of
# namespaces first, then virtual machines. Runs in the test VM, where KVM runs kernels; crisp and crisp-sandbox come from
# artifacts/native.
set -euo pipefail
cd "$(dirname "$0")/.."
pods=5
[ "${1:-}" != --pods ] || pods=$2
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
make_payload
archive=$(tests/images/debian.sh)
cp -a demo "$archive" "$payload/"
cp bench/vm/measure-pods "$payload/run"
echo "$pods" > "$payload/pods"
boot CRISP_MODULE=kvm_amd
