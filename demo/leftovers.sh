# shellcheck shell=bash
# What demo.sh leaves on the node, which must be nothing. Everything of it carries its name ($name, $work, $bridge): processes by
# cgroup and arguments, mounts, cgroups, sockets, files, interfaces, rules. Namespaces have no name: those of the pods are noted
# while they run, and the pods' interfaces on the node with them.
pids() { grep -l "$name" /proc/[0-9]*/cgroup 2> /dev/null | cut -d/ -f3; }
note_namespaces() {
	local pid kind own
	for pid in $(pids); do
		for kind in mnt pid ipc uts net cgroup; do
			own=$(readlink "/proc/$pid/ns/$kind" 2> /dev/null) || continue
			[ "$own" = "$(readlink "/proc/self/ns/$kind")" ] || echo "$own" | tr -dc '0-9\n'
		done
	done | sort -u > "$notes/namespaces"
	ip -o link show master "$bridge" | awk -F'[ :@]+' '{ print $2 }' > "$notes/interfaces"
}

# CNI's rules of any network, without their counters.
rules() { { iptables-save; ip6tables-save; } 2> /dev/null | grep -E "$name|$bridge|CNI-" | sed 's/ \[[0-9:]*\]$//' | sort -u; }
note_node() {
	rules > "$notes/rules" || true
	cat /proc/sys/net/ipv4/ip_forward > "$notes/forward"
}

# The plugins keep what pods share: the bridge, portmap's three chains, forwarding. They go with the last network of the node.
remove_network() {
	local chain rule
	ip link delete "$bridge" 2> /dev/null || true
	cat "$notes/forward" > /proc/sys/net/ipv4/ip_forward
	! grep -q CNI-HOSTPORT "$notes/rules" || return 0
	iptables -t nat -S 2> /dev/null | sed -n -E '/^-A (PREROUTING|OUTPUT|POSTROUTING) .*CNI-HOSTPORT|^-A CNI-HOSTPORT-(SETMARK|MASQ)/s/^-A/-D/p' | while read -r rule; do
		xargs iptables -t nat <<< "$rule" || true
	done
	for chain in DNAT SETMARK MASQ; do
		iptables -t nat -X "CNI-HOSTPORT-$chain" 2> /dev/null || true
	done
}

leases() { find "$work/leases" -type f -name '[0-9]*' -printf 'lease %f\n' 2> /dev/null; }

# Whether a process is younger than the removal, or has ended.
is_young() {
	local age
	age=$(ps -o etimes= -p "$1") || return 0
	[ "$age" -le $((SECONDS - removal + 1)) ]
}

# After the removal that started at $removal, in seconds of demo.sh.
remains() {
	local pid number
	for pid in $(pids); do
		# A dead process that init has not waited for yet is none.
		grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null || echo "process $pid"
	done
	pgrep -f "$work/" | sed 's/^/process /'
	awk -v name="$name" '$2 ~ name { print "mount", $2 }' /proc/self/mounts
	find /sys/fs/cgroup -maxdepth 7 -type d -name "*$name*" 2> /dev/null | sed 's/^/cgroup /'
	awk -v name="$name" '$8 ~ name { print "socket", $8 }' /proc/net/unix
	find /tmp /run /var/lib /var/lib/cni -maxdepth 1 -name "*$name*" 2> /dev/null | sed 's/^/file /'
	# The kernel gives a namespace's number to the next one: what a younger process than the removal is in, is another.
	lsns --noheadings --output NS,PID 2> /dev/null | while read -r number pid; do
		! grep -q -x "$number" "$notes/namespaces" || is_young "$pid" || echo "namespace $number of process $pid"
	done
	ip -o link | awk -F'[ :@]+' '{ print $2 }' | grep -x -F -e "$bridge" -f "$notes/interfaces" | sed 's/^/interface /'
	rules | comm -13 "$notes/rules" - | sed 's/^/rule /'
}

# Ends the daemon, whose pods were removed before.
prove_nothing_is_left() {
	local left
	left=$(leases)
	end "$daemon" || fail "crisp serve ended with $?"
	daemon=
	remove_network
	rm -rf "$work"
	left+=$(remains || true)
	[ -z "$left" ] || fail "left over:"$'\n'"$left"
	say "no process, mount, namespace ($(wc -l < "$notes/namespaces") were there), cgroup, socket, file, interface ($(wc -l < "$notes/interfaces") and the bridge), rule or lease is left"
}
