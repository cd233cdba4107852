#!/usr/bin/env bash
# ./demo.sh: the life of two pods under crisp, from a registry to the last lease, narrated with times, in private temporary
# directories. Needs root, a Debian 12 or later and the .NET SDK 10; installs the Debian packages that are missing, and leaves
# nothing behind but those and the build. CRISP_BIN_DIR names programs that were built elsewhere.
set -euo pipefail
cd "$(dirname "$0")"
. demo/narration.sh
. demo/prepare.sh
. demo/leftovers.sh

[ "$(id -u)" = 0 ] || fail "namespaces, mounts and cgroups need root. Try: sudo ./demo.sh"
command -v dotnet > /dev/null || fail "the .NET SDK 10 is missing. On Debian: https://learn.microsoft.com/dotnet/core/install/linux-debian"

step "What is missing"
install_missing
registry_program=$(tests/images/docker-registry.sh)

step "Build crisp and crisp-sandbox, ahead of time"
bin=${CRISP_BIN_DIR:-$PWD/artifacts/native}
[ -n "${CRISP_BIN_DIR:-}" ] || publish "$bin"
PATH=$bin:$PATH
say "$(crisp --version): $(du -h "$bin/crisp" | cut -f1) crisp, $(du -h "$bin/crisp-sandbox" | cut -f1) crisp-sandbox"

work=$(mktemp -d /tmp/crisp-demo-XXXXXX)
notes=$(mktemp -d)
name=$(basename "$work")
bridge=demo${name#crisp-demo-}
export CRISP_SOCKET=$work/run/crisp.sock
daemon= registry= events=
# free_port: one that nobody listens on at this moment.
free_port() {
	local port
	for port in $(shuf -i 20000-30000 -n 20); do
		(exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo "$port" && return; }
	done
	fail "no port from 20000 to 30000 is free"
}
# end PID: SIGTERM, and its exit code.
end() {
	kill "$1"
	wait "$1"
}
serve() {
	crisp serve --config "$work/config.toml" >> "$work/log" 2>&1 &
	daemon=$!
	for _ in $(seq 100); do
		crisp ps > /dev/null 2>&1 && return
		kill -0 "$daemon" 2> /dev/null || { cat "$work/log" >&2; fail "crisp serve ended"; }
		sleep 0.05
	done
	fail "crisp serve does not answer; its log is $work/log"
}
clean() {
	status=$?
	trap - EXIT
	if [ -n "$daemon" ]; then
		# Pods outlive their daemon: only one of their own can take them down.
		kill -0 "$daemon" 2> /dev/null || serve || true
		crisp rm --all --force > /dev/null 2>&1 || true
	fi
	for process in $events $daemon $registry; do
		end "$process" 2> /dev/null || true
	done
	[ ! -e "$notes/forward" ] || remove_network
	[ "$status" = 0 ] || tail -n 20 "$work/log" 2> /dev/null >&2 || true
	rm -rf "$work" "$notes"
	exit "$status"
}
trap clean EXIT
note_node

step "A registry on loopback, with a real image of four layers"
archive=${CRISP_CACHE:-/var/cache/crisp-tests}/debian-12.tar
[ "$archive" -nt tests/images/debian.sh ] || tests/images/debian.sh "$archive" localhost/crisp/debian:12 > /dev/null
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
# A subnet that no route of this node leads to.
for _ in $(seq 20); do
	subnet=10.$((RANDOM % 56 + 200)).$((RANDOM % 256))
	ip route | grep -q "^${subnet%.*}\." || break
done
mkdir "$work/cni" "$work/www"
cat > "$work/cni/demo.conflist" <<-END
	{
	  "cniVersion": "1.0.0", "name": "$name",
	  "plugins": [
	    { "type": "bridge", "bridge": "$bridge", "isGateway": true, "ipMasq": true,
	      "ipam": { "type": "host-local", "dataDir": "$work/leases", "ranges": [[{ "subnet": "$subnet.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
	    { "type": "portmap", "capabilities": { "portMappings": true } }
	  ]
	}
END
cat > "$work/config.toml" <<-END
	root = "$work/root"
	run = "$work/run"
	cgroup_parent = "$name"
	[cni]
	conf_dir = "$work/cni"
END
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
left=$(leases)
end "$daemon" || fail "crisp serve ended with $?"
daemon=
end "$registry" || true
registry=
remove_network
rm -rf "$work"
left+=$(remains || true)
[ -z "$left" ] || fail "left over:"$'\n'"$left"
say "no process, mount, namespace ($(wc -l < "$notes/namespaces") were there), cgroup, socket, file, interface ($(wc -l < "$notes/interfaces") and the bridge), rule or lease is left"
printf '\n%sdone%s in %d s\n' "$bold" "$plain" "$SECONDS"
