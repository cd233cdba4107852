# shellcheck shell=bash
# tests/kubelet/cluster.sh: a node for run.sh and tests/vm/shutdown: etcd, kube-apiserver, crisp serve and a kubelet, all of this process's
# children, with their state beneath $work and the node's address $address on an interface of this network namespace. tests/cluster has the
# first two from here.

# eventually SECONDS COMMAND...: waits for the command to succeed; it fails when that is not so in time.
eventually() {
	local end=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.3
	done
}

# start NAME COMMAND...: in the background, its output in $work/NAME.log, its pid in ${process[NAME]}.
declare -A process=()
start() {
	local name=$1
	shift
	"$@" >> "$work/$name.log" 2>&1 &
	process[$name]=$!
}
# stop NAME [SIGNAL]: and waits for its end. An API server whose etcd has gone never comes to it by itself.
stop() {
	local pid=${process[$1]:-}
	[ -n "$pid" ] || return 0
	kill "-${2:-TERM}" "$pid" 2> /dev/null || true
	ended() { ! kill -0 "$pid" 2> /dev/null; }
	eventually 20 ended || kill -KILL "$pid"
	wait "$pid" 2> /dev/null || true
	unset "process[$1]"
}

# configure_accounts SERVER NODE...: the key of service accounts' tokens, and for the administrator and the kubelet of each node a token and a
# configuration, admin.conf and NODE.conf, with the API server's address.
configure_accounts() {
	local server=$1 user
	shift
	openssl genrsa -out "$work/account.key" 2048 2> /dev/null
	openssl rsa -in "$work/account.key" -pubout -out "$work/account.pub" 2> /dev/null
	echo 'admin-token,admin,1,"system:masters"' > "$work/tokens"
	for user in "$@"; do
		echo "$user-token,system:node:$user,$user,\"system:nodes\"" >> "$work/tokens"
	done
	for user in admin "$@"; do
		cat > "$work/$user.conf" <<-END
			apiVersion: v1
			kind: Config
			clusters: [{name: c, cluster: {server: "$server", insecure-skip-tls-verify: true}}]
			users: [{name: u, user: {token: $user-token}}]
			contexts: [{name: c, context: {cluster: c, user: u}}]
			current-context: c
		END
	done
}

# start_api OPTION...: etcd, and kube-apiserver with those options.
start_api() {
	start etcd etcd --data-dir "$work/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
	start apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 --cert-dir "$work/certs" --token-auth-file "$work/tokens" \
		--service-account-issuer https://test --service-account-key-file "$work/account.pub" --service-account-signing-key-file "$work/account.key" \
		--authorization-mode Node,RBAC --allow-privileged --kubelet-preferred-address-types InternalIP --service-cluster-ip-range 10.96.0.0/16 "$@"
}
wait_for_api() {
	eventually 120 kubectl get --raw /readyz || { tail -n 20 "$work/apiserver.log"; fail "kube-apiserver does not answer."; }
	kubectl create clusterrolebinding nodes --clusterrole system:node --group system:nodes > /dev/null
}

