# shellcheck shell=bash
# What the scripts share that start a program of their own in the test VM, in place of the suites. They source it in the checkout's root.
fail() {
	echo "$0: $1"
	exit 1
}

# make_payload: the directory $payload, which is /payload/extra in the VM, with crisp and crisp-sandbox beside it; $work goes in the end.
make_payload() {
	[ -x artifacts/native/crisp ] && [ -x artifacts/native/crisp-sandbox ] ||
		fail "publish crisp and crisp-sandbox into artifacts/native first (CONTRIBUTING.md)."
	work=$(mktemp -d "${TMPDIR:-/tmp}/crisp-vm-XXXXXX")
	trap 'rm -rf "$work"' EXIT
	payload=$work/payload
	mkdir -p "$payload/bin" "$payload/cache" "$payload/tests"
}

# program < COMMANDS: what the VM starts: in the payload, with its bin in PATH and its cache as CRISP_CACHE.
program() {
	{
		echo '#!/bin/bash'
		echo 'cd /payload/extra || exit 1'
		echo 'export PATH=$PWD/bin:$PATH CRISP_CACHE=$PWD/cache'
		cat
	} > "$payload/run"
	chmod +x "$payload/run"
}

# boot [NAME=VALUE...]: the VM, with more assignments in its environment. Ends with the program's exit code.
boot() {
	CRISP_VM_PAYLOAD=$payload CRISP_VM_KEEP_NATIVE=1 CRISP_VM_ENVIRONMENT="$* ${CRISP_VM_ENVIRONMENT:-}" tests/vm/run.sh Sandbox
}
