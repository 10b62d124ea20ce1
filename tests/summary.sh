#!/usr/bin/env bash
# Adds up the "passed failed" files of one test run; a stage that left none has failed.
set -u
passed=0 failed=0
for stage in ${STAGES:-}; do
	[ -s "$1/$stage.count" ] || { echo "stage $stage left no result"; failed=$((failed + 1)); }
done
for f in "$1"/*.count; do
	[ -e "$f" ] || continue
	read -r p n _ <"$f"
	case $p$n in *[!0-9]* | '') echo "$f: not a count"; p=0 n=1 ;; esac
	[ -n "$n" ] || { echo "$f: not a count"; n=1; }
	passed=$((passed + p)) failed=$((failed + n))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
