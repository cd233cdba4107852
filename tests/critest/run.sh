#!/usr/bin/env bash
# tests/critest/run.sh [CRITEST'S OPTIONS]: the public validation suite of CRI against a crisp of its own. For example
#   tests/critest/run.sh
#   tests/critest/run.sh --websocket-exec --websocket-attach --websocket-portforward
#   tests/critest/run.sh --parallel 4                         # needs ginkgo in PATH
#   tests/critest/run.sh --ginkgo.focus 'mount propagation'
#
# critest comes from PATH or CRITEST (install it from the releases of cri-tools, 1.36 or later), crisp and crisp-sandbox from
# CRISP_BIN_DIR or artifacts/native. Root is needed. Everything happens in a network namespace of its own, with a registry that
# serves stand-ins for critest's images (images.sh), a bridge network, and temporary directories; nothing of it stays.
# CRITEST_OUT names a directory for the logs and critest's report in JSON. CRI_RUNTIME_HANDLER=kvm makes every pod a virtual machine, of
# the kernel that CRISP_TEST_KERNEL names or else the node's.
#
# Ends with a table of what was skipped and why, and the line "N passed, N failed". A skip is a failure, unless it is the host
# that lacks something.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# shellcheck source=tests/critest/common.sh
. "$here/common.sh"
[ "$(id -u)" = 0 ] || fail "pods need root."
critest=${CRITEST:-$(command -v critest || true)}
[ -x "$critest" ] || fail "critest is neither in PATH nor named by CRITEST. It is in the releases of https://github.com/kubernetes-sigs/cri-tools."
case " $* " in
*--parallel*) command -v ginkgo > /dev/null || fail "critest --parallel needs ginkgo in PATH." ;;
esac
bin=${CRISP_BIN_DIR:-$here/../../artifacts/native}
[ -x "$bin/crisp" ] && [ -x "$bin/crisp-sandbox" ] ||
	fail "crisp and crisp-sandbox are not in $bin: dotnet publish src/Sandbox (and src/CriServer) -c Release -r linux-x64 -o artifacts/native."

plugins=/usr/lib/cni
[ ! -x /opt/cni/bin/bridge ] || plugins=/opt/cni/bin
need ip:iproute2 jq:jq iptables:iptables "$plugins/bridge:containernetworking-plugins"

if [ -z "${CRITEST_INSIDE:-}" ]; then
	images=$("$here/images.sh")
	# The bridge, its addresses, rules of iptables and the host ports that specs need end with this namespace.
	CRITEST_INSIDE=$images exec unshare --net "$0" "$@"
fi
images=$CRITEST_INSIDE
unset CRITEST_INSIDE
ip link set lo up

work=$(mktemp -d /tmp/crisp-critest-XXXXXX)
name=$(basename "$work")
socket=unix://$work/run/crisp.sock
mkdir "$work/tmp"
daemon=

