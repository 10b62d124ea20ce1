#!/usr/bin/env bash
# Every fuzz target over its corpus, each input in a process of its own: replay.sh BIN_DIR COUNT_FILE
#   FAIL_ALLOCATIONS=N  also with the 1st ... N-th allocation failing (slow: for the sanitizer builds)
set -u
bin=$1 count=$2
cd "$(dirname "$0")/../.."
passed=0 failed=0
for target in tests/fuzz/fuzz_*.c; do
	name=$(basename "$target" .c)
	if [ ! -x "$bin/$name" ]; then
		echo "$name: not built" >&2
		failed=$((failed + 1))
		continue
	fi
	for input in /dev/null tests/corpus/"${name#fuzz_}"/*; do
		[ -e "$input" ] || continue
		if timeout "${REPLAY_SECONDS:-60}" "$bin/$name" ${FAIL_ALLOCATIONS:+-m "$FAIL_ALLOCATIONS"} "$input" >/dev/null 2>"$count.log"; then
			passed=$((passed + 1))
		else
			echo "$name $input: exit status $?" >&2
			head -n 20 "$count.log" >&2
			failed=$((failed + 1))
		fi
	done
done
rm -f "$count.log"
echo "$passed $failed" >"$count"
echo "fuzz replay: $passed passed, $failed failed"
[ "$failed" = 0 ]
