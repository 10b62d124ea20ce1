#include "cli/serve/simulate.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/now.h"
#include "cli/groups.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/serve/body.h"
#include "cli/whatif_options.h"
#include "cli/whatif_outputs.h"
#include "reports/run_json.h"
#include "sim/catalog_cache.h"
#include "sim/interval.h"
#include "sim/plan/workers.h"
#include "sim/serve.h"

enum { VARIANTS_SERVED = 256 };

const struct command served_run = {
	.name = "run", .arguments = "[SCENARIO]", .arguments_most = 1,
	.groups = (const struct option_group *const[]){ &model_options, &hardware_options, &deployment_options, &scheduler_options, &workload_options,
							&scenario_options, NULL },
};
const struct command served_whatif = {
	.name = "whatif", .arguments = "[SCENARIO]", .arguments_most = 1,
	.groups = (const struct option_group *const[]){ &vary_options, &model_options, &hardware_options, &deployment_options, &scheduler_options,
							&workload_options, &scenario_options, NULL },
};

/* Whether this request may simulate, and what it asks for. False: the reply is filled or err is. */
static bool admit(const struct server *s, const struct request *r, const struct wishes *w, struct reply *reply, struct err *err)
{
	if (!s->local && !r->trusted) {
		reply->status = HTTP_FORBIDDEN;
		return err_set(err, ERR_INPUT, "other machines reach this server, so that simulating needs its token");
	}
	if (w->store && !r->trusted) {
		reply->status = HTTP_FORBIDDEN;
		return err_set(err, ERR_INPUT, s->token ? "store: needs the server's token" : "store: this server was started without --token and writes nothing");
	}
	return true;
}

/* A simple form of another site cannot send JSON without asking first, and is never answered. */
static bool is_json(const struct request *r, struct reply *reply, struct err *err)
{
	if (r->content_type && strncasecmp(r->content_type, "application/json", 16) == 0)
		return true;
	reply->status = HTTP_BAD_TYPE;
	return err_set(err, ERR_INPUT, "Content-Type: expected application/json");
}

struct scenario *stored_scenario(const struct server *s, const char *name, struct arena *arena, struct err *err)
{
	struct store *store = server_store(s, err);
	struct result *r = arena_alloc(arena, sizeof(*r));
	struct stored_run about;
	struct scenario *sc = NULL;
	bool ok = store && (r || err_memory(err)) && store_get_run(store, name, arena, r, &about, err);

	store_close(store);
	if (ok && strcmp(about.kind, "run") != 0)
		ok = err_set(err, ERR_INPUT, "run '%.32s': of kind %.20s, expected a serving run", name, about.kind);
	ok = ok && (sc = scenario_new(arena, err));
	for (size_t i = 0; ok && i < r->scenario_count; i++)
		ok = schema_set(&scenario_element, sc, r->scenario[i].key, r->scenario[i].value, "stored run", arena, err);
	return ok ? sc : NULL;
}

/* What a request asks for. */
struct asked {
	struct call call;
	struct wishes wishes;
	struct scenario *scenario;
};

static bool read_request(const struct server *s, const struct request *r, const struct command *command, struct asked *out, struct reply *reply,
			 struct err *err)
{
	if (!is_json(r, reply, err) || !body_call(r->body, r->body_length, command, r->arena, &out->call, &out->wishes, err) ||
	    !admit(s, r, &out->wishes, reply, err))
		return false;
	if (!out->wishes.run) {
		out->scenario = scenario_from_call(&out->call, err);
		return out->scenario != NULL;
	}
	out->scenario = stored_scenario(s, out->wishes.run, r->arena, err);
	return out->scenario && scenario_change(out->scenario, &out->call, err);
}

static bool enter(const struct server *s, struct gate_pass *pass, struct reply *reply, struct err *err)
{
	if (gate_enter(s->gate, pass, err))
		return true;
	reply->status = HTTP_BUSY;
	return false;
}

