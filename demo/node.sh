# shellcheck shell=bash
# A node of its own for demo.sh and the scripts of bench: crisp serve on private temporary directories, and a pod network with a
# private bridge and subnet. Its state is in $work, $name, $bridge, $subnet, $daemon and, for the proof at the end, $notes.
make_node() {
	work=$(mktemp -d /tmp/crisp-demo-XXXXXX)
	notes=$(mktemp -d)
	name=$(basename "$work")
	bridge=demo${name#crisp-demo-}
	daemon=
	export CRISP_SOCKET=$work/run/crisp.sock
}

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

# free_subnet: the first three numbers of a subnet that no route of this node leads to.
free_subnet() {
	local subnet
	for _ in $(seq 20); do
		subnet=10.$((RANDOM % 56 + 200)).$((RANDOM % 256))
		ip route | grep -q "^${subnet%.*}\." || { echo "$subnet" && return; }
	done
	fail "no subnet of 10.200.0.0 to 10.255.0.0 is free"
}

configure_node() {
	subnet=$(free_subnet)
	mkdir "$work/cni"
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
		[runtimes.kvm]
		memory = "128M"
	END
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

# remove_node STATUS: everything, whatever state it is in; with a status that is not 0 the log's end is shown.
remove_node() {
	if [ -n "$daemon" ]; then
		# Pods outlive their daemon: only one of their own can take them down.
		kill -0 "$daemon" 2> /dev/null || serve || true
		crisp rm --all --force > /dev/null 2>&1 || true
		end "$daemon" 2> /dev/null || true
	fi
	[ ! -e "$notes/forward" ] || remove_network
	[ "$1" = 0 ] || tail -n 20 "$work/log" 2> /dev/null >&2 || true
	rm -rf "$work" "$notes"
}
