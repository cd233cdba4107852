#!/usr/bin/env bash
# ./test.sh          every test this machine can run, as root; what it cannot is skipped with its reason and counted
# ./test.sh --vm     the same suites inside the project's test VM: cgroup v2, systemd, AppArmor
# ./test.sh NAME...  only the named projects, for example: ./test.sh Linux Sandbox
# Ends with the plain line "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")"

if [ "${1:-}" = --vm ]; then
	shift
	exec tests/vm/run.sh "$@"
fi

say() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

if ! command -v dotnet > /dev/null; then
	echo "test.sh: the .NET SDK 10 is missing. On Debian: https://learn.microsoft.com/dotnet/core/install/linux-debian" >&2
	exit 1
fi

# What the tests use of Debian: a compiler for the interpreter of plans and NativeAOT's linker step, real archives from real
# tools, a static busybox for root filesystems, CNI plugins and what they call. Without root or apt, the tests that need them
# skip and say so.
need=()
for want in cc:gcc clang:clang zlib:zlib1g-dev busybox:busybox-static umoci:umoci skopeo:skopeo ip:iproute2 jq:jq runc:runc \
	iptables:iptables cni:containernetworking-plugins seccomp:libseccomp-dev apparmor_parser:apparmor; do
	program=${want%%:*} package=${want##*:}
	if [ "$program" = zlib ]; then
		[ -e /usr/include/zlib.h ] || need+=("$package")
	elif [ "$program" = seccomp ]; then
		[ -e /usr/include/seccomp.h ] || need+=("$package")
	elif [ "$program" = cni ]; then
		[ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || need+=("$package")
	else
		command -v "$program" > /dev/null || need+=("$package")
	fi
done
if [ ${#need[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
	say "installing ${need[*]}"
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${need[@]}"; } > /dev/null
fi

# A real registry, without its service.
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
	tests/images/docker-registry.sh > /dev/null
fi

say "build"
dotnet build Runtime.sln --nologo -v quiet -clp:NoSummary

say "publish crisp, crisp-sandbox and crisp-node-agent (NativeAOT)"
publish=$PWD/artifacts/native
for project in Sandbox CriServer NodeAgent; do
	dotnet publish "src/$project" -c Release -r linux-x64 --nologo -v quiet -o "$publish"
done
"$publish/crisp" --version
ls -l "$publish/crisp" "$publish/crisp-sandbox" | awk '{ printf "%s: %.1f MB\n", $9, $5 / 1e6 }'
export CRISP_BIN_DIR=$publish

tests/suites.sh artifacts/bin "$@"
