#!/usr/bin/env bash
# Pages in a browser: each kind of report from its file, and the local server, at the width of a phone and of a desktop. A page fails
# that says anything on the console, is wider than its window, or -- reports -- does not sort a table or show what a point is.
#   tests/browser.sh COUNT_FILE           all of them
#   tests/browser.sh COUNT_FILE quick     a report and the server's pages: what `make test` runs
#   SHOTS=FOLDER ...                      keeps a picture of every page, light and dark, to be looked at
set -u
count=$1 which=${2:-all}
cd "$(dirname "$0")/.."
VIBEE=${VIBEE:-$PWD/build/plain/vibee-sim}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
	echo "browser: skipped: no chromium ('.ci/deps long' installs it)"
	echo "0 0" >"$count"
	exit 0
fi
work=$(mktemp -d) server=""
trap '[ -z "$server" ] || kill $server 2>/dev/null; rm -rf "$work"' EXIT
export VIBEE_SIM_DB=$work/runs.db HOME=$work
passed=0 failed=0

chrome() { # options of the browser
	timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run --user-data-dir="$work/profile" \
		--enable-logging=stderr --v=0 --virtual-time-budget=8000 "$@"
}

# What a reader does: orders every table by every column, points at every figure. What came of it stands in the document.
probe='<script>
addEventListener("load", () => {
	const root = document.documentElement, figures = [...document.querySelectorAll("figure svg")].filter((s) => s.querySelector("g.tip"));
	let sorted = 0, told = 0;
	for (const table of document.querySelectorAll("table.sortable"))
		for (const button of table.querySelectorAll("th button")) {
			button.click();
			sorted += button.closest("th").hasAttribute("aria-sort");
		}
	for (const svg of figures) {
		const box = svg.getBoundingClientRect(), use = svg.querySelector("g.tip use").getBoundingClientRect();
		svg.dispatchEvent(new PointerEvent("pointermove", { clientX: use.x + use.width / 2, clientY: use.y + use.height / 2, bubbles: true }));
		const tip = document.querySelector(".tip-box");
		told += tip && !tip.hidden && tip.textContent.length > 3;
		svg.dispatchEvent(new PointerEvent("pointerleave"));
	}
	root.dataset.fits = root.scrollWidth <= innerWidth;
	root.dataset.sorts = sorted === document.querySelectorAll("table.sortable th").length;
	root.dataset.tells = told === figures.length;
});
</script>'

look() { # name, address, attributes that the document must have ...
	local name=$1 address=$2 width want why
	shift 2
	for width in 390 1280; do
		why=""
		chrome --window-size=$width,1200 --dump-dom "$address" >"$work/dom" 2>"$work/log" || why="the browser failed"
		grep -E 'CONSOLE|Uncaught' "$work/log" >"$work/said" && why="said: $(head -n 1 "$work/said" | cut -c1-300)"
		for want in 'data-fits="true"' "$@"; do
			grep -qF -e "$want" "$work/dom" || why="$why; document has no $want"
		done
		if [ -n "${SHOTS:-}" ]; then
			mkdir -p "$SHOTS"
			chrome --window-size=$width,2600 --screenshot="$SHOTS/$name-$width.png" "$address" >/dev/null 2>&1
			chrome --window-size=$width,2600 --blink-settings=preferredColorScheme=0 --force-dark-mode --screenshot="$SHOTS/$name-$width-dark.png" \
				"$address" >/dev/null 2>&1
		fi
		if [ -z "$why" ]; then
			passed=$((passed + 1))
		else
			echo "browser: $name at $width: $why" >&2
			failed=$((failed + 1))
		fi
	done
}
report() { # name: looks at $work/NAME.html, with the probe
	[ -s "$work/$1.html" ] || { echo "browser: $1: no page" >&2; failed=$((failed + 1)); return; }
	printf '%s' "$probe" >>"$work/$1.html"
	look "$1" "file://$work/$1.html" 'data-sorts="true"' 'data-tells="true"'
}
quiet() { "$VIBEE" "$@" --quiet >"$work/said" 2>&1 || [ $? = 1 ] || { echo "browser: vibee-sim $1: $(cat "$work/said")" >&2; failed=$((failed + 1)); }; }

if [ "$which" = all ]; then
	quiet train --model llama-3.1-8b --system dgx-h100 --devices 8 --global-batch 8 --sequence 4096 --report "$work/train.html"
fi
quiet run --requests 300 --qps 6
quiet run --requests 300 --qps 12 --slo ttft_p99=0.2,tpot_p99=0.05 --report "$work/run.html"
report run
if [ "$which" = all ]; then
	quiet whatif --requests 200 --vary tp=1,2 --vary device=h100,h200 --waterfall --sensitivity
	quiet search --requests 200 --vary tp=1,2,4 --vary device=h100,h200 --slo ttft_p99=1
	quiet plan --slo ttft_p99=1 --demand weekly:mean=9,peak=30 --html "$work/plan.html"
	"$VIBEE" validate operators --device h200 --points 50 --report "$work/operators.html" >/dev/null
	for kind in whatif search validate; do
		"$VIBEE" report --kind $kind --html "$work/$kind.html"
	done
	"$VIBEE" report --kind plan --html "$work/stored-plan.html"
	"$VIBEE" compare last~1 last --html "$work/compare.html" >/dev/null 2>&1
	for page in train whatif search plan stored-plan operators validate compare; do
		report $page
	done
fi

"$VIBEE" serve --port 0 --token not-a-secret-1 >"$work/url" 2>"$work/server" &
server=$!
for _ in $(seq 100); do
	[ -s "$work/url" ] && break
	sleep 0.05
done
url=$(cat "$work/url")
look serve-runs "${url}?order=ttft_p99_s" '>Runs</h1>'
look serve-whatif "${url}whatif?run=last&tp=2&requests=200&simulate=1" 'data-tries="2"' '<path d="M'
if [ "$which" = all ]; then
	look serve-train "${url}runs/last~2" 'training report'
	look serve-run "${url}runs/last" '<h2>Latency</h2>' 'aria-label="Roofline"'
	look serve-studies "${url}studies" '>search<'
	look serve-study "${url}studies/last" '</table>'
	look serve-compare "${url}compare?a=last~1&b=last" '</table>'
	look serve-error "${url}runs/0000" 'Not found'
fi
echo "$passed $failed" >"$count"
echo "browser: $passed passed, $failed failed"
[ "$failed" = 0 ]