configure_cluster() {
	mkdir "$work"/{cni,manifests}
	configure_accounts https://127.0.0.1:6443 node1
	# The API server's own, towards the API servers behind it.
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=aggregator -days 2 -keyout "$work/proxy.key" -out "$work/proxy.crt" 2> /dev/null
	cat > "$work/cni/10-test.conflist" <<-END
		{
		  "cniVersion": "1.0.0", "name": "test",
		  "plugins": [
		    { "type": "bridge", "bridge": "kubelet0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
		      "ipam": { "type": "host-local", "dataDir": "$work/leases", "ranges": [[{ "subnet": "10.237.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
		    { "type": "portmap", "capabilities": { "portMappings": true } }
		  ]
		}
	END
	cat > "$work/config.toml" <<-END
		root = "$work/root"
		run = "$work/run"
		cgroup_driver = "$driver"
		$([ "$driver" != cgroupfs ] || echo "cgroup_parent = \"$name\"")
		sandbox_binary = "$bin/crisp-sandbox"
		[cni]
		conf_dir = "$work/cni"
		[images]
		pinned = ["localhost/crisp/pinned:1"]
		[runtimes.kvm]
		memory = "128M"
	END
	# With the systemd driver the kubelet's slices are where it always has them; otherwise beneath a group of this run's own.
	local root=/$name
	[ "$driver" = cgroupfs ] || root=/
	cat > "$work/kubelet.yaml" <<-END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
		authorization: {mode: AlwaysAllow}
		cgroupRoot: $root
		containerRuntimeEndpoint: unix://$work/run/crisp.sock
		evictionHard: {memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
		failCgroupV1: false
		failSwapOn: false
		# The second is for machines that may not write all of /proc/sys.
		featureGates: {PodAndContainerStatsFromCRI: true, KubeletInUserNamespace: true}
		makeIPTablesUtilChains: false
		podLogsDir: $work/logs
		staticPodPath: $work/manifests
		syncFrequency: 5s
		volumePluginDir: $work/plugins
	END
}

serve() {
	start crisp "$bin/crisp" serve --config "$work/config.toml"
	eventually 20 "$bin/crisp" ps --socket "$work/run/crisp.sock"
}

# run_kubelet [FLAG...]
run_kubelet() {
	start kubelet kubelet --config "$work/kubelet.yaml" --kubeconfig "$work/node1.conf" --hostname-override node1 --root-dir "$work/kubelet" \
		--node-ip "$address" --v=2 "$@"
}

make_cgroup() {
	local controller
	[ "$driver" = cgroupfs ] || return 0
	while read -r controller; do
		mkdir "$controller/$name"
		# A group of cpuset's first version has none until it is told.
		[ ! -e "$controller/$name/cpuset.mems" ] || [ -e "$controller/cgroup.controllers" ] || {
			cat "$controller/cpuset.cpus" > "$controller/$name/cpuset.cpus"
			cat "$controller/cpuset.mems" > "$controller/$name/cpuset.mems"
		}
	done < <(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts)
}

start_cluster() {
	configure_cluster
	make_cgroup
	start_api --bind-address 127.0.0.1 --advertise-address "$address" --disable-admission-plugins ServiceAccount \
		--requestheader-client-ca-file "$work/proxy.crt" --requestheader-allowed-names aggregator --requestheader-username-headers X-Remote-User \
		--requestheader-group-headers X-Remote-Group --requestheader-extra-headers-prefix X-Remote-Extra- \
		--proxy-client-cert-file "$work/proxy.crt" --proxy-client-key-file "$work/proxy.key"
	serve
	wait_for_api
	run_kubelet
	[ -z "$metrics" ] || start_metrics
}

# metrics-server, behind the API server as a service of the name by which the machine knows itself.
start_metrics() {
	start metrics metrics-server --kubeconfig "$KUBECONFIG" --authentication-kubeconfig "$KUBECONFIG" --authorization-kubeconfig "$KUBECONFIG" \
		--kubelet-insecure-tls --kubelet-preferred-address-types InternalIP --kubelet-request-timeout 5s --metric-resolution 10s \
		--bind-address 127.0.0.1 --secure-port 4443 --cert-dir "$work/certs"
	kubectl apply -f - > /dev/null <<- 'END'
		apiVersion: v1
		kind: Service
		metadata: {name: metrics-server, namespace: kube-system}
		spec: {type: ExternalName, externalName: localhost}
		---
		apiVersion: apiregistration.k8s.io/v1
		kind: APIService
		metadata: {name: v1beta1.metrics.k8s.io}
		spec:
		  group: metrics.k8s.io
		  version: v1beta1
		  groupPriorityMinimum: 100
		  versionPriority: 100
		  insecureSkipTLSVerify: true
		  service: {name: metrics-server, namespace: kube-system, port: 4443}
	END
}

# Ends all of it. The kubelet keeps its own cgroups, which its pods have left, and its root directory, which it has mounted on itself.
stop_cluster() {
	stop metrics
	stop kubelet
	stop crisp
	stop apiserver
	stop etcd
	! mountpoint -q "$work/kubelet" || umount "$work/kubelet" || true
	remove_cgroups
}
