# shellcheck shell=bash
# tests/critest/common.sh: what the scripts beside it and in tests/kubelet share: Debian's packages, a cache for what takes long to build, a
# registry of one's own on a free port of the loopback, and what a run leaves behind. A run has a directory $work, whose name $name all of
# it carries, and a network namespace.

say() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }
fail() {
	printf '%s: %s\n' "$0" "$1" >&2
	exit 1
}

# need PROGRAM:PACKAGE...: installs from Debian what is missing.
need() {
	local want packages=()
	for want in "$@"; do
		command -v "${want%%:*}" > /dev/null || [ -e "${want%%:*}" ] || packages+=("${want##*:}")
	done
	[ ${#packages[@]} -gt 0 ] || return 0
	command -v apt-get > /dev/null || fail "Debian's packages ${packages[*]} are missing, and so is apt-get to install them."
	say "installing ${packages[*]}"
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}"; } > /dev/null ||
		fail "apt-get could not install ${packages[*]}."
}

registry_process= registry_address=

# registry_start STORAGE WORK: serves STORAGE until registry_stop; sets registry_address to HOST:PORT.
registry_start() {
	local program
	program=$(command -v docker-registry || echo "${CRISP_CACHE:-/var/cache/crisp-tests}/docker-registry/usr/bin/docker-registry")
	if [ ! -x "$program" ]; then
		# Its package would start a service on this machine, so that only the program is taken from it.
		local root=${program%/usr/bin/*}
		mkdir -p "$root" "$2/deb"
		(cd "$2/deb" && apt-get download -qq -o APT::Sandbox::User=root docker-registry) || fail "Debian's package docker-registry could not be fetched."
		dpkg-deb -x "$2"/deb/docker-registry_*.deb "$root"
	fi
	mkdir -p "$1"
	cat > "$2/registry.yml" <<-END
		version: 0.1
		log: { level: info, accesslog: { disabled: true } }
		storage: { filesystem: { rootdirectory: $1 } }
		http: { addr: "127.0.0.1:0" }
	END
	: > "$2/registry.log"
	"$program" serve "$2/registry.yml" >> "$2/registry.log" 2>&1 &
	registry_process=$!
	for _ in $(seq 100); do
		registry_address=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$2/registry.log")
		[ -z "$registry_address" ] || return 0
		kill -0 "$registry_process" 2> /dev/null || break
		sleep 0.05
	done
	tail -n 5 "$2/registry.log"
	fail "docker-registry did not start."
}

registry_stop() {
	[ -n "$registry_process" ] || return 0
	kill "$registry_process" 2> /dev/null || true
	wait "$registry_process" 2> /dev/null || true
	registry_process=
}

# cached KIND PROGRAM:PACKAGE...: prints the directory KIND-STAMP of the cache and ends the script if it has been built. Else the
# script goes on, fills the directory $out, has $work for the rest, and calls `finished`. Its output goes to standard error.
cached() {
	local kind=$1 cache=${CRISP_CACHE:-/var/cache/crisp-tests}/critest
	shift
	ready=$cache/$kind-$(cat "$here/$kind.sh" "$here/programs.sh" | sha256sum | cut -c1-16)
	mkdir -p "$cache"
	# One builds, the others wait for it.
	exec 9> "$cache/$kind.lock"
	flock 9
	if [ -e "$ready/complete" ]; then
		echo "$ready"
		exit 0
	fi
	[ "$(id -u)" = 0 ] || fail "debootstrap, and files of other users, need root."
	exec 3>&1 1>&2
	need "$@"
	rm -rf "$cache/$kind"-*
	work=$(mktemp -d "$cache/build-XXXXXX")
	out=$work/out
	mkdir "$out"
	trap 'registry_stop; umount "$work/debian/proc" 2> /dev/null || true; rm -rf "$work"' EXIT
}

finished() {
	touch "$out/complete"
	mv "$out" "$ready"
	echo "$ready" >&3
}

# Pids of what runs in this run's cgroups, and of its pods' processes wherever they are: none but those that this run has started.
processes() { { find /sys/fs/cgroup -path "*/$name*" -name cgroup.procs -exec cat {} + 2> /dev/null; pgrep -f "^crisp-sandbox .*/$name/"; } | sort -un; }
remains() {
	local pid
	for pid in $(processes); do
		grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null || echo "process $pid $(tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null)"
	done
	awk -v name="$name" '$2 ~ name { print "mount", $2 }' /proc/self/mounts
	ip -o link | awk '/veth/ { print "interface", $2 }'
	find "$work/leases" -type f -name '10.*' -printf 'lease %f\n' 2> /dev/null
	find /sys/fs/cgroup -maxdepth 7 -type d -name "*$name*" -printf 'cgroup %p\n'
}
# Ends and removes what a run has left that did not go well; after the others this finds nothing.
sweep() {
	local pid
	for pid in $(processes); do
		kill -9 "$pid" 2> /dev/null || true
	done
	awk -v name="$name" '$2 ~ name { print $2 }' /proc/self/mounts | tac | xargs -r -n 1 umount --lazy
	remove_cgroups
}
# Removes this run's cgroups, none of which has a process any more. The first version's may be busy for a second or two.
remove_cgroups() {
	local try
	for try in 0 0.1 0.5 1 1 1; do
		sleep "$try"
		find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2> /dev/null || true
		[ -n "$(find /sys/fs/cgroup -type d -name "$name" -print -quit)" ] || return 0
	done
}
