# What was kept is shown again: studies by the code that showed them first, anything else as its document.
set -eu
export VIBEE_SIM_DB=$PWD/runs.db
study="--requests 100 --vary tp=1,2 --vary kv_dtype=bf16,fp8"

"$VIBEE" whatif $study --waterfall --sensitivity --html fresh.html >fresh.txt
"$VIBEE" report --kind whatif >again.txt
"$VIBEE" report --kind whatif --html again.html --markdown again.md --json again.json
grep -v '^study ' fresh.txt | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >plain.txt
diff plain.txt again.txt
grep -q '^| tp=2 kv\\_dtype=fp8 |' again.md
grep -q '"vibee.whatif/1"' again.json
if command -v gnuplot >/dev/null; then cmp fresh.html again.html; fi
id=$(sqlite3 runs.db 'SELECT substr(id, 1, 12) FROM studies')
"$VIBEE" report $id | cmp - again.txt

"$VIBEE" search --requests 100 --vary tp=1,2 --vary device=h100,h200 --slo ttft_p99=1 >fresh.txt
"$VIBEE" report --kind search >again.txt
grep -vE '^study |threads? of' fresh.txt | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >plain.txt
diff plain.txt again.txt
"$VIBEE" report --kind search --markdown - | grep -q '^## Best'

"$VIBEE" whatif --job gpt2-124m --vary zero=0,1 --quiet
"$VIBEE" report --kind study | grep -q '^zero=1 '
"$VIBEE" validate operators --device h200 --op gemm --points 5 >/dev/null || true
if [ "$(sqlite3 runs.db "SELECT count(*) FROM studies WHERE kind = 'validate'")" != 0 ]; then
	"$VIBEE" report --kind validate | grep -q 'predicted against measured'
	"$VIBEE" report --kind validate --json - | grep -q '"vibee.validate/1"'
fi

# A document that is none is an error, not a crash.
sqlite3 runs.db "UPDATE studies SET document = '[1' WHERE kind = 'search'"
refused() { local said; if said=$("$VIBEE" "$@" 2>&1); then exit 1; else [ $? = 2 ]; fi; [ "$(wc -l <<<"$said")" = 1 ]; grep -q "$words" <<<"$said"; }
words='expected a JSON object' refused report --kind search
words="did you mean 'search'" refused report --kind serch
words='there is none of kind plan' refused report --kind plan
words='not in' refused report 0000 --db runs.db || words='no runs yet' refused report 0000
for broken in '{"schema":"vibee.search/1"}' '{"schema":"vibee.search/1","objective":"cost","space":{"deployment.tp":["1"]},"best":[{"candidate":7}]}' \
	'{"schema":"vibee.search/1","objective":"cost","space":{"a":[]},"best":3}'; do
	sqlite3 runs.db "UPDATE studies SET document = '$broken' WHERE kind = 'search'"
	"$VIBEE" report --kind search >out 2>&1 || [ $? = 2 ]
done
for broken in '{"schema":"vibee.whatif/1","mode":"grid","metric":"ttft_p99","variants":[]}' \
	'{"schema":"vibee.whatif/1","mode":"grid","metric":"ttft_p99","axes":[{"name":1}],"variants":[{"label":null,"metrics":[]}],"ranking":[{}],"tornado":[1]}'; do
	sqlite3 runs.db "UPDATE studies SET document = '$broken' WHERE kind = 'whatif'"
	"$VIBEE" report --kind whatif >out 2>&1 || [ $? = 2 ]
done
