# The local server as programs see it: pages, API, token, hostile input, the end.
set -eu
secret=not-a-secret-1 json='Content-Type: application/json'
export VIBEE_SIM_DB=$PWD/runs.db
pids=""
trap 'kill $pids 2>/dev/null || true' EXIT

begin() { # options: starts a server, leaves its address in $url and its process in $pid
	: >url
	"$VIBEE" serve --port 0 "$@" >url 2>log &
	pid=$!
	pids="$pids $pid"
	for i in $(seq 100); do
		url=$(cat url)
		[ -z "$url" ] || return 0
		sleep 0.05
	done
	echo "no address within 5 s"; cat log; exit 1
}
ask() { # expected status, address, curl options: the answer is in ./answer
	local status=$1 path=$2 got
	shift 2
	got=$(curl -s -m 60 -o answer -w '%{http_code}' "$@" "${url%/}$path")
	[ "$got" = "$status" ] || { echo "$path $*: status $got, expected $status"; head -c 600 answer; exit 1; }
}
holds() { grep -qF -e "$1" answer || { echo "answer does not hold: $1"; head -c 600 answer; exit 1; }; }

"$VIBEE" run --requests 200 --qps 8 --quiet
"$VIBEE" run --requests 200 --qps 16 --quiet --slo ttft_p99=0.001 || [ $? = 1 ]
before=$(sqlite3 runs.db 'SELECT count(*) FROM runs')

begin
ask 200 /; holds "<h1>Runs</h1>"; holds "llama-3.1-8b on 1 x h100"
ask 200 '/?order=ttft_p99_s&ascending=1&title=llama'; holds "llama-3.1-8b"
ask 200 '/?title=nothing-like-it'; holds "No run fits."
ask 400 '/?order=evil;--'; holds "expected a column of the list"
ask 200 /runs/last; holds "<h2>Latency</h2>"
ask 200 /whatif?run=last; holds 'value="16"'
ask 200 /studies
ask 200 '/compare?run=last~1&run=last'; holds "ttft_s.p99"
ask 400 '/compare?run=last'; holds "expected two runs"
ask 404 /runs/zzz
ask 404 /../etc/passwd --path-as-is
ask 200 /api; holds "vibee.api/1"
ask 200 /api/runs?limit=1; holds '"total": 2'
ask 200 /api/catalog/models; holds "llama-3.1-8b"
ask 200 '/api/compare?a=last~1&b=last'
"$VIBEE" compare last~1 last --json - >stored || [ $? = 1 ]
cmp answer stored
ask 404 '/api/compare?a=0000&b=last'
ask 404 /api/runs/0000; holds '{"error":"run'
curl -sI -m 10 "$url" | grep -qi "content-security-policy: default-src 'none'"

# A stored run is the document of report --json; a simulated one that of run --json, but for the time it took.
ask 200 /api/runs/last
"$VIBEE" report last --json - >stored
cmp answer stored
plain() { grep -vE '"(wall_s|requests_per_s|peak_rss_bytes)"' "$1"; }
ask 200 /api/run -H "$json" -d '{"model": "llama-3.1-8b", "requests": 300, "qps": 10, "set": {"scheduler.max_num_seqs": 32}}'
"$VIBEE" run --model llama-3.1-8b --requests 300 --qps 10 --set scheduler.max_num_seqs=32 --no-store --quiet --json cli
plain answer >one; plain cli >two; cmp one two
ask 200 /api/run -H "$json" -d '{"run": "last", "slo": {"ttft_p99": 9}}'; holds '"slos_met": true'
ask 200 /api/whatif -H "$json" -d '{"requests": 200, "vary": ["tp=1,2"], "no_confidence": true}'
"$VIBEE" whatif --requests 200 --vary tp=1,2 --no-confidence --no-store --quiet --json cli
cmp answer cli

# Bad input: one line, as on the command line.
ask 400 /api/run -H "$json" -d '{"qsp": 1}'; holds "unknown option '--qsp'; did you mean '--qps'?"
ask 400 /api/run -H "$json" -d '{"tp": "many"}'; holds "--tp"
ask 400 /api/run -H "$json" -d '{nonsense'; holds "not JSON"
ask 400 /api/run -H "$json" -d '{"trace": "/etc/passwd"}'; holds "files are not read"
ask 400 /api/whatif -H "$json" -d '{"vary": ["tp=1..8", "replicas=1..100"]}'; holds "800 variants"
ask 415 /api/run -d '{}'
ask 405 /api/run
ask 405 /api/runs -X DELETE
ask 400 /%zz
ask 413 /api/run -H "$json" -d "@$(head -c 1200000 /dev/zero | tr '\0' ' ' >big; echo big)"
ask 403 / -H 'Host: evil.example'
ask 403 /api/run -H "$json" -H 'Origin: http://evil.example' -d '{}'
ask 403 /api/run -H "$json" -d '{"store": true}'; holds "started without --token"
ask 403 /api -H 'Authorization: Bearer guess'
port=${url##*:}; port=${port%/}
for noise in 'GET' $'\r\n\r\n' 'GET / HTTP/9.9\r\n\r\n' "GET /$(printf 'a%.0s' $(seq 70000)) HTTP/1.1\r\nHost: localhost\r\n\r\n" \
	'POST /api/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n{}' 'GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n'; do
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	printf "$noise" >&3
	timeout 1 head -c 100 <&3 >/dev/null || true
	exec 3<&- 3>&-
done
ask 200 /api
kill -TERM $pid
wait $pid
[ "$(sqlite3 runs.db 'SELECT count(*) FROM runs')" = "$before" ]

# With a token a run can be kept; a wrong one is refused, whatever is asked.
echo "$secret" >token
begin --token-file token --limit 2
ask 403 /api -H 'Authorization: Bearer wrong-one-1'; holds "wrong token"
ask 403 /api/run -H "$json" -d '{"store": true}'; holds "needs the server's token"
ask 200 /api/run -H "$json" -H "Authorization: Bearer $secret" -d '{"requests": 100, "store": true}'
ask 200 /api/whatif -H "$json" -H "Authorization: Bearer $secret" -d '{"requests": 100, "vary": ["tp=1,2"], "no_confidence": true, "store": true}'
[ "$(sqlite3 runs.db 'SELECT count(*) FROM runs')" = $((before + 1)) ]
[ "$(sqlite3 runs.db "SELECT count(*) FROM studies WHERE kind = 'whatif'")" = 1 ]
ask 422 /api/run -H "$json" -d '{"requests": 1000000000}'; holds "serve --limit"
# An interrupt in the middle of a simulation ends it at once.
curl -s -m 60 -o interrupted -H "$json" -d '{"requests": 1000000000}' "${url}api/run" &
sleep 0.3
kill -INT $pid
wait $pid

# Other machines may reach it: without the token nothing is simulated.
begin --address 0.0.0.0 --token "$secret"
url=http://127.0.0.1:${url##*:}
ask 403 /api/run -H "$json" -d '{"requests": 100}'; holds "needs its token"
ask 200 /api/run -H "$json" -H "Authorization: Bearer $secret" -d '{"requests": 100}'
kill -TERM $pid
wait $pid

# What it is started with.
refused() { local said; if said=$("$VIBEE" serve "$@" 2>&1); then exit 1; else [ $? = 2 ]; fi; [ "$(wc -l <<<"$said")" = 1 ]; }
refused --address nowhere
refused --port 70000
refused --token short
refused --token abcdefgh --token-file token
refused --db /
