# shellcheck shell=bash
# How demo.sh and the scripts of bench speak: steps with the seconds since the start, sentences, commands with their output.
bold= plain=
[ ! -t 1 ] || { bold=$(tput bold 2> /dev/null || true) plain=$(tput sgr0 2> /dev/null || true); }
step() { printf '\n%s== %s%s  (%d s)\n' "$bold" "$1" "$plain" "$SECONDS"; }
say() { printf '   %s\n' "$*"; }
show() { printf '   %s$ %s%s\n' "$bold" "$*" "$plain"; }
run() {
	show "$@"
	"$@" 2>&1 | sed 's/^/   /'
}
fail() {
	printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}
