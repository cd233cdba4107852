#!/usr/bin/env bash
# tests/kubelet/run.sh: a real kubelet of Kubernetes 1.36, registered at a real API server, on a crisp of its own: what a cluster's user does
# with kubectl and what the kubelet does by itself, a line for each. kubelet, kube-apiserver, kubectl (their releases), etcd (Debian's
# etcd-server) and, for kubectl top, metrics-server come from PATH; crisp and crisp-sandbox from CRISP_BIN_DIR or artifacts/native. Root is
# needed. It runs in a network namespace of its own and leaves nothing. KUBELET_OUT names a directory for the logs, CRISP_CGROUP_DRIVER=systemd
# the other driver, CRISP_TEST_KERNEL the kernel of the pod that is a virtual machine, which is made where crisp check says that KVM runs kernels.
#
# Ends with the line "N passed, N failed".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
# shellcheck source=tests/critest/common.sh
. tests/critest/common.sh
# shellcheck source=tests/kubelet/cluster.sh
. "$here/cluster.sh"
[ "$(id -u)" = 0 ] || fail "pods need root."
for program in kubelet kube-apiserver kubectl etcd; do
	command -v "$program" > /dev/null || fail "$program is not in PATH. It is in the releases of Kubernetes (etcd: Debian's etcd-server)."
done
metrics=$(command -v metrics-server || true)
bin=$(realpath "${CRISP_BIN_DIR:-artifacts/native}")
[ -x "$bin/crisp" ] && [ -x "$bin/crisp-sandbox" ] || fail "crisp and crisp-sandbox are not in $bin: publish them first (CONTRIBUTING.md)."
need ip:iproute2 jq:jq iptables:iptables openssl:openssl script:bsdutils
archive=${CRISP_CACHE:-/var/cache/crisp-tests}/debian-12.tar
[ "$archive" -nt tests/images/debian.sh ] || tests/images/debian.sh "$archive" localhost/crisp/debian:12 > /dev/null
if [ -z "${KUBELET_INSIDE:-}" ]; then
	KUBELET_INSIDE=1 exec unshare --net "$0" "$@"
fi

