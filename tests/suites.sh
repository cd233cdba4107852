#!/usr/bin/env bash
# tests/suites.sh DIR [NAME...]: runs the built test programs beneath DIR (DIR/NAME.Tests/debug), here or in the test VM,
# checks that they left nothing behind, prints what was skipped and why, and ends with "N passed, N failed".
# CRISP_TEST_ARGUMENTS goes to every program, for example "-class *.OverlayMountTests".
set -uo pipefail
dir=$1
shift
cd "$(dirname "$0")/.."

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(Repository Linux Cgroups Install NodeAgent Kvm GuestImages Network Images Sandbox CriServer Conformance)

log=$(mktemp)
left=$(mktemp -d)
bad_names=$left/failed
: > "$bad_names"
trap 'rm -rf "$log" "$left"' EXIT
passed=0 failed=0 skipped=0
limit=${CRISP_SUITE_TIMEOUT:-1800}
# Else each program of .NET's that a test kills leaves the sockets and pipes of its debugger in /tmp.
export DOTNET_EnableDiagnostics=0

# What a test may leave behind: processes, mounts, network namespaces, cgroups and files of crisp.
remains() {
	pgrep -a '^crisp' | sort
	awk '$2 ~ /crisp/ { print "mount", $2 }' /proc/self/mounts | sort
	ls -1 /run/netns 2> /dev/null | grep -i crisp
	find /sys/fs/cgroup -maxdepth 6 -type d -name '*crisp*' 2> /dev/null | sort
	find /tmp /run /var/lib -maxdepth 1 -name 'crisp*' 2> /dev/null | sort
}
remains > "$left/before"

for name in "${names[@]}"; do
	program=$dir/$name.Tests/debug/Crisp.$name.Tests
	printf '\n== %s.Tests (%ds)\n' "$name" "$SECONDS"
	# shellcheck disable=SC2086 # Several words.
	timeout --kill-after=10 "$limit" "$program" -noLogo -noColor -longRunning 60 ${CRISP_TEST_ARGUMENTS:-} > "$log" 2>&1 < /dev/null
	code=$?
	[ "$code" != 124 ] || echo "$name.Tests did not end within $limit s (CRISP_SUITE_TIMEOUT)" >> "$log"
	grep -vE '^ *(Discovering|Discovered|Starting|Finished):|TEST EXECUTION SUMMARY' "$log"
	grep -E '\[FAIL\]' "$log" >> "$bad_names"
	summary=$(grep -E 'Total: [0-9]+, Errors: ' "$log" | tail -n 1)
	if [ -z "$summary" ]; then
		echo "$name.Tests ended with code $code and no summary"
		failed=$((failed + 1))
		continue
	fi
	count() { echo "$summary" | sed -E "s/.*$1: ([0-9]+).*/\1/"; }
	bad=$(($(count Failed) + $(count Errors)))
	# A runner that reports success and then dies has not succeeded.
	if [ "$bad" = 0 ] && [ "$code" != 0 ]; then
		echo "    $name.Tests ended with code $code" >> "$bad_names"
		bad=1
	fi
	failed=$((failed + bad))
	skipped=$((skipped + $(count Skipped)))
	passed=$((passed + $(count Total) - $(count Failed) - $(count Skipped)))
done

remains > "$left/after"
if diff "$left/before" "$left/after" > "$left/diff"; then
	passed=$((passed + 1))
else
	echo "Left behind by the tests:"
	cat "$left/diff"
	failed=$((failed + 1))
fi

# A long log is read from its end.
[ ! -s "$bad_names" ] || { printf '\nFailed:\n' && cat "$bad_names"; }
printf '\n%d skipped, in %d s\n' "$skipped" "$SECONDS"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
