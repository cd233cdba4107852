#!/usr/bin/env bash
# bench/code-order.sh: writes src/Sandbox/CodeOrder.txt anew, for whoever finds that a pod's process has grown: sandbox-memory.sh runs
# once with a crisp-sandbox that writes down which of its functions run. Needs what that needs, and a C compiler.
#
# The kernel maps a file by pieces of 64 kB (fault-around), so one function that runs makes 64 kB resident. The list names the
# functions that run in pieces of which less than a quarter does. The compiler puts them together, and the rest stays unmapped. A name
# that no longer exists is passed over.
set -euo pipefail
cd "$(dirname "$0")/.."

piece=65536
work=$(mktemp -d "${TMPDIR:-/var/tmp}/crisp-order-XXXXXX")
trap 'rm -rf "$work"' EXIT

# In the compiler's own order, so that the list does not depend on the one before. Of each function: address, size, name.
dotnet publish src/Sandbox -c Release -r linux-x64 --nologo -v quiet -p:IlcOrderFile=/dev/null -o "$work/real"
nm -t d -nS --defined-only "$work/real/crisp-sandbox.dbg" |
	awk '$NF == "__start___managedcode" { on = 1 } $NF == "__stop___managedcode" { on = 0 } on && NF == 4 { print $1 + 0, $2 + 0, $4 }' > "$work/functions"
cut -d' ' -f1 "$work/functions" > "$work/addresses"

mkdir "$work/traced"
cc -O1 -static -Wall -Wextra -Werror -o "$work/traced/crisp-sandbox" bench/CodeOrder/trace.c \
	-DPROGRAM="\"$work/real/crisp-sandbox\"" -DFUNCTIONS="\"$work/addresses\"" -DOUTPUT="\"$work/ran\""
# A program with breakpoints is beyond the goals that the benchmark has for it.
CRISP_BIN_DIR=$work/traced bench/sandbox-memory.sh || true

sort -un "$work"/ran-* | awk -v piece=$piece '
	NR == FNR { ran[$1]; next }
	$1 in ran { at = int($1 / piece); if ($1 != last) bytes[at] += $2; last = $1; name[++n] = $3; of[n] = at }
	END { for (i = 1; i <= n; i++) if (bytes[of[i]] < piece / 4) print name[i] }' - "$work/functions" > "$work/order"
[ -s "$work/order" ] || { echo "Nothing ran: the benchmark above has failed." >&2; exit 1; }
mv "$work/order" src/Sandbox/CodeOrder.txt
wc -l src/Sandbox/CodeOrder.txt