stop_daemon() {
	[ -n "$daemon" ] || return 0
	kill "$daemon" 2> /dev/null || true
	wait "$daemon" || echo "crisp serve ended with $?."
	daemon=
}
clean() {
	status=$?
	trap - EXIT INT TERM
	# Whatever fails here, the rest of it goes on.
	set +e
	stop_daemon
	registry_stop
	sweep
	if [ -n "${CRITEST_OUT:-}" ]; then
		mkdir -p "$CRITEST_OUT"
		cp "$work"/*.log "$work/report.json" "$CRITEST_OUT" 2> /dev/null || true
	fi
	rm -rf "$work"
	exit "$status"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "a registry of stand-ins"
registry_start "$images" "$work"
for host in registry.k8s.io gcr.io k8s.gcr.io; do
	mkdir -p "$work/certs.d/$host"
	printf 'server = "http://%s"\n' "$registry_address" > "$work/certs.d/$host/hosts.toml"
done
echo "$images on $registry_address"

say "crisp serve"
mkdir "$work/net.d"
cat > "$work/net.d/10-critest.conflist" <<-END
	{
	  "cniVersion": "1.0.0",
	  "name": "critest",
	  "plugins": [
	    {
	      "type": "bridge", "bridge": "critest0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
	      "ipam": {
	        "type": "host-local", "dataDir": "$work/leases",
	        "ranges": [[{ "subnet": "10.236.0.0/24" }], [{ "subnet": "fd00:236::/64" }]],
	        "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]
	      }
	    },
	    { "type": "portmap", "capabilities": { "portMappings": true }, "snat": true }
	  ]
	}
END
cat > "$work/config.toml" <<-END
	root = "$work/root"
	run = "$work/run"
	cgroup_parent = "$name"
	sandbox_binary = "$(realpath "$bin")/crisp-sandbox"
	[log]
	level = "debug"
	[registry]
	host_dirs = ["$work/certs.d"]
	[cni]
	conf_dir = "$work/net.d"
	bin_dirs = ["$plugins"]
	[metrics]
	address = "127.0.0.1:9741"
END
options=()
# Specs that nothing on this side can make pass, with the reason.
left_out=(
	"public image with digest should be pulled and removed" "its manifest's digest is fixed, and what has it lies at gcr.io alone"
)
if [ -n "${CRI_RUNTIME_HANDLER:-}" ]; then
	# Specs make a bridge in privileged containers, whose module a guest has only if its image does.
	"$bin/crisp" vm build --init "$(realpath "$bin")/crisp-sandbox" --output "$work/guest" --module bridge ${CRISP_TEST_KERNEL:+--kernel "$CRISP_TEST_KERNEL"}
	printf '[runtimes.%s]\nimage_dir = "%s"\nmemory = "128M"\n' "$CRI_RUNTIME_HANDLER" "$work/guest" >> "$work/config.toml"
	options+=(--runtime-handler "$CRI_RUNTIME_HANDLER")
	# What no virtual machine can have (docs/vm-pods.md).
	left_out+=(
		"propagation mount with 'rs(hared|lave)'" "mounts of two kernels are strangers to each other"
		"portforward in host network|HostNetwork is true|HostPID|HostIpc is true" "the node's network, processes and IPC are another kernel's"
		"UserNamespaces" "a machine's users are not the node's as it is"
		"should support non-recursive readonly mounts" "one mount of the node is one export, read-only as a whole"
		"AppArmor .*(blocking writes|permissive deprecated profile|work with apparmor profile)" "the node's profiles do not see a guest's processes"
	)
fi
for ((i = 0; i < ${#left_out[@]}; i += 2)); do
	options+=(--ginkgo.skip "${left_out[i]}")
done
"$bin/crisp" serve --config "$work/config.toml" >> "$work/crisp.log" 2>&1 &
daemon=$!
for _ in $(seq 200); do
	"$bin/crisp" ps --config "$work/config.toml" > /dev/null 2>&1 && break
	kill -0 "$daemon" 2> /dev/null || { cat "$work/crisp.log" >&2; fail "crisp serve ended."; }
	sleep 0.05
done
"$bin/crisp" --version

say "critest"
code=0
TMPDIR=$work/tmp "$critest" --config "$work/none.yaml" --runtime-endpoint "$socket" --image-endpoint "$socket" --ginkgo.no-color \
	--ginkgo.json-report "$work/report.json" "${options[@]}" "$@" > "$work/critest.log" 2>&1 || code=$?
[ -s "$work/report.json" ] || { tail -n 40 "$work/critest.log"; fail "critest ended with $code and without a report."; }

# specs STATE: names and messages of the specs that ended so, without those that options left out.
specs() {
	jq -r --arg state "$1" '.[].SpecReports[] | select(.LeafNodeType == "It" and .State == $state and (.Failure.Message // "") != "")
		| [((.ContainerHierarchyTexts // []) + [.LeafNodeText] | join(" ") | ltrimstr("[k8s.io] ")), .Failure.Message] | @tsv' "$work/report.json" | sort
}
names() { jq -r '.[].SpecReports[] | select(.LeafNodeType == "It") | ((.ContainerHierarchyTexts // []) + [.LeafNodeText] | join(" "))' "$work/report.json"; }
count() { jq --arg state "$1" '[.[].SpecReports[] | select(.LeafNodeType == "It" and .State == $state)] | length' "$work/report.json"; }
passed=$(count passed)

say "skipped"
# What the host lacks, by reason; and what blames the runtime, each.
lacks='AppArmor is disabled on this host|NRI socket not configured|SELinux'
specs skipped > "$work/skipped"
absent=$(grep -cE "$lacks" "$work/skipped" || true)
blamed=$(grep -cvE "$lacks" "$work/skipped" || true)
grep -E "$lacks" "$work/skipped" | cut -f2 | sort | uniq -c || true
grep -vE "$lacks" "$work/skipped" | awk -F'\t' '{ print "FAILURE:", $2, "|", $1 }' || true
left=0
for ((i = 0; i < ${#left_out[@]}; i += 2)); do
	# Those that options left out too are among them.
	of_these=$(names | grep -cE "${left_out[i]}" || true)
	left=$((left + of_these))
	printf '%7d left out, %s: %s\n' "$of_these" "${left_out[i]}" "${left_out[i + 1]}"
done

failed=0
failures=$(for state in failed panicked timedout interrupted aborted; do specs "$state"; done)
if [ -n "$failures" ]; then
	say "failed"
	failed=$(wc -l <<< "$failures")
	cut -c1-400 <<< "$failures"
fi
# A suite that breaks off outside of a spec has not passed either.
[ "$code" = 0 ] || [ "$failed" != 0 ] || { tail -n 40 "$work/critest.log"; failed=1; }

# A spec that fails may leave its pod, which is not crisp's to remove.
pods=$("$bin/crisp" pods -q --config "$work/config.toml" | wc -l)
stop_daemon
registry_stop
remaining=$(remains)
if [ "$pods" != 0 ] && [ "$failed" != 0 ]; then
	echo "$pods pods of failed specs were left."
elif [ -n "$remaining" ]; then
	say "left behind"
	echo "$remaining"
	failed=$((failed + 1))
fi

printf '\ncritest: %s; %d absent on this host, %d left out, in %d s\n' \
	"$(grep -m 1 '^Ran [0-9]' "$work/critest.log" || echo "no summary")" "$absent" "$left" "$SECONDS"
grep -hE '^(SUCCESS!|FAIL!) --' "$work/critest.log" || true
echo "$passed passed, $((failed + blamed)) failed"
[ $((failed + blamed)) = 0 ]
