#!/usr/bin/env bash
# tests/cluster/run.sh: the chart on a cluster of two nodes, by Helm: kube-apiserver, kube-controller-manager, kube-scheduler, and nodes that are
# containers of systemd-nspawn with containerd and a kubelet. A Deployment whose disruption budget lets one of its two pods go is there all
# the time. helm, kubelet, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, etcd, containerd and containerd-shim-runc-v2 are in
# $CLUSTER_PROGRAMS, runc in PATH. $CLUSTER_REGISTRY is what images.sh has made. It wants a machine of its own with systemd as process 1:
# tests/vm/cluster.sh has one.
#
# Ends with the line "N passed, N failed".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
# shellcheck source=tests/critest/common.sh
. tests/critest/common.sh
# shellcheck source=tests/kubelet/cluster.sh
. tests/kubelet/cluster.sh
# shellcheck source=tests/cluster/nodes.sh
. "$here/nodes.sh"
[ "$(cat /proc/1/comm)" = systemd ] || fail "systemd is not process 1 here."
programs=$(realpath "$CLUSTER_PROGRAMS")
export PATH=$programs:$PATH
nodes=(node1 node2) network=192.168.77 registry=192.168.77.1:5000
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-cluster-XXXXXX")
name=$(basename "$work")
export KUBECONFIG=$work/admin.conf HELM_CACHE_HOME=$work/helm HELM_CONFIG_HOME=$work/helm HELM_DATA_HOME=$work/helm
clean() {
	local status=$? node
	trap - EXIT
	set +e
	for node in "${nodes[@]}"; do
		[ -z "${CLUSTER_OUT:-}" ] || { mkdir -p "$CLUSTER_OUT" && on "$node" journalctl --no-pager -o short-monotonic > "$CLUSTER_OUT/$node.log"; }
		stop_node "$node"
	done
	for node in nodes web scheduler manager apiserver etcd registry; do
		stop "$node"
	done
	[ -z "${CLUSTER_OUT:-}" ] || cp "$work"/*.log "$CLUSTER_OUT"
	ip link delete nodes0
	ip address delete 10.96.0.1/32 dev lo
	rm -rf "$work"
	exit "$status"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

passed=0 failed=0
ok() {
	passed=$((passed + 1))
	printf 'ok      %s (%d s)\n' "$1" "$SECONDS"
}
failed() {
	failed=$((failed + 1))
	printf 'FAILED  %s (%d s)\n        %s\n' "$1" "$SECONDS" "$(tail -n 5 "$work/said")"
}
# once SENTENCE COMMAND...: that the command succeeds. check SENTENCE COMMAND...: at the latest after $patience seconds.
once() { if "${@:2}" > "$work/said" 2>&1; then ok "$1"; else failed "$1"; fi; }
check() { if eventually "$patience" "${@:2}"; then ok "$1"; else "${@:2}" > "$work/said" 2>&1 || true; failed "$1"; fi; }
says() {
	local output
	output=$("${@:2}" 2>&1 | tr -d '\r') || true
	grep -qxE "$1" <<< "$output" || { echo "$output" && return 1; }
}
node_is() { kubectl get node "$1" -o "jsonpath=$2"; }
# Of each node: Ready, the kubelet's runtime, cordoned.
state='{.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.containerRuntimeVersion} {.spec.unschedulable} '
runtimes() { kubectl get nodes -o "jsonpath={range .items[*]}$state{end}"; }
status_of() { kubectl get node "$1" -o "jsonpath=$state"; }
column() { kubectl get nodes -o "jsonpath={range .items[*]}{.metadata.labels.crisp\.dev/$1} {end}"; }
events() { kubectl get events -n default --field-selector "involvedObject.name=$1,source=crisp-node-agent" -o 'jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}'; }
web() { kubectl get pods -l app=web --field-selector status.phase=Running -o "jsonpath={range .items[*]}$1{\"\n\"}{end}" | sort; }
lives() { web '{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'; }

say "etcd, kube-apiserver, kube-controller-manager, kube-scheduler, a registry"
ip link add nodes0 type bridge
ip address add "$network.1/24" dev nodes0
ip link set nodes0 up
ip link set lo up
# The service that pods reach the API server by: without kube-proxy, its address is the API server's own.
ip address add 10.96.0.1/32 dev lo
sysctl -qw net.ipv4.ip_forward=1
configure_accounts "https://$network.1:443" "${nodes[@]}"
cat > "$work/registry.yml" << END
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $CLUSTER_REGISTRY } }
http: { addr: "$registry" }
END
start registry "$programs/docker-registry" serve "$work/registry.yml"
start_api --secure-port 443 --bind-address 0.0.0.0 --advertise-address "$network.1"
wait_for_api
start manager kube-controller-manager --kubeconfig "$KUBECONFIG" --leader-elect=false \
	--service-account-private-key-file "$work/account.key" --root-ca-file "$work/certs/apiserver.crt"
start scheduler kube-scheduler --kubeconfig "$KUBECONFIG" --leader-elect=false
for node in "${nodes[@]}"; do
	make_node "$node" "${node#node}"
	start_node "$node"
done
patience=300
check "two nodes are Ready, on containerd" says '(True containerd://\S+  ){2}' runtimes
# What a node has of files: with crisp gone again, the same.
files() {
	on "$1" find /etc /opt /usr/local /usr/lib/systemd /var/lib -xdev \
		\( -path /opt/kubernetes -o -path /var/lib/containerd -o -path /var/lib/kubelet -o -path /var/lib/systemd -o -path /var/lib/cni \) -prune \
		-o -printf '%p %m %U %l\n' | sort
}
kubectl apply -f "$here/web.yaml" > /dev/null
check "a Deployment runs on them" says 2 kubectl get deployment web -o 'jsonpath={.status.availableReplicas}'
for node in "${nodes[@]}"; do
	files "$node" > "$work/$node.before"
	on "$node" cat /var/lib/kubelet/config.yaml > "$work/$node.kubelet"
done

say "helm install"
# Each change of a node, and of the number of pods that serve.
changes() { kubectl get "$1" --watch --output-watch-events --no-headers -o "custom-columns=N:.object.metadata.name,V:.object.$2"; }
start nodes changes nodes spec.unschedulable
start web changes deployments status.availableReplicas
cat > "$work/values.yaml" << END
image: { repository: $registry/crisp, tag: current }
kubelet: { switch: true, patience: 5m }
guestImage: { build: false }
config: |
  cgroup_driver = "systemd"
END
helm_to() { helm "$1" crisp charts/crisp -n crisp-system --create-namespace -f "$work/values.yaml" --wait --timeout 10m "${@:2}"; }
# Under this configuration no node can pull the agent's image, which is on a registry without TLS.
blind='config=[registry]
host_dirs = ["/nowhere"]'
once "helm installs the chart" helm_to install --set kubelet.patience=1m --set-literal "$blind"
check "without a label no node has an agent" says 0 kubectl get daemonset crisp -n crisp-system -o 'jsonpath={.status.desiredNumberScheduled}'
kubectl apply -f "$here/chosen.yaml" > /dev/null

say "a switch that fails"
kubectl label node node1 crisp.dev/runtime=crisp > /dev/null
patience=600
check "is taken back by the node alone" says 'SwitchTakenBack: The node did not come up: .*' events node1
check "which serves on containerd" says 'True containerd://\S+  ' status_of node1
kubectl label node node2 crisp.dev/runtime=crisp > /dev/null
waiting() { kubectl logs -n crisp-system "$(kubectl get pods -n crisp-system --field-selector spec.nodeName="$1" -o name)" | grep 'The switch waits'; }
check "the other node waits until somebody has looked" says '.*The switch waits for .*node1.*' waiting node2
once "helm upgrade mends it" helm_to upgrade
kubectl annotate node node1 crisp.dev/switch-failed- > /dev/null

say "the switch"
check "both nodes go to crisp, Ready and not cordoned" says '(True crisp://\S+  ){2}' runtimes
check "and say so" says 'true true ' column active
check "a pod of the RuntimeClass has waited for that" says 'Running' kubectl get pod chosen -o 'jsonpath={.status.phase}'
# The Lease is the first's until it is confirmed, so that both at once would be seen.
at_once() { awk '{ cordoned[$1] = $2 == "true"; n = 0; for (x in cordoned) n += cordoned[x]; if (n > most) most = n } END { print most + 0 }' "$work/nodes.log"; }
check "one after the other" says 1 at_once
served() { awk 'BEGIN { least = 9 } $2 + 0 < least { least = $2 + 0 } END { print least }' "$work/web.log"; }
check "a pod served all the time" says '[12]' served
check "the agents run in pods of crisp now" says 'True True ' kubectl get pods -n crisp-system -l app.kubernetes.io/component=node-agent -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {end}'
for node in "${nodes[@]}"; do
	check "events of $node tell it" says 'Switched: The kubelet runs on unix:///run/crisp/crisp.sock' events "$node"
	check "no pod of containerd is left on $node" says '' on "$node" find /run/containerd/io.containerd.runtime.v2.task/k8s.io -mindepth 1 -maxdepth 1
done

say "helm upgrade"
lives > "$work/lives.before"
versions=$(column version)
once "to the next version" helm_to upgrade --set image.tag=next
newer() { [ "$(column version | tr ' ' '\n' | sort -u | grep -c .)" = 1 ] && [ "$(column version)" != "$versions" ]; }
check "both nodes have it" newer
check "their kubelets are told" says '(True crisp://\S+  ){2}' runtimes
same() { diff "$work/lives.before" <(lives); }
check "no pod has noticed" same
check "pods of the version before take commands" says 'heard' kubectl exec "$(web '{.metadata.name}' | head -n 1)" -- echo heard
refused() { ! helm_to upgrade --set image.tag=next "$@" 2>&1; }
once "a value that does not exist is refused by name" says '.*patiense.*' refused --set kubelet.patiense=5m
once "helm hands a wrong configuration on" helm_to upgrade --set image.tag=next --wait=false --set-literal 'config=cgroup_drivr = "systemd"'
wrong() { grep -q 'cgroup_driver' <<< "$(events node1; events node2)"; }
check "and an event of the node tells the key that was meant" wrong
once "helm rollback" helm rollback crisp -n crisp-system --wait --timeout 10m
check "and still no pod has noticed" same

say "one node less"
# No controller would make it anew, and no node is drained of such.
kubectl delete pod chosen > /dev/null
kubectl label node node2 crisp.dev/runtime- > /dev/null
check "a node that loses its label goes back" says 'True containerd://\S+  ' status_of node2
bare() { [ -z "$(node_is "$1" '{.metadata.labels}' | grep -o 'crisp\.dev/[a-z-]*' | grep -v runtime)" ]; }
check "and none of the agent's labels is left there" bare node2
kubectl label node node2 crisp.dev/runtime=crisp > /dev/null
check "and comes again" says '(True crisp://\S+  ){2}' runtimes
check "to the end" says 'true true ' column active

say "helm uninstall"
once "helm uninstall" helm uninstall crisp -n crisp-system --timeout 20m
patience=60
check "both nodes are on containerd" says '(True containerd://\S+  ){2}' runtimes
check "the Deployment has its pods" says 2 kubectl get deployment web -o 'jsonpath={.status.availableReplicas}'
check "one after the other, again" says 1 at_once
check "a pod served all the time" says '[12]' served
for node in "${nodes[@]}"; do
	check "$node has no label of the agent's" bare "$node"
	unchanged() { diff "$work/$1.before" <(files "$1"); }
	check "$node has its files, and no other" unchanged "$node"
	configured() { diff "$work/$1.kubelet" <(on "$1" cat /var/lib/kubelet/config.yaml); }
	check "$node has its kubelet's configuration, to the letter" configured "$node"
	check "$node has nothing of crisp that runs" says '' on "$node" pgrep -a crisp
done
check "the cluster has no object of the chart's" says 'No resources found' kubectl get daemonset,job,lease,configmap,runtimeclass,clusterrole,clusterrolebinding,role,rolebinding -A -l app.kubernetes.io/instance=crisp
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
