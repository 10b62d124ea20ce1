/* JSON bodies become the command lines that they stand for, and the server answers as its routes say. */
#include "cli/serve/body.h"
#include "cli/serve/server.h"
#include "cli/serve/simulate.h"
#include "tests/unit/scratch.h"

static bool read_body(const char *body, struct arena *a, struct call *call, struct wishes *wishes, struct err *err)
{
	return body_call(body, strlen(body), &served_run, a, call, wishes, err);
}

static void becomes_a_command_line(void)
{
	static const struct { const char *body, *line; } cases[] = {
		{ "{}", "vibee-sim run" },
		{ "{\"model\": \"llama-3.1-8b\", \"tp\": 2, \"qps\": 1.5}", "vibee-sim run --model=llama-3.1-8b --tp=2 --qps=1.5" },
		{ "{\"max_num_seqs\": 64, \"max-num-batched-tokens\": \"8k\"}", "vibee-sim run --max-num-seqs=64 --max-num-batched-tokens=8k" },
		{ "{\"exact_steps\": true}", "vibee-sim run --exact-steps" },
		{ "{\"exact_steps\": false, \"tp\": null}", "vibee-sim run" },
		{ "{\"with\": [\"a\", \"b:c=1\"]}", "vibee-sim run --with=a --with=b:c=1" },
		{ "{\"set\": {\"deployment.tp\": 4, \"exact_steps\": true}}", "vibee-sim run --set=deployment.tp=4 --set=exact_steps=yes" },
		{ "{\"set\": [\"deployment.tp=4\"]}", "vibee-sim run --set=deployment.tp=4" },
		{ "{\"slo\": {\"ttft_p99\": 0.5}}", "vibee-sim run --slo=ttft_p99=0.5" },
		{ "{\"scenario\": \"chat-70b-tp4\", \"store\": true}", "vibee-sim run chat-70b-tp4" },
		{ "{\"model\": \"meta-llama/Llama-3.1-8B\"}", "vibee-sim run --model=meta-llama/Llama-3.1-8B" },
		{ "{\"qps\": \".5\"}", "vibee-sim run --qps=.5" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct wishes wishes;
		struct call call;
		struct err err = { 0 };

		TRUE_FOR(cases[i].body, read_body(cases[i].body, a, &call, &wishes, &err));
		if (err.kind == ERR_NONE)
			SAME_TEXT(call_line(&call), cases[i].line);
		CU_ASSERT_EQUAL(wishes.store, strstr(cases[i].body, "store") != NULL);
		arena_free(a);
	}
}

static void refuses_other_bodies(void)
{
	static const struct { const char *body, *says; } cases[] = {
		{ "", "body:1:0: not JSON: '[' or '{' expected near end of file" },
		{ "[1]", "body: expected an object, for example {\"model\": \"llama-3.1-8b\", \"tp\": 2}" },
		{ "{\"tp\": 1, \"tp\": 2}", "body:1:14: not JSON: duplicate object key near '\"tp\"'" },
		{ "{\"qsp\": 1}", "unknown option '--qsp'; did you mean '--qps'?" },
		{ "{\"json\": \"out\"}", "unknown option '--json'; 'vibee-sim run --help' lists them" },
		{ "{\"tp\": {}}", "tp: expected a text, a number, true or false" },
		{ "{\"exact_steps\": \"yes\"}", "exact-steps: expected true or false" },
		{ "{\"store\": 1}", "store: expected true or false" },
		{ "{\"scenario\": {}}", "scenario: expected the name of a scenario of the catalog" },
		{ "{\"trace\": \"/etc/passwd\"}", "trace: '/etc/passwd': files are not read for a page, expected a name of the catalogs" },
		{ "{\"set\": {\"workload.trace\": \"../x.csv\"}}", "workload.trace: '../x.csv': files are not read for a page, expected a name of the catalogs" },
		{ "{\"set\": \"workload.trace=/etc/passwd\"}", "set: 'workload.trace=/etc/passwd': files are not read for a page, expected a name of the catalogs" },
		{ "{\"with\": [\"a:file=~/x\"]}", "with: 'a:file=~/x': files are not read for a page, expected a name of the catalogs" },
		{ "{\"scenario\": \"/tmp\"}", "scenario: '/tmp': files are not read for a page, expected a name of the catalogs" },
		{ "{\"scenario\": \"-\"}", "scenario: '-': files are not read for a page, expected a name of the catalogs" },
		{ "{\"tp=1 --x\": 1}", "body: 'tp=1 --x' is not the name of an option" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct wishes wishes;
		struct call call;
		struct err err = { 0 };

		CU_ASSERT_FALSE(read_body(cases[i].body, a, &call, &wishes, &err));
		SAME_TEXT(err.text, cases[i].says);
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		arena_free(a);
	}
}

static void answers_by_route(void)
{
	static const struct { const char *method, *target; int status; const char *holds; } cases[] = {
		{ "GET", "/api", 200, "\"/api/runs\"" },
		{ "GET", "/api/catalog", 200, "\"devices\"" },
		{ "GET", "/api/catalog/routers", 200, "round-robin" },
		{ "GET", "/api/catalog/divices", 404, "did you mean" },
		{ "GET", "/api/runs", 200, "\"total\": 0" },
		{ "GET", "/api/runs?limit=0", 400, "limit=0: expected a whole number, 1 to 1000" },
		{ "GET", "/api/runs?where=x", 400, "where=x: expected PATH=VALUE" },
		{ "GET", "/api/runs/3f9a", 404, "no database of runs there yet" },
		{ "GET", "/api/run", 405, "expected POST here" },
		{ "POST", "/api/runs", 405, "expected GET here" },
		{ "GET", "/api/runs/a/b", 404, "no such page" },
		{ "GET", "/api/runs/", 404, "no such page" },
		{ "GET", "//etc/passwd", 404, "no such page" },
		{ "GET", "/", 200, "<h1>Runs</h1>" },
		{ "GET", "/?title=%3Cscript%3E", 200, "value=\"&lt;script&gt;\"" },
		{ "GET", "/runs/%3Cb%3E", 404, "<h1>Not found</h1>" },
		{ "GET", "/whatif?scenario=../x", 400, "expected a name of the catalog" },
		{ "POST", "/api/run", 415, "Content-Type: expected application/json" },
	};
	struct err err = { 0 };
	struct server s = { .database = "/nonexistent/vibee-sim.db", .local = true, .gate = gate_new(1, 10, &err) };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request r = { .method = cases[i].method, .body = "" };
		struct reply reply = { 0 };

		r.arena = arena_new();
		CU_ASSERT_FATAL(request_target(cases[i].target, r.arena, &r, &err));
		server_answer(&s, &r, &reply);
		TRUE_FOR(cases[i].target, (reply.status ? reply.status : 200) == cases[i].status);
		TRUE_FOR(cases[i].target, strstr(str_text(&reply.body), cases[i].holds) != NULL);
		TRUE_FOR(cases[i].target, strstr(str_text(&reply.body), "<script>\"") == NULL);
		str_release(&reply.body);
		arena_free(r.arena);
	}
	gate_free(s.gate);
}

/* Who may simulate and store. */
static void asks_for_the_token(void)
{
	static const struct { bool local, trusted; const char *token, *body; int status; const char *says; } cases[] = {
		{ true, false, NULL, "{\"store\": true}", 403, "store: this server was started without --token and writes nothing" },
		{ true, false, "secret-12", "{\"store\": true}", 403, "store: needs the server's token" },
		{ false, false, "secret-12", "{}", 403, "other machines reach this server, so that simulating needs its token" },
		{ false, true, "secret-12", "{\"tp\": 0}", 400, "--tp" },
		{ true, false, NULL, "{\"tp\": 0}", 400, "--tp" },
	};
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server s = { .database = "/nonexistent/vibee-sim.db", .local = cases[i].local, .token = cases[i].token };
		struct request r = { .method = "POST", .path = "/api/run", .body = cases[i].body, .body_length = strlen(cases[i].body),
				     .content_type = "application/json", .trusted = cases[i].trusted };
		struct reply reply = { 0 };

		s.gate = gate_new(1, 10, &err);
		r.arena = arena_new();
		server_answer(&s, &r, &reply);
		CU_ASSERT_EQUAL(reply.status, cases[i].status);
		TRUE_FOR(str_text(&reply.body), strstr(str_text(&reply.body), cases[i].says) != NULL);
		str_release(&reply.body);
		arena_free(r.arena);
		gate_free(s.gate);
	}
}

static void ends_simulations(void)
{
	struct err err = { 0 };
	struct gate *g = gate_new(1, 100, &err);
	struct gate_pass pass;

	CU_ASSERT_FATAL(gate_enter(g, &pass, &err));
	CU_ASSERT_FALSE(gate_expired(&pass));
	gate_close(g);
	CU_ASSERT(gate_expired(&pass));
	gate_leave(&pass);
	CU_ASSERT_FALSE(gate_enter(g, &pass, &err));
	SAME_TEXT(err.text, "the server is ending");
	gate_free(g);
}

CU_TestInfo suite_serve_body[] = {
	{ "becomes a command line", becomes_a_command_line }, { "refuses other bodies", refuses_other_bodies },
	{ "answers by route", answers_by_route }, { "asks for the token", asks_for_the_token }, { "ends simulations", ends_simulations },
	CU_TEST_INFO_NULL,
};
