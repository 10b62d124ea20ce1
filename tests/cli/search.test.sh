# Threads, processes of mpirun, one of them lost, and a killed search: the same bytes.
set -eu
space="search --model llama-3.1-8b --vary device=h100,h200,a100 --vary tp=1,2,4 --vary replicas=1,2 --requests 300 --qps 8 --slo ttft_p99=1,tpot_p99=0.05 --quiet"
same() { grep -v '"wall_s"' "$1" >"$1.plain"; grep -v '"wall_s"' "$2" >"$2.plain"; cmp "$1.plain" "$2.plain"; }

"$VIBEE" $space --no-store --threads 1 --json one.json
"$VIBEE" $space --no-store --threads 2 --json two.json
same one.json two.json

if command -v mpirun >/dev/null && [ -e "$(dirname "$VIBEE")/vibee-mpi.so" ]; then
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0
	for n in 1 2 4; do
		timeout 100 mpirun --oversubscribe -n $n "$VIBEE" $space --no-store --json mpi$n.json
		same one.json mpi$n.json
	done
	# A process that dies at its work loses only that. It dies when the first outcome was kept: all of them have found each other by then
	# (mpirun waits for ever for one that died before), however slow the machine.
	cat >dies.sh <<-'END'
		[ "$OMPI_COMM_WORLD_RANK" = 2 ] || exec "$@"
		"$@" &
		for i in $(seq 400); do
			[ "$(sqlite3 -cmd '.timeout 2000' lost.db 'SELECT count(*) FROM outcomes' 2>/dev/null || echo 0)" -ge 1 ] && break
			sleep 0.05
		done
		kill -9 $!
		wait $!
	END
	"$VIBEE" $space --requests 60000 --no-store --json long.json
	timeout 100 mpirun --enable-recovery --oversubscribe -n 3 sh dies.sh "$VIBEE" $space --requests 60000 --db lost.db --json lost.json 2>lost.txt
	grep -q '1 process stopped answering' lost.txt
	same long.json lost.json
fi

# Killed in the middle, then begun again: what was done is taken from the database, the answer is the same.
"$VIBEE" $space --requests 6000 --no-store --json whole.json
"$VIBEE" $space --requests 6000 --db killed.db --threads 1 --json never.json &
pid=$!
for i in $(seq 200); do
	[ "$(sqlite3 -cmd '.timeout 2000' killed.db 'SELECT count(*) FROM outcomes' 2>/dev/null || echo 0)" -ge 3 ] && break
	sleep 0.05
done
kill -9 $pid 2>/dev/null || true
wait $pid || true
kept=$(sqlite3 killed.db 'SELECT count(*) FROM outcomes')
[ "$kept" -ge 3 ]
"$VIBEE" $space --requests 6000 --db killed.db --json resumed.json
same whole.json resumed.json

# An interrupt ends it with what is done kept.
"$VIBEE" $space --requests 6000 --db int.db --threads 1 --json int.json &
pid=$!
for i in $(seq 200); do
	[ "$(sqlite3 -cmd '.timeout 2000' int.db 'SELECT count(*) FROM outcomes' 2>/dev/null || echo 0)" -ge 2 ] && break
	sleep 0.05
done
kill -TERM $pid 2>/dev/null || true
wait $pid || true
"$VIBEE" $space --requests 6000 --db int.db --json again.json
same whole.json again.json
