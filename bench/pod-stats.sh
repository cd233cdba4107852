#!/usr/bin/env bash
# bench/pod-stats.sh [--pods N] [--seconds N]: what it costs crisp to be asked once a second for the statistics of many pods,
# against the goal of 2 % of a core for 100. Private temporary directories, pods on the node's network. Needs root and the .NET
# SDK; CRISP_BIN_DIR names published programs. Under load of other programs the processor time grows: measure on an idle machine.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=${CRISP_BIN_DIR:-$PWD/artifacts/native}
if [ -z "${CRISP_BIN_DIR:-}" ]; then
	for project in Sandbox CriServer; do
		dotnet publish "src/$project" -c Release -r linux-x64 --nologo -v quiet -o "$bin"
	done
fi
dotnet build bench/PodStats -c Release --nologo -v quiet -clp:NoSummary

image=localhost/crisp/debian:12
archive=$(tests/images/debian.sh)

work=$(mktemp -d /tmp/crisp-bench-XXXXXX)
export CRISP_SOCKET=$work/run/crisp.sock
"$bin/crisp" serve --root "$work/root" --run "$work/run" 2> "$work/log" &
daemon=$!
clean() {
	status=$?
	trap - EXIT
	"$bin/crisp" rm --all --force > /dev/null 2>&1 || true
	kill "$daemon" 2> /dev/null && wait "$daemon" 2> /dev/null || true
	[ "$status" = 0 ] || tail -n 20 "$work/log" >&2 || true
	rm -rf "$work"
	exit "$status"
}
trap clean EXIT
for _ in $(seq 100); do
	[ -S "$CRISP_SOCKET" ] && "$bin/crisp" ps > /dev/null 2>&1 && break
	sleep 0.1
done
"$bin/crisp" image import "$archive"
artifacts/bin/PodStats/release/Crisp.PodStats --socket "$CRISP_SOCKET" --image "$image" --cgroup-parent "crisp-bench-$$" "$@"
rmdir /sys/fs/cgroup/*/"crisp-bench-$$" "/sys/fs/cgroup/crisp-bench-$$" 2> /dev/null || true
