#!/usr/bin/env bash
# ./demo.sh: a pod's life under crisp, narrated with times, in private temporary directories. Needs root, a Debian 12 or later
# and the .NET SDK 10; installs the Debian packages that are missing, and leaves nothing behind but those and the build.
set -euo pipefail
cd "$(dirname "$0")"

bold=$(tput bold 2> /dev/null || true) plain=$(tput sgr0 2> /dev/null || true)
step() { printf '\n%s== %s%s  (%d s)\n' "$bold" "$1" "$plain" "$SECONDS"; }
say() { printf '   %s\n' "$*"; }
run() { printf '   %s$ %s%s\n' "$bold" "$*" "$plain"; "$@" 2>&1 | sed 's/^/   /'; }
fail() { printf '\ndemo.sh: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "namespaces, mounts and cgroups need root. Try: sudo ./demo.sh"
command -v dotnet > /dev/null || fail "the .NET SDK 10 is missing. On Debian: https://learn.microsoft.com/dotnet/core/install/linux-debian"

# Everything of this demo on the node carries its name: processes by cgroup and arguments, mounts, cgroups, sockets, files.
# Namespaces have no name: those of the pod are noted while it runs.
remains() {
	# A dead process that init has not waited for yet is none.
	for pid in $(grep -l "$name" /proc/[0-9]*/cgroup 2> /dev/null | cut -d/ -f3); do
		grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null || echo "process $pid"
	done
	pgrep -f "$work/" | sed 's/^/process /'
	awk -v name="$name" '$2 ~ name { print "mount", $2 }' /proc/self/mounts
	find /sys/fs/cgroup -maxdepth 7 -type d -name "*$name*" 2> /dev/null | sed 's/^/cgroup /'
	awk -v name="$name" '$8 ~ name { print "socket", $8 }' /proc/net/unix
	find /tmp /run /var/lib -maxdepth 1 -name "*$name*" 2> /dev/null | sed 's/^/file /'
	lsns --noheadings --output NS 2> /dev/null | tr -d ' ' | grep -x -F -f "$namespaces" | sed 's/^/namespace /'
}
note_namespaces() {
	for pid in $(grep -l "$name" /proc/[0-9]*/cgroup 2> /dev/null | cut -d/ -f3); do
		for kind in mnt pid ipc uts net cgroup; do
			own=$(readlink "/proc/$pid/ns/$kind" 2> /dev/null) || continue
			[ "$own" = "$(readlink "/proc/self/ns/$kind")" ] || echo "$own" | tr -dc '0-9\n'
		done
	done | sort -u
}

step "What is missing"
need=()
for want in gcc:gcc /usr/include/zlib.h:zlib1g-dev tar:tar gzip:gzip lsns:util-linux; do
	command -v "${want%%:*}" > /dev/null || [ -e "${want%%:*}" ] || need+=("${want##*:}")
done
if [ ${#need[@]} -gt 0 ]; then
	say "installing ${need[*]}"
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${need[@]}"; } > /dev/null
else
	say "nothing"
fi

step "Build crisp and crisp-sandbox, ahead of time"
bin=$PWD/artifacts/native
for project in Sandbox CriServer; do
	dotnet publish "src/$project" -c Release -r linux-x64 --nologo -v quiet -o "$bin" > /dev/null
done
crisp=$bin/crisp
say "$("$crisp" --version): $(du -h "$bin/crisp" | cut -f1) crisp, $(du -h "$bin/crisp-sandbox" | cut -f1) crisp-sandbox"

step "A real image of four layers, from Debian's packages"
image=localhost/crisp/debian:12
archive=${CRISP_CACHE:-/var/cache/crisp-tests}/debian-12.tar
[ "$archive" -nt tests/images/debian.sh ] || tests/images/debian.sh "$archive" "$image" > /dev/null
say "$archive, $(du -h "$archive" | cut -f1)"

work=$(mktemp -d /tmp/crisp-demo-XXXXXX)
name=$(basename "$work")
namespaces=$(mktemp)
export CRISP_SOCKET=$work/run/crisp.sock
daemon=
serve() {
	"$crisp" serve --root "$work/root" --run "$work/run" --cgroup-parent "$name" >> "$work/log" 2>&1 &
	daemon=$!
	for _ in $(seq 100); do
		"$crisp" ps > /dev/null 2>&1 && return
		kill -0 "$daemon" 2> /dev/null || { cat "$work/log" >&2; fail "crisp serve ended"; }
		sleep 0.05
	done
	fail "crisp serve does not answer; its log is $work/log"
}
clean() {
	status=$?
	trap - EXIT
	if [ -d "$work/root" ] && [ -n "$daemon" ]; then
		# Pods outlive their daemon: only one of their own can take them down.
		kill -0 "$daemon" 2> /dev/null || serve || true
		"$crisp" rm --all --force > /dev/null 2>&1 || true
		kill "$daemon" 2> /dev/null && wait "$daemon" 2> /dev/null || true
	fi
	[ "$status" = 0 ] || tail -n 20 "$work/log" >&2 || true
	rm -rf "$work" "$namespaces"
	exit "$status"
}
trap clean EXIT

step "What this node can do"
run "$crisp" check || true

step "The daemon, on $work"
serve
say "process $daemon, socket $CRISP_SOCKET"
run "$crisp" image import "$archive"
run "$crisp" images

step "A pod with two containers"
counter=$("$crisp" run -d --pod demo --name counter -e PAUSE=0.01 "$image")
run "$crisp" run -d --pod demo --name shell --memory 64m --entrypoint sleep "$image" 1000
run "$crisp" pods
run "$crisp" ps
sleep 1
run "$crisp" logs --tail 3 counter
note_namespaces > "$namespaces"

step "Inside: a command, as the container sees itself"
run "$crisp" exec shell sh -c 'echo "I am process $$ of $(ls -d /proc/[0-9]* | wc -l), $(id -un), on $(uname -r)"; mount | grep " / "'

step "kill -9 of the daemon, while the pod writes numbered lines"
lines() { find "$work/root/logs" -name 'counter.log*' -exec cat {} + | wc -l; }
before=$(lines)
kill -9 "$daemon"
wait "$daemon" 2> /dev/null || true
sleep 1
say "without a daemon the log grew from $before to $(lines) lines"
serve
say "a new daemon, process $daemon"
run "$crisp" ps
run "$crisp" exec shell echo "still here"

step "Not one line lost"
"$crisp" stop --time 1 counter > /dev/null
"$crisp" logs counter | awk '$1 == "line" { if ($2 != n) { print "line " n " is missing"; exit 1 } n++ } END { print "   lines 0 to " n - 1 ", none missing" }' \
	|| fail "a line was lost"

memory() { awk '/^Rss|^Pss:|^Private_Dirty/ { printf "%s %.1f MB  ", $1, $2 / 1024 } END { print "" }' "/proc/$1/smaps_rollup"; }
sandbox=$(pgrep -f "crisp-sandbox .*$work" | head -n 1)
step "Memory"
say "crisp serve    $(memory "$daemon")"
say "crisp-sandbox  $(memory "$sandbox")"

step "All of it goes"
run "$crisp" rm --all --force
run "$crisp" pods
kill "$daemon"
wait "$daemon" || fail "crisp serve ended with $?"
daemon=
rm -rf "$work"
left=$(remains || true)
[ -z "$left" ] || fail "left over:"$'\n'"$left"
say "no process, mount, namespace ($(wc -l < "$namespaces") were there), cgroup, socket or file is left"
printf '\n%sdone%s in %d s\n' "$bold" "$plain" "$SECONDS"
