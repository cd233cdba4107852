#!/usr/bin/env bash
# tests/critest/probe.sh NAME=SOCKET NAME=SOCKET: what a process of an ordinary container may do under one CRI runtime and under
# another: every system call (RuntimeDefault), credentials and mounts (probe.c). For example
#   tests/critest/probe.sh crisp=/run/crisp/crisp.sock containerd=/run/containerd/containerd.sock
# Prints how the second differs from the first, and ends with 1 if it does; PROBE_OUT names a directory for both lists. Needs root,
# crictl in PATH, gcc with a static libc, umoci and skopeo. Both runtimes must speak plain HTTP to 127.0.0.1, as they do by default,
# and see this machine's temporary directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/critest/common.sh
. "$here/common.sh"
[ $# = 2 ] || { sed -n 2,8p "$0" >&2; exit 2; }
command -v crictl > /dev/null || fail "crictl is not in PATH. It is in the releases of https://github.com/kubernetes-sigs/cri-tools."
need gcc:gcc umoci:umoci skopeo:skopeo jq:jq

work=$(mktemp -d /tmp/crisp-probe-XXXXXX)
socket= pod=
cri() { crictl --config /dev/null --timeout 60s --runtime-endpoint "unix://$socket" --image-endpoint "unix://$socket" "$@"; }
clean() {
	status=$?
	trap - EXIT
	[ -z "$pod" ] || cri rmp -f "$pod" > /dev/null || true
	registry_stop
	rm -rf "$work"
	exit "$status"
}
trap clean EXIT

gcc -static -O2 -Wall -Wextra -o "$work/probe" "$here/probe.c"
registry_start "$work/registry" "$work"
umoci init --layout "$work/oci"
umoci new --image "$work/oci:probe"
umoci insert --image "$work/oci:probe" "$work/probe" /probe > /dev/null
skopeo copy -q --dest-tls-verify=false "oci:$work/oci:probe" "docker://$registry_address/probe:1"

# As a kubelet asks for a container of a pod without any securityContext but seccompProfile.
jq -n --arg logs "$work" --arg uid "$(cat /proc/sys/kernel/random/uuid)" '{
	metadata: { name: "probe", namespace: "default", uid: $uid }, log_directory: $logs,
	linux: { security_context: { namespace_options: { network: 2, pid: 1 }, seccomp: { profile_type: 0 } } }
}' > "$work/pod.json"
jq -n --arg image "$registry_address/probe:1" '{
	metadata: { name: "probe" }, image: { image: $image }, command: ["/probe"], log_path: "probe.log",
	linux: { security_context: {
		namespace_options: { network: 2, pid: 1 }, seccomp: { profile_type: 0 },
		masked_paths: ["/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
			"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"],
		readonly_paths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
	} }
}' > "$work/container.json"

probe() {
	local container
	socket=$2
	cri pull "$registry_address/probe:1" > /dev/null
	pod=$(cri runp "$work/pod.json")
	container=$(cri create "$pod" "$work/container.json" "$work/pod.json")
	cri start "$container" > /dev/null
	for _ in $(seq 600); do
		[ "$(cri inspect -o json "$container" | jq -r .status.state)" != CONTAINER_EXITED ] || break
		sleep 0.2
	done
	# Without time, stream and tag of each line; mounts in one order, which is their runtime's own.
	cut -d' ' -f4- "$work/probe.log" > "$work/lines"
	{ grep -v '^mount ' "$work/lines" && grep '^mount ' "$work/lines" | sort; } > "$work/$1.list"
	rm "$work/probe.log"
	cri rmp -f "$pod" > /dev/null
	pod=
	cri rmi "$registry_address/probe:1" > /dev/null
	[ -s "$work/$1.list" ] || fail "The probe said nothing under $1."
}
for runtime in "$@"; do
	probe "${runtime%%=*}" "${runtime#*=}"
done
if [ -n "${PROBE_OUT:-}" ]; then
	mkdir -p "$PROBE_OUT"
	cp "$work"/*.list "$PROBE_OUT"
fi

first=${1%%=*} second=${2%%=*}
echo "$(wc -l < "$work/$first.list") lines under $first, $(wc -l < "$work/$second.list") under $second"
diff -U 0 --label "$first" --label "$second" "$work/$first.list" "$work/$second.list" && echo "no difference"
