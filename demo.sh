#!/usr/bin/env bash
# ./demo.sh: the life of two pods under crisp, from a registry to the last lease, narrated with times, in private temporary
# directories. Needs root, a Debian 12 or later and the .NET SDK 10; installs the Debian packages that are missing, and leaves
# nothing behind but those and the build. CRISP_BIN_DIR names programs that were built elsewhere, CRISP_TEST_KERNEL the kernel of the pod
# that is a virtual machine, where it is not the node's own in /boot.
set -euo pipefail
cd "$(dirname "$0")"
. demo/narration.sh
. demo/prepare.sh
. demo/node.sh
. demo/leftovers.sh
. demo/machine.sh

[ "$(id -u)" = 0 ] || fail "namespaces, mounts and cgroups need root. Try: sudo ./demo.sh"
[ -n "${CRISP_BIN_DIR:-}" ] || command -v dotnet > /dev/null || fail "the .NET SDK 10 is missing. On Debian: https://learn.microsoft.com/dotnet/core/install/linux-debian"

step "What is missing"
install_missing
registry_program=$(tests/images/docker-registry.sh)

step "Build crisp and crisp-sandbox, ahead of time"
bin=${CRISP_BIN_DIR:-$PWD/artifacts/native}
[ -n "${CRISP_BIN_DIR:-}" ] || publish "$bin"
PATH=$bin:$PATH
say "$(crisp --version): $(du -h "$bin/crisp" | cut -f1) crisp, $(du -h "$bin/crisp-sandbox" | cut -f1) crisp-sandbox"

make_node
registry= events=
clean() {
	local status=$?
	trap - EXIT
	for process in $events $registry; do
		end "$process" 2> /dev/null || true
	done
	remove_node "$status"
	exit "$status"
}
trap clean EXIT
note_node

step "A registry on loopback, with a real image of four layers"
archive=$(tests/images/debian.sh)
registry_port=$(free_port)
image=localhost:$registry_port/crisp/debian:12
cat > "$work/registry.yml" <<-END
	version: 0.1
	log: { level: error }
	storage: { filesystem: { rootdirectory: $work/registry } }
	http: { addr: "127.0.0.1:$registry_port" }
END
"$registry_program" serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry=$!
for _ in $(seq 100); do
	(exec 3<> "/dev/tcp/127.0.0.1/$registry_port") 2> /dev/null && break
	sleep 0.05
done
run skopeo copy --quiet --dest-tls-verify=false "oci-archive:$archive" "docker://$image"
say "$(du -h "$archive" | cut -f1), made of Debian's packages"

step "What this node can do, with a pod network for this demo"
configure_node
mkdir "$work/www"
run crisp check --config "$work/config.toml" || true

step "The daemon"
serve
say "process $daemon, socket $CRISP_SOCKET"
say "pods: bridge $bridge with $subnet.0/24, addresses by host-local, host ports by portmap"

step "Pull"
show crisp pull "$image"
# Not through a pipe: bars are drawn on terminals alone.
crisp pull "$image"
run crisp image import "$archive"
run crisp images

step "Two pods, the first with two containers and a host port"
stdbuf -oL crisp events > "$work/events" 2>&1 &
events=$!
host_port=$(free_port)
echo "A page from the pod web." > "$work/www/index.html"
run crisp run -d --pod web --name httpd -p "$host_port:80" -v "$work/www:/www:ro" --entrypoint httpd "$image" -f -p 80 -h /www
run crisp run -d --pod web --name shell --memory 64m --entrypoint sleep "$image" 1000
run crisp run -d --pod client --name counter -e PAUSE=0.01 "$image"
run crisp pods
run crisp ps
sleep 1
run crisp logs --tail 3 counter
note_namespaces

step "A page, over three ways"
web=$(crisp inspect "$(crisp pods | awk '$4 == "web" { print $1 }')" | sed -n 's/.*"ip": "\([0-9.]*\)".*/\1/p' | head -n 1)
page() { { exec 3<> "/dev/tcp/$1/$2" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3; } 2>&1 | sed 's/^/   /'; }
say "from the other pod, by the pod's address:"
run crisp exec counter wget -q -O - "http://$web/"
say "from the other container of the pod, by localhost:"
run crisp exec shell wget -q -O - http://localhost/
say "from the node, by the host port $host_port:"
page 127.0.0.1 "$host_port"

step "Inside: a command, as the container sees itself"
run crisp exec shell sh -c 'echo "I am process $$ of $(ls -d /proc/[0-9]* | wc -l), $(id -un), on $(uname -r)"; mount | grep " / "; ip -4 addr show eth0 | grep inet'

step "Streams: a terminal, an attach, a port-forward"
show "crisp exec -it shell sh    (typed: tty, stty size, exit 3)"
# script(1) is the terminal of a person who types.
printf 'tty\nstty size\nexit 3\n' | script -qec 'stty -echo rows 33 cols 100; crisp exec -it shell sh' /dev/null 2>&1 | tr -d '\r' | sed 's/^/   /' || say "exit code $?"
show "crisp attach counter       (for a second)"
timeout 1 crisp attach counter 2>&1 | tail -n 3 | sed 's/^/   /' || true
forwarded=$(free_port)
show "crisp port-forward httpd $forwarded:80 &"
crisp port-forward httpd "$forwarded:80" > "$work/forward" 2>&1 &
forward=$!
for _ in $(seq 100); do
	[ ! -s "$work/forward" ] || break
	sleep 0.05
done
page 127.0.0.1 "$forwarded"
end "$forward" || true
forward=

step "A pod that is a virtual machine"
machine

step "What they use"
run crisp stats --no-stream
run crisp stats --pods --no-stream

step "kill -9 of the daemon, while a pod writes numbered lines"
lines() { find "$work/root/logs" -name 'counter.log*' -exec cat {} + | wc -l; }
before=$(lines)
kill -9 "$daemon"
wait "$daemon" 2> /dev/null || true
sleep 1
say "without a daemon the log grew from $before to $(lines) lines, and the host port says:"
page 127.0.0.1 "$host_port"
wait "$events" || true
events=
say "the events until then:"
sed 's/^/   /' "$work/events"
serve
say "a new daemon, process $daemon"
run crisp ps
run crisp exec counter wget -q -O - "http://$web/"

step "Not one line lost"
crisp stop --time 1 counter > /dev/null
crisp logs counter | awk '$1 == "line" { if ($2 != n) { print "line " n " is missing"; exit 1 } n++ } END { print "   lines 0 to " n - 1 ", none missing" }' \
	|| fail "a line was lost"

memory() { awk '/^Rss|^Pss:|^Private_Dirty/ { printf "%s %.1f MB  ", $1, $2 / 1024 } END { print "" }' "/proc/$1/smaps_rollup"; }
step "Memory"
say "crisp serve    $(memory "$daemon")"
for sandbox in $(pgrep -f "crisp-sandbox .*$work"); do
	say "crisp-sandbox  $(memory "$sandbox")"
done

step "All of it goes"
removal=$SECONDS
run crisp rm --all --force
run crisp pods
end "$registry" || true
registry=
prove_nothing_is_left
printf '\n%sdone%s in %d s\n' "$bold" "$plain" "$SECONDS"