static bool simulate(const struct scenario *sc, struct gate_pass *pass, struct arena *arena, struct result *out, struct err *err)
{
	const struct serve_sink sink = { .ctx = pass, .stop = gate_expired };
	double start_s = now_s();
	struct catalog_cache *cache = catalog_cache_new(err);
	struct sim *sim = cache ? sim_new_cached(sc, &sink, cache, err) : NULL;
	bool ok = sim && sim_run(sim, INFINITY, err) && sim_result(sim, arena, out, err);

	sim_free(sim);
	ok = ok && run_settle(sc, now_s() - start_s, out, err);
	ok = ok && (!run_is_quick(out) || interval_run(sc, cache, out, arena, err));
	catalog_cache_free(cache);
	return ok;
}

static bool keep_run(const struct server *s, const struct call *call, struct result *result, struct err *err)
{
	struct store *store = store_open(s->database, err);
	struct run_origin origin;
	bool ok;

	run_origin_here(call, &origin);
	ok = store && store_put_run(store, &origin, result, err);
	store_close(store);
	return ok;
}

void simulate_run(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	const struct run_json_options options = { .pretty = true, .series = true };
	struct result *result = arena_alloc(r->arena, sizeof(*result));
	struct gate_pass pass;
	struct asked asked;
	struct err err = { 0 };
	bool ok = (result || err_memory(&err)) && read_request(s, r, &served_run, &asked, reply, &err) && enter(s, &pass, reply, &err);

	(void)word;
	if (ok) {
		ok = simulate(asked.scenario, &pass, r->arena, result, &err);
		gate_explain(&pass, &err);
		gate_leave(&pass);
	}
	if (!ok || (asked.wishes.store && !keep_run(s, &asked.call, result, &err)) || !run_json(result, &options, &reply->body, &err))
		reply_failure(reply, &err);
}

/* The number of variants is known before the first is simulated. */
static bool not_too_many(const struct space *space, enum whatif_mode mode, struct err *err)
{
	double n = mode == WHATIF_GRID ? 1 : 0;

	for (size_t i = 0; i < space->count; i++)
		n = mode == WHATIF_GRID ? n * (double)space->axes[i].count : n + (double)space->axes[i].count;
	return n <= VARIANTS_SERVED || err_set(err, ERR_INPUT, "vary: %.0f variants; expected at most %d over this server", n, VARIANTS_SERVED);
}

static bool keep_study(const struct server *s, const struct call *call, const struct whatif_view *view, const struct str *document, struct err *err)
{
	struct store *store = store_open(s->database, err);
	struct run_origin origin;
	const struct study_row *rows = store ? whatif_study_rows(view, call->arena, err) : NULL;
	char id[33];
	bool ok;

	run_origin_here(call, &origin);
	ok = rows && store_put_study(store, "whatif", &origin, view->title, str_text(document), rows, view->w->variant_count, id, err);
	store_close(store);
	return ok;
}

/* Reads what is to be varied. */
static bool read_study(const struct call *call, struct gate_pass *pass, struct space *space, struct whatif_options *o, struct whatif_view *view,
		       struct whatif *w, struct err *err)
{
	if (!whatif_space(call, space, err) || !whatif_options_read(call, o, err) || !not_too_many(space, o->mode, err))
		return false;
	o->threads = workers_processors() > 1 ? 2 : 1;
	o->stop = gate_expired;
	o->stop_ctx = pass;
	w->options = *o;
	view->w = w;
	return whatif_columns(call_text(call, "columns"), view, call->arena, err);
}

void simulate_whatif(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct whatif *w = arena_alloc(r->arena, sizeof(*w));
	struct space *space = arena_alloc(r->arena, sizeof(*space));
	struct whatif_view view = { 0 };
	struct whatif_options options;
	struct gate_pass pass;
	struct asked asked;
	struct err err = { 0 };
	bool ok = ((w && space) || err_memory(&err)) && read_request(s, r, &served_whatif, &asked, reply, &err) &&
		  read_study(&asked.call, &pass, space, &options, &view, w, &err) && enter(s, &pass, reply, &err);

	(void)word;
	if (ok) {
		ok = whatif_run(asked.scenario, space, &options, NULL, NULL, w, r->arena, &err);
		gate_explain(&pass, &err);
		gate_leave(&pass);
	}
	if (ok) {
		view.title = whatif_title(asked.scenario, r->arena);
		ok = whatif_json(&view, &reply->body, &err) && (!asked.wishes.store || keep_study(s, &asked.call, &view, &reply->body, &err));
	}
	if (!ok)
		reply_failure(reply, &err);
}
