#!/usr/bin/env bash
# bench/pod-life.sh [--runs N]: median and p95 of every call of a pod's life (50 runs), with a network of Debian's CNI plugins
# bridge, host-local and portmap. Private temporary directories, nothing is left. Needs root and the .NET SDK; CRISP_BIN_DIR
# names published programs.
set -euo pipefail
cd "$(dirname "$0")/.."
. demo/narration.sh
. demo/prepare.sh
. demo/node.sh
. demo/leftovers.sh

install_missing
bin=${CRISP_BIN_DIR:-$PWD/artifacts/native}
[ -n "${CRISP_BIN_DIR:-}" ] || publish "$bin"
PATH=$bin:$PATH
dotnet build bench/PodLife -c Release --nologo -v quiet -clp:NoSummary
image=localhost/crisp/debian:12
archive=$(tests/images/debian.sh)

make_node
clean() {
	local status=$?
	trap - EXIT
	remove_node "$status"
	exit "$status"
}
trap clean EXIT
note_node
configure_node
serve
crisp image import "$archive" > /dev/null
artifacts/bin/PodLife/release/Crisp.PodLife --socket "$CRISP_SOCKET" --image "$image" --pod-network --cgroup-parent "$name/pods" "$@"
touch "$notes/namespaces" "$notes/interfaces"
removal=$SECONDS
find /sys/fs/cgroup -depth -type d -path "*/$name/pods" -exec rmdir {} + 2> /dev/null || true
prove_nothing_is_left
