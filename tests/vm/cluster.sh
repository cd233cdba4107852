#!/usr/bin/env bash
# tests/vm/cluster.sh: tests/cluster/run.sh in the test VM. The programs that it names come from PATH, those of crisp from artifacts/native, and
# the next version's from artifacts/next/native, where they are made if need be. Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/vm/payload.sh
. tests/vm/payload.sh
make_payload
[ -x artifacts/native/crisp-node-agent ] || fail "publish crisp-node-agent into artifacts/native first (CONTRIBUTING.md)."
next=artifacts/next/native
for project in Sandbox CriServer NodeAgent; do
	[ ! -x "$next/crisp-node-agent" ] || break
	dotnet publish "src/$project" -c Release -r linux-x64 --nologo -v quiet -p:Version=0.1.1 --artifacts-path artifacts/next -o "$next" ||
		fail "src/$project cannot be published."
done
mkdir "$payload/tests/critest"
for program in helm kubelet kube-apiserver kube-controller-manager kube-scheduler kubectl etcd containerd containerd-shim-runc-v2; do
	file=$(command -v "$program") || fail "$program is not in PATH."
	cp "$file" "$payload/bin/"
done
cp "$(tests/images/docker-registry.sh)" "$payload/bin/docker-registry"
cp -a tests/cluster tests/kubelet "$payload/tests/"
cp -a charts "$payload/"
cp tests/critest/common.sh "$payload/tests/critest/"
tests/cluster/images.sh "$payload/registry" artifacts/native "$next"
program <<- 'END'
	export CLUSTER_PROGRAMS=$PWD/bin CLUSTER_REGISTRY=$PWD/registry CLUSTER_OUT=/tmp/out TMPDIR=/payload
	tests/cluster/run.sh
	code=$?
	[ "$code" = 0 ] || tail -n 30 /tmp/out/*.log | cut -c 1-250
	exit "$code"
END
export CRISP_VM_MEMORY=${CRISP_VM_MEMORY:-6144} CRISP_VM_DISK=6G
boot
