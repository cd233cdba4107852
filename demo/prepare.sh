# shellcheck shell=bash
# What demo.sh needs before it starts: Debian's packages, both programs, the image. What is there already costs nothing.
install_missing() {
	local need=() want compilers=()
	[ -n "${CRISP_BIN_DIR:-}" ] || compilers=(gcc:gcc /usr/include/zlib.h:zlib1g-dev)
	for want in "${compilers[@]}" tar:tar gzip:gzip lsns:util-linux ps:procps skopeo:skopeo ip:iproute2 iptables:iptables; do
		command -v "${want%%:*}" > /dev/null || [ -e "${want%%:*}" ] || need+=("${want##*:}")
	done
	[ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || need+=(containernetworking-plugins)
	if [ ${#need[@]} -gt 0 ]; then
		say "installing ${need[*]}"
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${need[@]}"; } > /dev/null
	else
		say "nothing"
	fi
}

# publish DIR: both programs into DIR, unless they are newer there than every source.
publish() {
	local project stamp=$1/.published
	if [ -x "$1/crisp" ] && [ -x "$1/crisp-sandbox" ] && [ -e "$stamp" ] \
		&& [ -z "$(find src api Directory.* global.json nuget.config -type f -newer "$stamp" -print -quit)" ]; then
		say "up to date"
		return
	fi
	mkdir -p "$1"
	# The time of the start: what changes meanwhile must be built the next time.
	touch "$stamp.new"
	for project in Sandbox CriServer; do
		dotnet publish "src/$project" -c Release -r linux-x64 --nologo -v quiet -o "$1" > "$1/publish.log" \
			|| { cat "$1/publish.log" >&2; fail "src/$project was not built"; }
	done
	rm "$1/publish.log"
	mv "$stamp.new" "$stamp"
}
