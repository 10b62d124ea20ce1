/* vibee-sim serve: stored runs and what-ifs in a browser, and the same as a JSON API. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "cli/options.h"
#include "cli/run_outputs.h"
#include "cli/serve/http.h"
#include "cli/serve/server.h"
#include "sim/plan/workers.h"

enum { TOKEN_LEAST = 8, TOKEN_MOST = 512 };

/* --token, or the first line of --token-file, which others cannot see in the list of processes; NULL without either. */
static bool read_token(const struct call *call, const char **out, struct err *err)
{
	const char *file = call_text(call, "token-file"), *token = call_text(call, "token");
	char *text;
	size_t n;

	if (file && token)
		return err_set(err, ERR_INPUT, "--token and --token-file: expected at most one of them");
	if (file) {
		text = paths_read(file, 64 << 10, NULL, err);
		if (!text)
			return false;
		text[strcspn(text, "\r\n")] = '\0';
		token = arena_strdup(call->arena, text);
		mem_free(text);
		if (!token)
			return err_memory(err);
	}
	*out = token;
	if (!token)
		return true;
	n = strlen(token);
	if (n < TOKEN_LEAST || n > TOKEN_MOST || token[strcspn(token, " \t\"\\")])
		return err_set(err, ERR_INPUT, "%s: expected %d to %d characters without blanks or quotes", file ? "--token-file" : "--token", TOKEN_LEAST,
			       TOKEN_MOST);
	return true;
}

/* Until the terminal, or who started this, says it is enough. The signals are blocked in every thread. */
static void wait_for_end(const sigset_t *ends)
{
	int which;

	while (sigwait(ends, &which) != 0)
		;
}

static bool serve(const struct call *call, struct server *s, struct err *err)
{
	const char *address = call_text(call, "address");
	struct http_options o = { .address = address ? address : "127.0.0.1", .port = (int)call_int(call, "port", 8421), .token = s->token,
				  .answer = server_answer, .ctx = s };
	struct http *http;
	sigset_t ends;

	s->local = address_is_loopback(o.address);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	http = http_start(&o, err);
	if (!http)
		return false;
	printf("%s\n", http_url(http));
	fflush(stdout);
	if (!s->local && !s->token)
		fprintf(stderr, "vibee-sim: others reach %s and there is no --token: stored runs can be read, nothing is simulated\n", o.address);
	wait_for_end(&ends);
	gate_close(s->gate);
	http_stop(http);
	return true;
}

/* A database that cannot be used is said now, not with the first request. */
static bool check_database(const struct server *s, struct err *err)
{
	struct store *store = NULL;
	bool there = paths_is_file(s->database) || paths_is_folder(s->database);
	bool ok = s->token ? (store = store_open(s->database, err)) != NULL : !there || (store = server_store(s, err)) != NULL;

	store_close(store);
	return ok;
}

static bool serve_command(const struct call *call, struct err *err)
{
	struct server s = { .database = run_database(call, err) };
	int processors = workers_processors();
	bool ok = s.database && read_token(call, &s.token, err) && check_database(&s, err) &&
		  (s.gate = gate_new((int)call_int(call, "jobs", processors), call_number(call, "limit", 30), err)) && serve(call, &s, err);

	gate_free(s.gate);
	return ok;
}

static const struct option serve_table[] = {
	{ .name = "port", .word = "N", .kind = OPTION_INT, .least = 0, .most = 65535, .fallback = "8421", .help = "port to listen on; 0: any that is free" },
	{ .name = "address", .word = "IP", .fallback = "127.0.0.1", .help = "address to listen on; others than this machine's own need a token to simulate" },
	{ .name = "token", .word = "TEXT", .help = "who sends it (Authorization: Bearer TEXT) may store runs; without one nothing is ever written" },
	{ .name = "token-file", .word = "FILE", .words = WORDS_FILE, .help = "the token as the first line of a file" },
	{ .name = "jobs", .word = "N", .kind = OPTION_INT, .least = 1, .most = 1024, .fallback = "the processors", .help = "simulations at once" },
	{ .name = "limit", .word = "S", .kind = OPTION_NUMBER, .least = 0.1, .most = 86400, .fallback = "30", .help = "seconds that one request may simulate" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
};
static const struct option_group serve_options = OPTION_GROUP("Options", serve_table);

const struct command command_serve = {
	.studies = true, .name = "serve", .summary = "browse stored runs and try what-ifs in a browser; a JSON API",
	.details = "Prints its address and answers until interrupted. Pages list stored runs and studies, show them, compare them, and simulate a "
		   "scenario edited in a form. Programs get the documents of --json from /api (GET /api lists the routes). Only this machine "
		   "can reach it unless --address says otherwise; nothing is written without --token; catalogs alone are read, no files.",
	.groups = (const struct option_group *const[]){ &serve_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim serve", "then open the address that it prints" },
		{ "curl -s localhost:8421/api/run -H 'Content-Type: application/json' -d '{\"model\": \"llama-3.1-70b\", \"tp\": 4}' | jq .metrics.ttft_s",
		  "the same as `run --model llama-3.1-70b --tp 4 --json`, kept nowhere" },
		{ "vibee-sim serve --port 0 --token-file token.txt", "any free port; who knows the token can keep runs" },
		{ NULL, NULL } },
	.run = serve_command,
};
