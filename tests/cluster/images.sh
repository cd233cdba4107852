#!/usr/bin/env bash
# tests/cluster/images.sh STORAGE CRISP NEXT: a registry's storage with what run.sh has its nodes pull: crisp:0.1.0 and crisp:next, with the
# programs of the directories CRISP and NEXT as the Dockerfile's last stage has them (node-image.sh builds the Dockerfile itself), a Debian, and
# a pause that stands in for that of containerd. Needs umoci, skopeo, busybox-static and docker-registry.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/critest/common.sh
. tests/critest/common.sh
need umoci:umoci skopeo:skopeo busybox:busybox-static
storage=$1
declare -A programs=([crisp:current]=$2 [crisp:next]=$3)
work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-images-XXXXXX")
trap 'registry_stop; rm -rf "$work"' EXIT
registry_start "$storage" "$work"
push() { skopeo copy --quiet --dest-tls-verify=false "$1" "docker://$registry_address/$2"; }

push "oci-archive:$(tests/images/debian.sh)" debian:12

umoci init --layout "$work/oci"
umoci new --image "$work/oci:pause"
umoci insert --image "$work/oci:pause" "$(command -v busybox)" /busybox
umoci config --image "$work/oci:pause" --config.entrypoint /busybox --config.cmd sleep --config.cmd infinity
push "oci:$work/oci:pause" pause:1

tests/images/base.sh / "$work/base"
for image in "${!programs[@]}"; do
	tag=${image#*:}
	umoci new --image "$work/oci:$tag"
	umoci insert --image "$work/oci:$tag" "$work/base" /
	mkdir "$work/opt"
	cp "${programs[$image]}"/{crisp,crisp-sandbox,crisp-node-agent} "$work/opt/"
	umoci insert --image "$work/oci:$tag" "$work/opt" /opt/crisp
	umoci config --image "$work/oci:$tag" --config.entrypoint /opt/crisp/crisp-node-agent --config.user 65532:65532
	push "oci:$work/oci:$tag" "$image"
	rm -rf "$work/opt"
done
