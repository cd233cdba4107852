# shellcheck shell=bash
# tests/cluster/nodes.sh: nodes for run.sh, each a container of systemd-nspawn with a systemd, a containerd and a kubelet of its own, on a
# bridge of this machine. A node's root is this machine's, with its own changes in $work/NAME/changes; what it keeps is in $work/NAME/lib.

# make_node NAME NUMBER: with the address $network.1NUMBER and pods in 10.237.NUMBER.0/24.
make_node() {
	local name=$1 number=$2 root=$work/$1/root
	mkdir -p "$work/$name"/{root,changes,overlay,lib}
	mount -t overlay -o "lowerdir=/,upperdir=$work/$name/changes,workdir=$work/$name/overlay" "$name" "$root"
	cp -a /var/lib/{dbus,systemd,dpkg} "$work/$name/lib/" 2> /dev/null || true
	mkdir -p "$work/$name/lib/kubelet" "$root"/etc/{cni/net.d,containerd/certs.d/$registry,kubernetes} "$root/opt/kubernetes"
	rm -f "$root/etc/systemd/system/graphical.target.wants/crisp-tests.service" "$root/etc/machine-id"
	touch "$root/etc/machine-id"
	printf '[host."http://%s"]\n' "$registry" > "$root/etc/containerd/certs.d/$registry/hosts.toml"
	cat > "$root/etc/containerd/config.toml" <<- END
		version = 3
		[plugins.'io.containerd.cri.v1.images'.pinned_images]
		sandbox = '$registry/pause:1'
		[plugins.'io.containerd.cri.v1.images'.registry]
		config_path = '/etc/containerd/certs.d'
		[plugins.'io.containerd.cri.v1.runtime'.cni]
		bin_dirs = ['/usr/lib/cni']
		[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
		runtime_type = 'io.containerd.runc.v2'
		options = { SystemdCgroup = true }
	END
	cat > "$root/etc/cni/net.d/10-test.conflist" <<- END
		{
		  "cniVersion": "1.0.0", "name": "test",
		  "plugins": [
		    { "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
		      "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.237.$number.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
		    { "type": "portmap", "capabilities": { "portMappings": true } }
		  ]
		}
	END
	cat > "$work/$name/lib/kubelet/config.yaml" <<- END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
		authorization: {mode: AlwaysAllow}
		cgroupDriver: systemd
		clusterDNS: [10.96.0.10]
		containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
		evictionHard: {memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
		failSwapOn: false
		featureGates: {PodAndContainerStatsFromCRI: true}
		makeIPTablesUtilChains: false
	END
	cp "$work/$name.conf" "$root/etc/kubernetes/kubelet.conf"
	unit "$name" network 'Type=oneshot' 'RemainAfterExit=yes' \
		"ExecStart=/bin/sh -ec 'ip address add $network.1$number/24 dev host0; ip link set host0 up; ip route add default via $network.1'"
	unit "$name" containerd 'Type=notify' 'Delegate=yes' 'KillMode=process' 'ExecStart=/opt/kubernetes/containerd'
	unit "$name" kubelet 'Restart=always' 'RestartSec=2' \
		"ExecStart=/opt/kubernetes/kubelet --config /var/lib/kubelet/config.yaml --kubeconfig /etc/kubernetes/kubelet.conf --hostname-override $name --node-ip $network.1$number --v=2"
}

# unit NODE NAME LINE...: a service that the node starts.
unit() {
	local directory=$work/$1/root/etc/systemd/system name=$2
	shift 2
	printf '%s\n' '[Unit]' 'After=network.service containerd.service' '[Service]' 'Environment=PATH=/opt/kubernetes:/usr/sbin:/usr/bin:/sbin:/bin' "$@" > "$directory/$name.service"
	[ "$name" != network ] || sed -i '/^After=/d' "$directory/$name.service"
	mkdir -p "$directory/multi-user.target.wants"
	ln -s "../$name.service" "$directory/multi-user.target.wants/$name.service"
}

# start_node NAME: without nspawn's own limits, which pods would have.
start_node() {
	systemd-run --quiet --unit "$1" --property Delegate=yes --property TasksMax=infinity --property KillMode=mixed \
		--setenv SYSTEMD_SECCOMP=0 --setenv SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes \
		systemd-nspawn --quiet --keep-unit --boot --machine "$1" --directory "$work/$1/root" --capability all --resolv-conf off --timezone off \
		--network-bridge nodes0 --bind "$work/$1/lib:/var/lib" --bind-ro "$programs:/opt/kubernetes" --bind /dev/kmsg --bind /dev/fuse --bind /dev/net/tun \
		--console read-only
}

# on NODE COMMAND...: in the node's namespaces.
on() {
	local leader
	leader=$(machinectl show "$1" --property Leader --value) || return 1
	nsenter --target "$leader" --all -- env PATH=/opt/kubernetes:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:2}"
}

# stop_node NAME: at once, as when a machine loses its power.
stop_node() {
	systemctl kill --signal KILL "$1"
	local end=$((SECONDS + 30))
	while systemctl is-active --quiet "$1" && [ "$SECONDS" -lt "$end" ]; do
		sleep 0.5
	done
	umount "$work/$1/root"
}
