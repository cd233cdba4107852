#!/usr/bin/env bash
# tests/vm/demo.sh: ./demo.sh in the test VM, whose KVM runs a pod that is a virtual machine, with crisp and crisp-sandbox from
# artifacts/native. Ends with demo.sh's exit code.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
make_payload
archive=$(tests/images/debian.sh)
registry=$(tests/images/docker-registry.sh)
cp -a demo demo.sh "$payload/"
cp -a tests/images "$payload/tests/"
cp "$registry" "$payload/bin/docker-registry"
cp "$archive" "$payload/cache/"
program <<< "exec ./demo.sh"
boot CRISP_MODULE=kvm_amd
