#!/usr/bin/env bash
# bench/sandbox-memory.sh: the memory of a pod's process under 100 MB of logs, 1,000 execs and 100 container restarts,
# against the goals of the design. Needs root, busybox-static and the .NET SDK; CRISP_BIN_DIR names a published crisp-sandbox.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=${CRISP_BIN_DIR:-$PWD/artifacts/native}
[ -n "${CRISP_BIN_DIR:-}" ] || dotnet publish src/Sandbox -c Release -r linux-x64 --nologo -v quiet -o "$dir"
dotnet build bench/SandboxMemory -c Release --nologo -v quiet -clp:NoSummary
exec artifacts/bin/SandboxMemory/release/Crisp.SandboxMemory "$dir/crisp-sandbox"