driver=${CRISP_CGROUP_DRIVER:-cgroupfs}
work=$(mktemp -d /tmp/crisp-kubelet-XXXXXX)
name=$(basename "$work")
export KUBECONFIG=$work/admin.conf
clean() {
	local status=$?
	trap - EXIT
	# Whatever fails here, the rest of it goes on.
	set +e
	# crisp rm leaves a kubelet's pods to the kubelet.
	[ -z "${process[kubelet]:-}" ] || kubectl delete pods --all --grace-period 1 --timeout 60s --request-timeout 60s > /dev/null
	stop_cluster
	[ -z "${KUBELET_OUT:-}" ] || { mkdir -p "$KUBELET_OUT" && cp "$work"/*.log "$KUBELET_OUT"; }
	if [ -n "$(remains)" ]; then
		say "left behind"
		remains
		sweep
		status=1
	fi
	rm -rf "$work"
	exit "$status"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# The node's address must be none of the loopback, and its end of a pair of our own is one.
ip link set lo up
ip link add node0 type veth peer name node0-end
address=192.168.77.1
ip address add "$address/24" dev node0
ip link set node0 up
ip link set node0-end up

# small_image NAME: imports an image of one layer, which has the name in /name and four megabytes that no other image has.
small_image() {
	local dir=$work/image layer
	mkdir "$dir"
	echo "$1" > "$dir/name"
	head -c 4M /dev/urandom > "$dir/content"
	tar -C "$dir" -cf "$dir/layer.tar" name content
	layer=sha256:$(sha256sum "$dir/layer.tar" | cut -d ' ' -f 1)
	jq -n --arg layer "$layer" '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$layer]}}' > "$dir/config.json"
	jq -n --arg name "$1" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' > "$dir/manifest.json"
	tar -C "$dir" -cf "$work/image.tar" manifest.json config.json layer.tar
	"$bin/crisp" image import "$work/image.tar" --socket "$work/run/crisp.sock" > /dev/null
	rm -r "$dir" "$work/image.tar"
}
passed=0 failed=0
# check SENTENCE COMMAND...: that the command succeeds, at the latest after a minute.
check() {
	local sentence=$1
	shift
	if eventually "${patience:-60}" "$@"; then
		passed=$((passed + 1))
		printf 'ok      %s (%d s)\n' "$sentence" "$SECONDS"
	else
		failed=$((failed + 1))
		printf 'FAILED  %s (%d s)\n        %s\n' "$sentence" "$SECONDS" "$("$@" 2>&1 | tail -n 5 || true)"
	fi
}
# says EXPECTED COMMAND...: that the command's output has a line that matches the whole pattern, however the command ends.
says() {
	local output
	output=$("${@:2}" 2>&1 | tr -d '\r') || true
	grep -qxE "$1" <<< "$output" || { echo "$output" && return 1; }
}
inside() { kubectl exec "$1" -c "$2" -- "${@:3}"; }
of_pod() { kubectl get pod "$1" -o "jsonpath=$2"; }
events() { kubectl get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}'; }

say "etcd, kube-apiserver, crisp serve and kubelet"
start_cluster
"$bin/crisp" image import "$archive" --socket "$work/run/crisp.sock" > /dev/null
for part in unused pinned volume; do
	small_image "localhost/crisp/$part:1"
done
machines=
if "$bin/crisp" check --config "$work/config.toml" | grep -q '^ok *KVM '; then
	"$bin/crisp" vm build --config "$work/config.toml" ${CRISP_TEST_KERNEL:+--kernel "$CRISP_TEST_KERNEL"} > /dev/null && machines=1
fi
check "the node is Ready, on crisp" says 'True crisp://.*' kubectl get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.containerRuntimeVersion}'

say "pods"
sed "s#WORK/#$work/#" "$here/pods.yaml" > "$work/pods.yaml"
# Pods are refused until the API server itself has seen their RuntimeClass.
eventually 30 kubectl apply -f "$work/pods.yaml" || { kubectl apply -f "$work/pods.yaml" || true; fail "the API server does not take the pods."; }
check "init container, sidecar, probes and hooks: the pod becomes Ready" says True of_pod web '{.status.conditions[?(@.type=="Ready")].status}'
check "the init container's file is in the emptyDir" says 'made by init' inside web httpd cat /work/index.html
check "a sub path of it is a volume" says 'in a sub path' inside web httpd cat /part/file
check "postStart has run" says 'after the start' inside web httpd cat /tmp/started
check "a read-only hostPath refuses writes" says '.*Read-only file system.*' inside web httpd touch /readonly/x
page() { { exec 3<> "/dev/tcp/$1/$2" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && cat <&3; } 2> /dev/null; }
check "the page, by the pod's address" says 'made by init' page "$(of_pod web '{.status.podIP}')" 80
check "the page, by the host port" says 'made by init' page "$address" 28080
check "a container that takes too much is OOMKilled" says 'OOMKilled 137' of_pod greedy '{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}'
check "a container that ends is started again, with back-off" says 'CrashLoopBackOff [2-9]' of_pod failing '{.status.containerStatuses[0].state.waiting.reason} {.status.containerStatuses[0].restartCount}'
check "and the log of its last life is there" says 'a life' kubectl logs failing --previous
check "a failed liveness probe starts a container again" says '[1-9]' of_pod sick '{.status.containerStatuses[0].restartCount}'
check "ConfigMap, Secret and downward API in one volume" says 'first hidden guarded' inside guarded app sh -c 'echo $(cat /all/key) $(cat /all/word) $(cat /all/name)'
check "environment from a field of the pod" says node1 inside guarded app sh -c 'echo $NODE'
check "no rights: user, capabilities, no_new_privs, seccomp" says '1000 0000000000000000 1 2' inside guarded app sh -c 'echo $(id -u) $(awk "/CapEff|NoNewPrivs|Seccomp:/ { print \$2 }" /proc/self/status)'
check "an image is a volume" says localhost/crisp/volume:1 inside guarded app cat /image/name
check "a read-only root" says '.*Read-only file system.*' inside guarded app touch /x
check "an emptyDir in memory has its limit" says '.* 1024 .*' inside guarded app df -k /memory
check "a shared PID namespace, whose process 1 is the pod's" says crisp-reaper inside guarded app cat /proc/1/comm
kubectl patch configmap settings -p '{"data":{"key":"second"}}' > /dev/null
check "a changed ConfigMap is seen in the container" says second inside guarded app cat /all/key
check "a user namespace: root is nobody on the node" says ' *0 *[1-9][0-9]{4,} *65536' inside users app cat /proc/self/uid_map
check "the node's namespaces, privileged" says "$(stat -Lc %i /proc/self/ns/net) $(stat -Lc %i /proc/self/ns/pid)" inside node app sh -c 'echo $(stat -Lc %i /proc/self/ns/net) $(stat -Lc %i /proc/self/ns/pid)'
check "an image that cannot be had says why" says '.*localhost:1 cannot be reached: Connection refused.*' events unreachable
if [ -n "$machines" ]; then
	check "a virtual machine by its RuntimeClass" says '.*MemTotal: .*[0-9]{6} kB' inside machine app grep MemTotal /proc/meminfo
else
	check "a virtual machine that cannot run says why" says '.*virtual machines.*' events machine
fi

say "kubectl"
check "logs" says 'line [0-9]+' kubectl logs web -c sidecar --tail 2
check "logs -f" says 'line [0-9]+' timeout 3 kubectl logs -f web -c sidecar --tail 1
check "exec: standard input, exit code" says 'heard word 7' bash -c 'echo word | kubectl exec -i web -c httpd -- sh -c "read w; echo heard \$w; exit 7" 2> /dev/null | tr "\n" " "; echo "${PIPESTATUS[1]}"'
check "exec -it: a terminal" says '/dev/pts/[0-9]+' script -qec 'kubectl exec -it web -c httpd -- tty' /dev/null
check "attach" says 'line [0-9]+' timeout 4 kubectl attach web -c sidecar
echo "a file of the node" > "$work/file"
check "cp into the pod" kubectl cp "$work/file" web:/work/file -c httpd
check "and out of it" kubectl cp web:/work/file "$work/back" -c httpd
check "the file is the same" cmp "$work/file" "$work/back"
forwarded() {
	local forward
	kubectl port-forward web 28081:80 > "$work/forward" 2>&1 &
	forward=$!
	eventually 10 grep -q Forwarding "$work/forward"
	page 127.0.0.1 28081
	kill "$forward" && wait "$forward" || true
}
check "port-forward" says 'made by init' forwarded
check "debug: an ephemeral container in a container's PID namespace" says '.*httpd -f -p 80.*' script -qec 'kubectl debug -i web --image localhost/crisp/debian:12 --image-pull-policy Never --target httpd -- ps' /dev/null
kubectl patch pod web --subresource resize --patch '{"spec":{"containers":[{"name":"httpd","resources":{"limits":{"memory":"96Mi"}}}]}}' > /dev/null
check "a resize in place reaches the container's cgroup" says 100663296 inside web httpd sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2> /dev/null || cat /sys/fs/cgroup/memory.max'
check "and its container was not started again" says 0 of_pod web '{.status.containerStatuses[?(@.name=="httpd")].restartCount}'
summary() { kubectl get --raw /api/v1/nodes/node1/proxy/stats/summary | jq -r '.pods[] | select(.podRef.name == "web") | .containers[] | select(.name == "httpd") | .memory.workingSetBytes > 0 and .rootfs.usedBytes > 0'; }
check "statistics by CRI" says true summary
cadvisor() { kubectl get --raw /api/v1/nodes/node1/proxy/metrics/cadvisor; }
check "metrics with the names of pods" says 'container_memory_working_set_bytes\{.*container="httpd".*pod="web".*\} [0-9].*' cadvisor
topped() { kubectl top pod --no-headers | grep -oE '^(busy|guarded|machine|node|users|web) ' | tr -d '\n'; }
if [ -n "$metrics" ]; then
	check "top pod: a container takes its limit of the processor, and the memory that it holds" \
		says 'busy +app +([6-9][0-9]|1[0-3][0-9])m +([89]|[12][0-9])Mi *' kubectl top pod busy --containers
	check "top pod: pods of every kind" says "busy guarded ${machines:+machine }node users web " topped
	check "top node" says 'node1 +[1-9][0-9]*m +[0-9]+% +[1-9][0-9]*Mi +[0-9]+% *' kubectl top node
else
	echo "left out: kubectl top, because metrics-server is not in PATH"
fi
cat > "$work/manifests/.fixed" << END
apiVersion: v1
kind: Pod
metadata: {name: fixed}
spec:
  containers: [{name: app, image: "localhost/crisp/debian:12", imagePullPolicy: Never, command: [sleep, "100000"]}]
END
mv "$work/manifests/.fixed" "$work/manifests/fixed.yaml"
check "a static pod" says Running of_pod fixed-node1 '{.status.phase}'

say "image garbage collection"
image_filesystem() { kubectl get --raw /api/v1/nodes/node1/proxy/stats/summary | jq ".node.runtime.imageFs.$1"; }
measured() {
	local used on_disk capacity
	used=$(image_filesystem usedBytes) on_disk=$(du -s --block-size 1 "$work/root/images" | cut -f 1) capacity=$(image_filesystem capacityBytes)
	[ $((used > on_disk ? used - on_disk : on_disk - used)) -le $((on_disk / 100)) ] && [ "$capacity" = $(($(stat -fc '%b * %S' "$work/root"))) ] ||
		{ echo "The kubelet has $used of $capacity bytes, and the directory takes $on_disk." && return 1; }
}
check "the kubelet has the images' size on disk, and the disk's" measured
images() { "$bin/crisp" images --socket "$work/run/crisp.sock" | awk 'NR > 1 { print $1 }' | tr '\n' ' '; }
check "four images are there, one of them unused" says 'localhost/crisp/debian:12 localhost/crisp/pinned:1 localhost/crisp/unused:1 localhost/crisp/volume:1 ' images
used=$(image_filesystem usedBytes)
size=$("$bin/crisp" images -o json --socket "$work/run/crisp.sock" | jq -r '.images[] | select(.repoTags[0] == "localhost/crisp/unused:1") | .size')
collections() { grep -c '"Image garbage collection' "$work/kubelet.log" || true; }
more_than() { [ "$(collections)" -gt "$1" ]; }
# A kubelet collects when it starts, and then every five minutes. At its start it may not know the disk yet, or may have seen the images
# a moment after the collection began, for which they are too young then; so it is started again.
collected() { says 'localhost/crisp/debian:12 localhost/crisp/pinned:1 localhost/crisp/volume:1 ' images; }
for _ in 1 2 3 4 5; do
	stop kubelet
	before=$(collections)
	run_kubelet --image-gc-high-threshold 1 --image-gc-low-threshold 0 --minimum-image-ttl-duration 0s
	eventually 60 more_than "$before" || true
	! collected > /dev/null || break
done
check "the unused one is removed; what runs, what is mounted and what is pinned stay" collected
check "the kubelet counts its size" says ".*deleting unused images \(freed $size bytes\).*" events node1
smaller() { [ $((used - $(image_filesystem usedBytes))) -ge "$size" ]; }
check "and finds as much room" smaller
check "the pods are unharmed" says 'True 0' of_pod web '{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[?(@.name=="httpd")].restartCount}'

say "deaths"
stop crisp KILL
check "without a daemon the pods answer" says 'made by init' page "$address" 28080
serve
check "a new daemon has them" says web inside web httpd hostname
stop kubelet
run_kubelet
check "a new kubelet keeps them" says 'True 0' of_pod web '{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[?(@.name=="httpd")].restartCount}'

say "the end"
kubectl delete pod web > /dev/null
check "preStop has run" says 'before the stop' cat "$work/host/stopped"
rm "$work/manifests/fixed.yaml"
check "all pods can be deleted" kubectl delete pods --all --timeout 60s
gone() { [ -z "$("$bin/crisp" pods -q --socket "$work/run/crisp.sock")" ]; }
check "none is left on the node" gone
stop_cluster
nothing() { [ -z "$(remains)" ] || { remains && return 1; }; }
check "nothing is left: process, mount, interface, lease, cgroup" nothing
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
