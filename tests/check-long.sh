#!/usr/bin/env bash
# The long checks: `make check-long`. Each step is one test; what is absent on this machine is said and left out.
#   FUZZ_SECONDS=300    per fuzz target        VIBEE_SEEDS=2000   scenarios of the exactness properties
#   ONLY=fuzz,valgrind  just these of: warnings clang prop threads million browser fuzz valgrind
set -u
cd "$(dirname "$0")/.."
fuzz_seconds=${FUZZ_SECONDS:-300} seeds=${VIBEE_SEEDS:-2000}
log=build/long passed=0 failed=0 absent=0
mkdir -p "$log"
make="make --no-print-directory"
export VIBEE_SIM_DB=$PWD/$log/runs.db

wants() { case ",${ONLY:-$1}," in *,"$1",*) ;; *) return 1 ;; esac; }
skip() { echo "left out: $1"; absent=$((absent + 1)); }
check() { # name, command ...: the command's exit status is the verdict
	local name=$1 start=$SECONDS
	shift
	if "$@" >"$log/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok    $name ($((SECONDS - start)) s)"
	else
		failed=$((failed + 1))
		echo "FAIL  $name ($((SECONDS - start)) s): $log/$name.log"
		tail -n 12 "$log/$name.log" | sed 's/^/      /'
	fi
}

# Warnings that find mistakes, beyond what every build asks for. (-Weverything also warns of padding and of C99.)
warnings() {
	local bad=0 f
	for f in $(find base hardware workloads kernels reports models sim validation cli -name '*.c' 2>/dev/null | grep -vE '_(avx|amx|sse)'); do
		clang -fsyntax-only -std=c17 -D_POSIX_C_SOURCE=200809L -I. $(pkg-config --cflags libxml-2.0 sqlite3 jansson zlib libxxhash gsl hwloc libmicrohttpd ompi-c) -fopenmp \
			-Wall -Wextra -Wshadow -Wassign-enum -Wloop-analysis -Wunreachable-code-break \
			-Wunreachable-code-return -Wformat=2 -Wno-format-nonliteral -Wpointer-arith -Wcast-align -Wover-aligned \
			-Wstring-conversion -Wunused-macros -Wstrict-prototypes -Wold-style-definition \
			-Werror "$f" || bad=1
	done
	return $bad
}

# Commands that must run under valgrind without an error or a leak; one that is not built yet says "unknown".
valgrind_cases=(
	"--help"
	"catalog check"
	"catalog list devices"
	"run --model llama-2-7b --device a100 --requests 50 --qps 5 --no-store --quiet"
	"step --model llama-2-7b --device a100"
	"op --op gemm --m 64 --n 4096 --k 4096 --dtype bf16 --device a100"
	"workload generate chat --requests 100"
	"report --help"
	"db list"
	"tree"
	"constants"
	"run absent.xml"
	"rnu"
)
under_valgrind() { # words of a command line
	local status out=$log/valgrind.err
	timeout 600 valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
		build/plain/vibee-sim "$@" </dev/null >/dev/null 2>"$out"
	status=$?
	cat "$out"
	# Its own exit status is the business of tests/cli; here only valgrind's and a crash count.
	[ $status != 99 ] && [ $status != 124 ] && [ $status -lt 128 ]
}

if wants warnings; then
	if command -v clang >/dev/null; then check warnings warnings; else skip "warnings (no clang)"; fi
fi
check gcc-build $make -j"$(nproc)" build/plain/vibee-sim build/plain/tests/unit-tests build/plain/tests/prop-tests
if wants clang; then
	if command -v clang >/dev/null; then
		check clang-unit $make CC=clang B=build/clang -j"$(nproc)" unit
		check clang-prop $make CC=clang B=build/clang -j"$(nproc)" prop
	else
		skip "clang build (no clang)"
	fi
fi
if wants prop; then
	if [ -x build/plain/tests/prop-tests ]; then
		check exactness env VIBEE_SEEDS="$seeds" build/plain/tests/prop-tests
	else
		skip "exactness over $seeds seeds (build/plain/tests/prop-tests was not built)"
	fi
fi
if wants threads; then
	check thread-sanitizer env VIBEE_SEEDS=50 $make SAN=thread OPT="-O1 -g" -j"$(nproc)" prop
fi
if wants million; then
	if build/plain/vibee-sim run --help >/dev/null 2>&1; then
		check million-requests build/plain/vibee-sim run --model llama-2-7b --device a100 --replicas 16 --requests 1000000 --qps 50 \
			--no-store --quiet
	else
		skip "a million requests (no run command yet)"
	fi
fi
if wants browser; then
	if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then
		check browser tests/browser.sh "$log/browser.count"
	else
		skip "pages in a browser (no chromium)"
	fi
fi
if wants valgrind; then
	if ! command -v valgrind >/dev/null; then
		skip "valgrind (not installed)"
	elif [ ! -x build/plain/vibee-sim ]; then
		skip "valgrind (the program was not built)"
	else
		for words in "${valgrind_cases[@]}"; do
			case $words in
			-* | rnu*) ;;
			*) build/plain/vibee-sim "${words%% *}" --help >/dev/null 2>&1 || { skip "valgrind: ${words%% *} (no such command yet)"; continue; } ;;
			esac
			# shellcheck disable=SC2086
			check "valgrind-$(tr -c 'a-z0-9\n' - <<<"$words" | cut -c1-40)" under_valgrind $words
		done
	fi
fi
if wants fuzz; then
	if command -v clang >/dev/null; then
		for target in tests/fuzz/fuzz_*.c; do
			name=$(basename "$target" .c)
			check "fuzz-${name#fuzz_}" $make fuzz TARGET="${name#fuzz_}" SECONDS="$fuzz_seconds"
		done
	else
		skip "fuzzing (no clang)"
	fi
fi
[ $absent = 0 ] || echo "$absent left out"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
