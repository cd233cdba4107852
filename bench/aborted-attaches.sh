#!/usr/bin/env bash
# bench/aborted-attaches.sh [COUNT]: what 10,000 attaches leave behind whose clients go away without a word: threads, descriptors
# and resident memory of the daemon and the pod's process, before and after. Needs root, busybox-static and the .NET SDK;
# CRISP_BIN_DIR names published programs.
set -euo pipefail
cd "$(dirname "$0")/.."

dotnet build tests/CriServer.Tests --nologo -v quiet -clp:NoSummary
CRISP_ABORTED_ATTACHES=${1:-10000} exec artifacts/bin/CriServer.Tests/debug/Crisp.CriServer.Tests \
	-noLogo -noColor -showLiveOutput -method Crisp.CriServer.Tests.Streaming.StreamingTests.AbortedAttaches_LeaveNothing
