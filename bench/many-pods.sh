#!/usr/bin/env bash
# bench/many-pods.sh [--pods N] [--kills N]: starts many pods (200), each with a container, an address of a CNI bridge and a host
# port, and removes them, while the daemon is killed (5 times: among the starts, and among the removals). Afterwards the leases must be
# those of the pods; in the end nothing may be left: processes, mounts, namespaces, cgroups, sockets, files, interfaces, rules,
# leases. Needs root, Debian's CNI plugins and the .NET SDK; CRISP_BIN_DIR names published programs.
set -euo pipefail
cd "$(dirname "$0")/.."
. demo/narration.sh
. demo/prepare.sh
. demo/node.sh
. demo/leftovers.sh

pods=200 kills=5
while [ $# -gt 0 ]; do
	case $1 in
	--pods) pods=$2 ;;
	--kills) kills=$2 ;;
	*)
		sed -n 2,5p "$0" >&2
		exit 2
		;;
	esac
	shift 2
done

install_missing
bin=${CRISP_BIN_DIR:-$PWD/artifacts/native}
[ -n "${CRISP_BIN_DIR:-}" ] || publish "$bin"
PATH=$bin:$PATH
export image=localhost/crisp/debian:12
archive=$(tests/images/debian.sh)

make_node
export notes
worker=
clean() {
	local status=$?
	trap - EXIT
	[ -z "$worker" ] || end "$worker" 2> /dev/null || true
	remove_node "$status"
	exit "$status"
}
trap clean EXIT
note_node
configure_node
serve
crisp image import "$archive" > /dev/null
now() { date +%s.%N; }
since() { awk -v start="$1" -v end="$(now)" 'BEGIN { printf "%.1f", end - start }'; }

# One pod; what a killed daemon did not answer is tried again, in another pod.
start_one() {
	# Ports that this script alone uses, and outside of the range of outgoing connections. What was made without an answer has its port.
	local try port
	for try in $(seq 50); do
		port=$((21000 + (try - 1) * pods + $1))
		crisp run -d --pod "pod-$1-$try" --name app -p "$port:80" --entrypoint sleep "$image" 100000 2>> "$notes/interrupted" >> "$notes/started" && return
		sleep 0.2
	done
	return 1
}
export -f start_one
export pods

# kill_while PID COUNT: kill -9 of the daemon at random moments, and a new one at once, while a process runs.
kill_while() {
	local killed
	worker=$1
	for killed in $(seq "$2"); do
		sleep "0.$((RANDOM % 9))$((RANDOM % 9 + 1))"
		sleep 1
		kill -0 "$worker" 2> /dev/null || break
		kill -9 "$daemon"
		wait "$daemon" 2> /dev/null || true
		serve
		total=$((total + 1))
	done
	wait "$worker" || fail "not everything was started or removed, after $killed kills"
	worker=
}

total=0 start=$(now)
touch "$notes/interrupted" "$notes/started"
seq "$pods" | xargs -P 4 -I {} bash -c 'start_one {}' &
kill_while $! $(((kills + 1) / 2))
say "$(sort -u "$notes/started" | wc -l) pods started in $(since "$start") s, over $total kill -9 and $(grep -c crisp: "$notes/interrupted" || true) interrupted calls"
note_namespaces

# A lease's first line is its pod.
crisp pods --quiet | sort > "$notes/pods"
find "$work/leases" -type f -name '[0-9]*' -exec sed -s -n 1p {} + | tr -d '\r' | sort > "$notes/leases"
comm -3 "$notes/pods" "$notes/leases" > "$notes/differing"
[ ! -s "$notes/differing" ] || fail "pods without a lease, or leases without a pod:"$'\n'"$(cat "$notes/differing")"
say "$(wc -l < "$notes/pods") pods, $(wc -l < "$notes/leases") leases, the same"
say "crisp serve: $(awk '/VmRSS/ { printf "%.1f MB", $2 / 1000 }' "/proc/$daemon/status") resident"

remove_all() {
	for _ in $(seq 50); do
		crisp rm --all --force > /dev/null 2>> "$notes/interrupted" && return
		sleep 0.2
	done
	return 1
}
removal=$SECONDS start=$(now) before=$total
remove_all &
kill_while $! $((kills / 2))
[ -z "$(crisp pods --quiet)" ] || fail "pods are left: $(crisp pods)"
say "removed in $(since "$start") s, over $((total - before)) kill -9"
prove_nothing_is_left
