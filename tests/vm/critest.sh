#!/usr/bin/env bash
# tests/vm/critest.sh [CRITEST'S OPTIONS]: tests/critest/run.sh in the test VM, where there are cgroup v2 and AppArmor. critest comes
# from PATH or CRITEST; crisp and crisp-sandbox from artifacts/native. CRI_RUNTIME_HANDLER=kvm makes every pod a virtual machine.
# Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
critest=${CRITEST:-$(command -v critest || true)}
[ -x "$critest" ] || fail "critest is neither in PATH nor named by CRITEST."
make_payload
images=$(tests/critest/images.sh)
registry=$(tests/images/docker-registry.sh)
cp -a "$(dirname "$images")" "$payload/cache/critest"
cp -a tests/critest tests/images "$payload/tests/"
cp "$critest" "$payload/bin/critest"
cp "$registry" "$payload/bin/docker-registry"
# The specs about AppArmor load their profiles with it, and whoever runs here is root already.
printf '#!/bin/sh\nexec "$@"\n' > "$payload/bin/sudo"
chmod +x "$payload/bin/sudo"
program <<< "exec tests/critest/run.sh ${*@Q}"
boot ${CRI_RUNTIME_HANDLER:+CRISP_MODULE=kvm_amd CRI_RUNTIME_HANDLER="$CRI_RUNTIME_HANDLER"}
