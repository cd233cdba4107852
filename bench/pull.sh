#!/usr/bin/env bash
# bench/pull.sh [--peer NAME=SOCKET]... [--runs N] [--mb N]: the time of PullImage of an image of 3 layers and one of 30, with the
# same files of this machine in both, from a registry on a loopback port; then crisp's memory. Every run pulls an image that
# nobody has seen, as a node does: ext4 makes files slowly for up to six minutes where many have just been removed. TMPDIR names
# another filesystem for the work than /var/tmp's; a new one for each runtime makes the times comparable.
# --peer measures another CRI runtime in turn, in the same run; it must speak plain HTTP to 127.0.0.1, as containerd does. Needs
# root, docker-registry, skopeo and the .NET SDK; CRISP_BIN_DIR names a published crisp.
set -euo pipefail
cd "$(dirname "$0")/.."

peers=() runs=5 megabytes=150
while [ $# -gt 0 ]; do
	case $1 in
	--peer) peers+=(--socket "$2") ;;
	--runs) runs=$2 ;;
	--mb) megabytes=$2 ;;
	*)
		sed -n 2,7p "$0" >&2
		exit 2
		;;
	esac
	shift 2
done

registry_program=$(tests/images/docker-registry.sh)
dir=${CRISP_BIN_DIR:-$PWD/artifacts/native}
[ -n "${CRISP_BIN_DIR:-}" ] || dotnet publish src/CriServer -c Release -r linux-x64 --nologo -v quiet -o "$dir"
dotnet build bench/PullTime -c Release --nologo -v quiet -clp:NoSummary

work=$(mktemp -d "${TMPDIR:-/var/tmp}/crisp-bench-XXXXXX")
registry= daemon=
finish() {
	for process in $daemon $registry; do
		kill "$process" && wait "$process" || true
	done
	rm -rf "$work"
}
trap finish EXIT

port=$(shuf -i 20000-30000 -n 1)
printf 'version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n  addr: 127.0.0.1:%s\n' "$work/registry" "$port" > "$work/registry.yml"
"$registry_program" serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry=$!

# Files as they lie on a node: libraries, documentation, scripts.
find /usr/lib /usr/share /usr/bin -xdev -type f -size -4096k -printf '%s %P\t%p\n' 2> /dev/null | sort -k2 |
	awk -F'\t' -v limit="$((megabytes * 1000000))" '{ split($1, part, " "); total += part[1]; if (total <= limit) print substr($2, 2) }' > "$work/files"

# blob FILE: stores it under its digest, prints the digest.
blob() {
	local digest
	digest=$(sha256sum "$1" | cut -d' ' -f1)
	mv "$1" "$oci/blobs/sha256/$digest"
	echo "$digest"
}

# image LAYERS RUN: pushes an image of that many layers, with a file in each that tells the run.
image() {
	local layers= diffs= part
	oci=$work/oci-$1
	mkdir -p "$work/mark/etc"
	echo "$2" > "$work/mark/etc/run"
	mkdir -p "$oci/blobs/sha256" "$work/parts"
	echo -n '{"imageLayoutVersion":"1.0.0"}' > "$oci/oci-layout"
	split -n "l/$1" -d -a 3 "$work/files" "$work/parts/"
	for part in "$work/parts/"*; do
		# As every builder writes them: a directory has an entry before what it holds.
		awk -F/ '{ path = ""; for (i = 1; i < NF; i++) { path = path $i; if (!seen[path]++) print path; path = path "/" } print }' "$part" |
			tar -C / --format=posix --pax-option=delete=atime,delete=ctime --no-recursion -cf "$work/layer" -T - -C "$work/mark" etc/run
		diffs+=${diffs:+,}'"sha256:'$(sha256sum "$work/layer" | cut -d' ' -f1)'"'
		gzip -n "$work/layer"
		layers+=${layers:+,}'{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":'$(stat -c %s "$work/layer.gz")',"digest":"sha256:'$(blob "$work/layer.gz")'"}'
	done
	rm -rf "$work/parts"
	echo '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":['"$diffs"']}}' > "$work/config"
	local size digest
	size=$(stat -c %s "$work/config") digest=$(blob "$work/config")
	echo '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":'"$size"',"digest":"sha256:'"$digest"'"},"layers":['"$layers"']}' > "$work/manifest"
	size=$(stat -c %s "$work/manifest") digest=$(blob "$work/manifest")
	echo '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":'"$size"',"digest":"sha256:'"$digest"'","annotations":{"org.opencontainers.image.ref.name":"1"}}]}' > "$oci/index.json"
	skopeo copy -q --dest-tls-verify=false "oci:$oci:1" "docker://127.0.0.1:$port/layers-$1:$2"
	rm -rf "$oci"
}
for run in $(seq 0 "$runs"); do
	image 3 "$run"
	image 30 "$run"
done
echo "$(wc -l < "$work/files") files, $(($(du -sm "$work/registry" | cut -f1) / 2 / (runs + 1))) MB compressed in each image"

"$dir/crisp" serve --root "$work/root" --run "$work/run" --log-level warning &
daemon=$!
for _ in $(seq 100); do
	"$dir/crisp" ps --socket "$work/run/crisp.sock" > /dev/null 2>&1 && break
	sleep 0.1
done
artifacts/bin/PullTime/release/Crisp.PullTime --runs "$runs" --socket "crisp=$work/run/crisp.sock" "${peers[@]}" \
	--image "127.0.0.1:$port/layers-3" --image "127.0.0.1:$port/layers-30"
memory() { awk -v key="$1:" '$1 == key { print $2 / 1000 }' "/proc/$daemon/status"; }
echo "crisp: $(memory VmRSS) MB after the last pull, $(sleep 15 && memory VmRSS) MB 15 s later, $(memory VmHWM) MB at its peak"
