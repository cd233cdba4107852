#!/usr/bin/env bash
# tests/images/node-image.sh: builds the Dockerfile with buildah and runs the result under crisp. The base images come from a registry on
# the loopback, as stand-ins made of Debian 12: the SDK's is a compiler beside this machine's .NET SDK, the other has glibc and OpenSSL.
# Needs root, buildah, debootstrap, the .NET SDK, and the published crisp in CRISP_BIN_DIR (default artifacts/native). Some ten minutes,
# most of it NativeAOT. Ends with the image's size and "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${CRISP_BIN_DIR:-$PWD/artifacts/native}
mirror=${CRISP_DEBIAN_MIRROR:-http://deb.debian.org/debian}
for tool in buildah debootstrap dotnet jq; do
	command -v "$tool" > /dev/null || { echo "node-image.sh: $tool is missing (Debian: apt-get install $tool)." >&2; exit 1; }
done
registry_program=$(tests/images/docker-registry.sh)
work=$(mktemp -d /var/tmp/crisp-image-XXXXXX)
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
storage=(--root "$work/storage" --runroot "$work/run")
registry= daemon=

cleanup() {
	for process in $daemon $registry; do
		kill "$process" 2> /dev/null && wait "$process" 2> /dev/null || true
	done
	buildah "${storage[@]}" rm --all > /dev/null 2>&1 || true
	umount "$work/storage/vfs" 2> /dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

say() { printf '== %s (%ds)\n' "$1" "$SECONDS"; }
passed=0 failed=0
check() {
	local what=$1
	shift
	if "$@" > "$work/check.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok       $what"
	else
		failed=$((failed + 1))
		echo "FAILED   $what"
		tail -n 20 "$work/check.log"
	fi
}

say "a registry"
port=$(shuf -i 20000-40000 -n 1)
cat > "$work/registry.yml" <<-END
	version: 0.1
	log: { level: error, accesslog: { disabled: true } }
	storage: { filesystem: { rootdirectory: $work/registry } }
	http: { addr: "127.0.0.1:$port" }
END
"$registry_program" serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry=$!

say "stand-ins for the base images"
# A Debian with a compiler for the SDK's; its glibc, OpenSSL and certificates, and no shell, for the other.
unshare --mount debootstrap --variant=minbase --include=gcc,libc6-dev,zlib1g-dev,binutils,libssl3,ca-certificates bookworm "$work/sdk" "$mirror" \
	> "$work/log" 2>&1 || { tail "$work/log"; exit 1; }
rm -rf "$work"/sdk/var/cache/apt/* "$work"/sdk/var/lib/apt/lists/* "$work"/sdk/usr/share/{doc,man,locale}
ln -sf /usr/share/dotnet/dotnet "$work/sdk/usr/bin/dotnet"
tests/images/base.sh "$work/sdk" "$work/base"
for name in sdk base; do
	container=$(buildah "${storage[@]}" from scratch)
	buildah "${storage[@]}" add -q "$container" "$work/$name" / > /dev/null
	buildah "${storage[@]}" commit -q "$container" "localhost:$port/$name" > /dev/null
	buildah "${storage[@]}" push -q --tls-verify=false "localhost:$port/$name" > /dev/null
	buildah "${storage[@]}" rm "$container" > /dev/null
	buildah "${storage[@]}" rmi "localhost:$port/$name" > /dev/null
	rm -rf "${work:?}/$name"
done

say "buildah build"
buildah "${storage[@]}" build --tls-verify=false --timestamp 0 --network host \
	--build-arg SDK_IMAGE="localhost:$port/sdk" --build-arg BASE_IMAGE="localhost:$port/base" \
	--volume "$(dirname "$(readlink -f "$(command -v dotnet)")"):/usr/share/dotnet:ro" --volume "${NUGET_PACKAGES:-$HOME/.nuget/packages}:/root/.nuget/packages" \
	--tag "localhost:$port/crisp:test" . > "$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; exit 1; }
buildah "${storage[@]}" push -q --tls-verify=false "localhost:$port/crisp:test" > /dev/null
config=$(buildah "${storage[@]}" inspect --type image "localhost:$port/crisp:test")
check "the image starts the agent" jq -e '.OCIv1.config.Entrypoint == ["/opt/crisp/crisp-node-agent"]' <<< "$config"
check "the image's user is not root" jq -e '.OCIv1.config.User == "65532:65532"' <<< "$config"
layer=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://127.0.0.1:$port/v2/crisp/manifests/test" | jq '.layers[-1].size')

say "the image under crisp"
mkdir -p "$work/crisp" "$work/certs.d/localhost:$port"
printf 'server = "http://localhost:%s"\n' "$port" > "$work/certs.d/localhost:$port/hosts.toml"
cat > "$work/config.toml" <<-END
	root = "$work/crisp/root"
	run = "$work/crisp/run"
	cgroup_parent = "crisp-image-test"
	[registry]
	host_dirs = ["$work/certs.d"]
END
"$bin/crisp" serve --config "$work/config.toml" > "$work/daemon.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
	[ -S "$work/crisp/run/crisp.sock" ] && break
	sleep 0.1
done
crisp() { "$bin/crisp" "$@" --config "$work/config.toml"; }
run_image() { "$bin/crisp" run --config "$work/config.toml" --rm --network node "localhost:$port/crisp:test" "$@"; }
check "crisp pulls it" crisp pull "localhost:$port/crisp:test"
# says WANT ARGUMENTS: what the agent with these arguments writes has this in it.
says() {
	local want=$1
	shift
	run_image "$@" > "$work/said" 2>&1 || true
	grep -qF -- "$want" "$work/said" || { cat "$work/said"; tail -n 5 "$work/daemon.log"; return 1; }
}
check "the agent says its version" says "$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)" --version
check "a wrong value is a sentence" says '--drain-timeout must be a time such as "90s", "15m" or "1h"; it is "soon".' \
	run --node n --namespace s --host-root / --drain-timeout soon
check "outside of a cluster it says so" says 'crisp-node-agent: ' run --node n --namespace s --host-root /

awk -v size="$layer" 'BEGIN { printf "The programs are a layer of %.1f MB, compressed.\n", size / 1e6 }'
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
