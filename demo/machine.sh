# shellcheck shell=bash
# The part of demo.sh with a kernel of the pod's own, where this node's KVM runs kernels and the node has one; otherwise the reason.
machine() {
	local kvm built
	kvm=$({ crisp check --config "$work/config.toml" || true; } | sed -n 's/^\([a-z]*\) *KVM  */\1 /p')
	if [[ $kvm != "ok "* ]]; then
		say "not on this node: ${kvm#* }"
		return
	fi
	show "crisp vm build"
	if ! built=$(crisp vm build --config "$work/config.toml" ${CRISP_TEST_KERNEL:+--kernel "$CRISP_TEST_KERNEL"} 2>&1); then
		say "not on this node: $built"
		return
	fi
	say "$(tail -n 1 <<< "$built")"
	run crisp run --runtime kvm -d --pod machine --name guest --entrypoint sleep "$image" 1000
	run crisp exec guest sh -c 'echo "I am process $$ of a kernel $(uname -r) with $(nproc) processor, $(grep MemTotal /proc/meminfo | tr -s " ")"'
	say "and the node: kernel $(uname -r), $(nproc) processors, $(grep MemTotal /proc/meminfo | tr -s ' ')"
	say "the page again, from the machine:"
	run crisp exec guest wget -q -O - "http://$web/"
}
