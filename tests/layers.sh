#!/usr/bin/env bash
# Refuses an #include of ours that the table in the README (and below) does not allow.
set -u
cd "$(dirname "$0")/.."
allowed() { # folder -> folders it may include
	case $1 in
	base) echo base ;;
	hardware) echo base hardware ;;
	workloads) echo base workloads ;;
	kernels) echo base kernels ;;
	reports) echo base reports ;;
	models) echo base hardware models ;;
	sim) echo base hardware models workloads sim reports/result.h reports/train_result.h ;;
	validation) echo base hardware workloads kernels reports models sim validation ;;
	*) echo base hardware workloads kernels reports models sim validation cli tests ;;
	esac
}
bad=0
while IFS=: read -r file line include; do
	from=${file%%/*}
	path=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$include")
	case $path in */*) ;; *) echo "$file:$line: \"$path\": includes are written from the root"; bad=1; continue ;; esac
	ok=0
	for a in $(allowed "$from"); do
		if [ "$path" = "$a" ] || [ "${path%%/*}" = "$a" ]; then ok=1; fi
	done
	if [ $ok = 0 ]; then echo "$file:$line: $from/ may not include \"$path\""; bad=1; fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.[ch]' base hardware workloads kernels reports models sim validation cli 2>/dev/null)
exit $bad
