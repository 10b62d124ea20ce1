#!/usr/bin/env bash
# Runs the command-line cases of tests/cli/*.cases, and tests/cli/*.test.sh; leaves "passed failed" in the file named.
#   VIBEE=build/plain/vibee-sim tests/cli/run.sh COUNT_FILE [NAME ...]     NAME: only these cases or groups
#   GOLDEN=write ... rewrites tests/golden/ instead of comparing (then read the diff)
# The format of a case is described in tests/README.md.
set -u
count=$1
shift
cd "$(dirname "$0")/../.."
root=$PWD
VIBEE=${VIBEE:-$root/build/plain/vibee-sim}
export VIBEE VIBEE_SIM_HOME="${VIBEE_SIM_HOME:-$root}"
export LC_ALL=C TZ=UTC COLUMNS=100 NO_COLOR=1
unset XDG_DATA_HOME XDG_CONFIG_HOME VIBEE_SIM_DB
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home
mkdir "$HOME"
passed=0 failed=0
wanted=("$@")

selected() { # group name: asked for?
	[ ${#wanted[@]} = 0 ] && return 0
	local w
	for w in "${wanted[@]}"; do
		case $w in "$1" | "$2" | "$1.$2") return 0 ;; esac
	done
	return 1
}

fail() { # what, file with the details (not a pipe: a pipe's end counts in a shell of its own)
	echo "FAIL $1"
	sed 's/^/    /' "$2" | head -n 40
	failed=$((failed + 1))
}

# What differs from run to run never reaches a golden file: the filters of the case, then places of this machine.
filtered() { # file -> standard output
	sed -E "${filters[@]}" -e "s#$work/[a-z0-9._-]*#TMP#g" -e "s#$root#ROOT#g" "$1"
}

compare() { # case golden-file got-file
	if [ "${GOLDEN:-}" = write ]; then
		filtered "$3" >"$work/new"
		cmp -s "$work/new" "$2" || { mkdir -p "$(dirname "$2")"; cp "$work/new" "$2"; echo "wrote $2"; }
		return 0
	fi
	if [ ! -e "$2" ]; then
		echo "$2 is missing: run make golden, read it, add it" >>"$work/why"
		return 1
	fi
	filtered "$3" | diff -u --label "$2" --label got "$2" - >>"$work/why"
}

run_case() { # uses: group name command status out err says without filters
	: >"$work/why"
	rm -rf "$work/$group"
	mkdir "$work/$group"
	(cd "$work/$group" && ln -s "$root/tests" tests && timeout "${CASE_SECONDS:-120}" bash -c "vibee-sim() { \"\$VIBEE\" \"\$@\"; }; $command") \
		>"$work/out" 2>"$work/err" </dev/null
	local got=$? ok=1 pattern
	[ "$got" = "$status" ] || { echo "exit status $got, expected $status" >>"$work/why"; ok=0; }
	[ -z "$out" ] || compare "$name" "tests/golden/$out" "$work/out" || ok=0
	[ -z "$err" ] || compare "$name" "tests/golden/$err" "$work/err" || ok=0
	for pattern in "${says[@]}"; do
		cat "$work/out" "$work/err" | grep -qF -e "$pattern" || { echo "does not say: $pattern" >>"$work/why"; ok=0; }
	done
	for pattern in "${without[@]}"; do
		cat "$work/out" "$work/err" | grep -qF -e "$pattern" && { echo "must not say: $pattern" >>"$work/why"; ok=0; }
	done
	if [ "$status" = 2 ] && [ "$(wc -l <"$work/err")" != 1 ]; then
		echo "bad input must get one line on standard error" >>"$work/why"
		ok=0
	fi
	if [ $ok = 1 ]; then
		passed=$((passed + 1))
	else
		{ echo "\$ $command"; cat "$work/why"; echo "standard error:"; head -n 5 "$work/err"; } >"$work/details"
		fail "$group.$name" "$work/details"
	fi
}

finish() {
	[ -z "${command:-}" ] || ! selected "$group" "$name" || run_case
	command="" name="" out="" err="" status=0 says=() without=() filters=("${group_filters[@]}")
}

run_group() { # file
	group=$(basename "$1" .cases)
	group_filters=(-e '')
	command=""
	finish
	local line number=0
	while IFS= read -r line || [ -n "$line" ]; do
		number=$((number + 1))
		case $line in
		'' | '#'*) ;;
		'== '*) finish; name=${line#== } ;;
		'$ '*) [ -z "$command" ] || finish; command=${line#'$ '}; name=${name:-line-$number} ;;
		'> '*) command="$command"$'\n'"${line#> }" ;;
		'exit '*) status=${line#exit } ;;
		'out '*) out=${line#out } ;;
		'err '*) err=${line#err } ;;
		'says '*) says+=("${line#says }") ;;
		'never '*) without+=("${line#never }") ;;
		'filter '*)
			if [ -z "$name$command" ]; then group_filters+=(-e "${line#filter }"); filters=("${group_filters[@]}")
			else filters+=(-e "${line#filter }"); fi ;;
		*) echo "$1:$number: expected == NAME, \$ COMMAND, > MORE, exit N, out FILE, err FILE, says TEXT, never TEXT or filter SED" \
				>"$work/details"
			fail "$group" "$work/details" ;;
		esac
	done <"$1"
	finish
}

if [ ! -x "$VIBEE" ]; then
	echo "$VIBEE: not built" >&2
	echo "0 1" >"$count"
	exit 1
fi
# One program for the whole run, whatever is built meanwhile.
mkdir "$work/bin"
cp "$(dirname "$VIBEE")/vibee-mpi.so" "$work/bin/" 2>/dev/null
cp "$VIBEE" "$work/bin/vibee-sim" && VIBEE=$work/bin/vibee-sim
for file in tests/cli/*.cases; do
	[ -e "$file" ] && run_group "$file"
done
for file in tests/cli/*.test.sh; do
	[ -e "$file" ] || continue
	name=$(basename "$file" .test.sh)
	selected "$name" "$name" || continue
	mkdir -p "$work/$name"
	if (cd "$work/$name" && ROOT=$root timeout "${CASE_SECONDS:-300}" bash "$root/$file") >"$work/log" 2>&1; then
		passed=$((passed + 1))
	else
		echo "exit status $?" >>"$work/log"
		fail "$name" "$work/log"
	fi
done
echo "$passed $failed" >"$count"
echo "command line: $passed passed, $failed failed"
[ "$failed" = 0 ]
