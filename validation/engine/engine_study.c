#include "validation/engine/engine_study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/paths.h"
#include "hardware/operator.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/cache_walks.h"
#include "kernels/harness/machine.h"
#include "models/technique.h"
#include "sim/serve.h"

enum { REPEATS_MOST = 32, COURSE_MOST = 4096, THREADS_MOST = 64 };

struct study {
	const struct engine_study_options *o;
	struct engine_study *out;
	struct arena *arena;
	struct pace *pace;
	char stack_file[64];
	double stolen_s;               /* during the runs of one repeat */
};

/* ---- prediction ---- */

struct listener {
	struct engine_comparison *c;
	double *e2e_s;                 /* by request id */
	size_t count, capacity;
	double batches, batch_sum;
	struct arena *arena;
};

static void on_request(void *ctx, const struct request_record *r)
{
	struct listener *l = ctx;

	if (r->id >= 0 && (size_t)r->id < l->capacity)
		l->e2e_s[r->id] = r->e2e_s;
}

static void on_batch(void *ctx, int replica, double start_s, double end_s, int64_t steps, int64_t decodes, int64_t prefills, int64_t tokens)
{
	struct listener *l = ctx;
	struct engine_comparison *c = l->c;

	(void)replica;
	(void)end_s;
	(void)tokens;
	l->batches += (double)steps;
	l->batch_sum += (double)steps * (double)(decodes + prefills);
	if (c->course_predicted_count < COURSE_MOST)
		c->course_predicted[c->course_predicted_count++] = (struct engine_point){ .t_s = start_s, .batch = (double)(decodes + prefills) };
}

static enum forward_op operator_of(const struct operator_row *r)
{
	for (int i = 0; i < FORWARD_OP_COUNT; i++)
		if (strcmp(r->kind, forward_op_names[i]) == 0)
			return (enum forward_op)i;
	return FORWARD_OP_COUNT;
}

static void keep_prediction(struct engine_comparison *c, const struct result *r, const struct listener *l)
{
	const struct dist *latencies[] = { &r->ttft_s, &r->tpot_s, &r->itl_s, &r->e2e_s };

	for (int i = 0; i < METRIC_COUNT; i++)
		c->predicted[i] = NAN;
	c->predicted[METRIC_request_throughput] = r->request_throughput;
	c->predicted[METRIC_output_throughput] = r->output_throughput;
	c->predicted[METRIC_total_token_throughput] = r->total_token_throughput;
	for (int k = 0; k < 4; k++) {
		const double v[] = { latencies[k]->mean, latencies[k]->p50, latencies[k]->p90, latencies[k]->p95, latencies[k]->p99 };

		for (int i = 0; i < 5 && latencies[k]->count > 0; i++)
			c->predicted[METRIC_ttft_mean + 5 * k + i] = v[i];
	}
	c->batch_predicted = l->batches > 0 ? l->batch_sum / l->batches : 0;
	c->kv_predicted = r->kv_utilization_peak;
	c->preemptions_predicted = r->preemptions;
	c->share_measured = r->share_measured;
	c->expected_error = r->expected_rel_error;
	for (size_t i = 0; i < r->operator_count; i++) {
		enum forward_op op = operator_of(&r->operators[i]);

		if (op < FORWARD_OP_COUNT)
			c->op_predicted[op] += r->operators[i].seconds, c->op_calls_predicted[op] += r->operators[i].calls;
	}
}

static bool predict(struct study *s, const struct scenario *sc, struct engine_comparison *c, double *e2e_s, size_t capacity, struct err *err)
{
	struct listener l = { .c = c, .e2e_s = e2e_s, .capacity = capacity, .arena = s->arena };
	struct serve_sink sink = { .ctx = &l, .request = on_request, .batch = on_batch };
	struct result *r = arena_alloc(s->arena, sizeof(*r));
	struct sim *sim = NULL;
	bool ok = r != NULL || err_memory(err);

	memset(c->op_predicted, 0, sizeof(c->op_predicted));
	memset(c->op_calls_predicted, 0, sizeof(c->op_calls_predicted));
	c->course_predicted_count = 0;
	ok = ok && (sim = sim_new(sc, &sink, err)) && sim_run(sim, INFINITY, err) && sim_result(sim, s->arena, r, err);
	sim_free(sim);
	if (ok)
		keep_prediction(c, r, &l);
	return ok;
}

/* ---- measurement ---- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
	return measured_percentile(values, n, 50);
}

struct repeats {
	struct engine_outcome runs[REPEATS_MOST];
	struct engine_watch watch[REPEATS_MOST];
	int count;
};

static void release_repeats(struct repeats *r)
{
	for (int i = 0; i < r->count; i++)
		engine_outcome_release(&r->runs[i]);
}

static int repeats_wanted(const struct study *s)
{
	return s->o->repeats < 1 ? 1 : s->o->repeats > REPEATS_MOST ? REPEATS_MOST : s->o->repeats;
}

double engine_disturbance(const struct engine_watch *w, const struct pulse *then)
{
	double most = fmax((w->pace - 1) / (PACE_NOTED - 1), isnan(w->taken) ? 0 : w->taken / ENGINE_TAKEN_MOST);

	return then->stream_s > 0 ? fmax(most, pulse_drift(&w->pulse, then) / ENGINE_DRIFT_MOST) : most;
}

static double disturbance(const struct engine_comparison *c, const struct engine_watch *w)
{
	return engine_disturbance(w, &c->then);
}

/* One run between two pulses of the host. */
static bool run_once(struct study *s, const struct scenario *sc, const struct engine_run_options *o, const struct engine_model *m, struct timing *t,
		     struct engine_outcome *out, struct engine_watch *w, struct err *err)
{
	struct pulse before, after;
	double taken_s, stolen_s, pace;

	if (!pulse_take(o->threads, t, &before, err))
		return false;
	pace = pace_now(s->pace);
	taken_s = machine_taken_s();
	stolen_s = machine_stolen_s();
	if (!engine_run_loaded(sc, o, m, out, err))
		return false;
	s->stolen_s += machine_stolen_s() - stolen_s;
	w->taken = (machine_taken_s() - taken_s) / out->wall_s;
	w->pace = fmax(pace, pace_now(s->pace));
	if (!pulse_take(o->threads, t, &after, err)) {
		engine_outcome_release(out);
		return false;
	}
	pulse_mean(&before, &after, &w->pulse);
	return true;
}

/* A replay, taken again while the machine disturbs it; the least disturbed one counts. */
static bool run_repeat(struct study *s, const struct scenario *sc, struct engine_comparison *c, struct repeats *r, struct err *err)
{
	struct engine_run_options o = { .threads = c->threads, .pace = PACE_SKIP_IDLE, .clock = s->o->clock };
	struct engine_model *m = engine_load(sc, &o, err);
	struct timing *t = m ? timing_new(err) : NULL;
	bool ok = t != NULL, kept = false;

	s->stolen_s = 0;
	for (int tries = 0; ok && tries < ENGINE_TRIES; tries++) {
		struct engine_outcome run;
		struct engine_watch w;

		if (kept && disturbance(c, &r->watch[r->count]) < 1)
			break;
		ok = run_once(s, sc, &o, m, t, &run, &w, err);
		if (!ok)
			break;
		c->replays++;
		if (kept && disturbance(c, &w) >= disturbance(c, &r->watch[r->count])) {
			engine_outcome_release(&run);
			continue;
		}
		if (kept)
			engine_outcome_release(&r->runs[r->count]);
		r->runs[r->count] = run;
		r->watch[r->count] = w;
		kept = true;
	}
	if (kept) {
		c->disturbed += disturbance(c, &r->watch[r->count]) >= 1;
		c->counted++;
		r->count++;
	}
	c->stolen_s += s->stolen_s;
	timing_free(t);
	engine_model_free(m);
	return ok;
}

static void course(struct engine_comparison *c, const struct engine_outcome *o)
{
	size_t n = o->log.iteration_count < COURSE_MOST ? o->log.iteration_count : COURSE_MOST;

	for (size_t i = 0; i < n; i++) {
		const struct engine_iteration *t = &o->log.iterations[i];

		c->course_measured[i] = (struct engine_point){ .t_s = t->start_s, .batch = (double)(t->decodes + t->prefills),
								.kv_share = (double)t->kv_blocks / (double)o->kv_blocks };
	}
	c->course_measured_count = n;
}

/* Seconds and calls of the operators, and what was none of them: means over the repeats. */
static void keep_operators(struct engine_comparison *c, const struct repeats *r)
{
	c->host_s = 0;
	memset(c->op_measured, 0, sizeof(c->op_measured));
	memset(c->op_calls_measured, 0, sizeof(c->op_calls_measured));
	for (int i = 0; i < r->count; i++) {
		const struct engine_outcome *o = &r->runs[i];

		for (int k = 0; k < FORWARD_OP_COUNT; k++) {
			c->op_measured[k] += o->op_s[k] / r->count;
			c->op_calls_measured[k] += (double)o->op_calls[k] / r->count;
		}
		for (size_t n = 0; n < o->log.iteration_count; n++)
			c->host_s += (o->log.iterations[n].end_s - o->log.iterations[n].start_s - o->log.iterations[n].op_s) / r->count;
	}
}

/* Medians over the repeats, metric by metric; course of the run with the best pace. */
static bool keep_measurement(struct study *s, struct engine_comparison *c, struct repeats *r, struct err *err)
{
	double all[METRIC_COUNT][REPEATS_MOST], means[REPEATS_MOST], batch[REPEATS_MOST], kv[REPEATS_MOST], preemptions[REPEATS_MOST];
	struct measured_run run;
	int best = 0;

	c->now = (struct pulse){ 0 };
	for (int i = 0; i < r->count; i++) {
		struct engine_load load = engine_load_of(&r->runs[i]);

		if (!engine_measured(&r->runs[i], &run, s->arena, err))
			return false;
		for (int m = 0; m < METRIC_COUNT; m++)
			all[m][i] = run.metric[m];
		means[i] = run.metric[METRIC_e2e_mean];
		batch[i] = load.batch_mean;
		kv[i] = load.kv_peak;
		preemptions[i] = (double)r->runs[i].log.preemptions;
		c->now.stream_s += r->watch[i].pulse.stream_s / r->count;
		c->now.product_s += r->watch[i].pulse.product_s / r->count;
		c->taken = fmax(c->taken, r->watch[i].taken);
		if (r->watch[i].pace < r->watch[best].pace)
			best = i;
	}
	for (int m = 0; m < METRIC_COUNT; m++)
		c->measured[m] = median(all[m], (size_t)r->count);
	c->spread = median(means, (size_t)r->count) > 0 ? (means[r->count - 1] - means[0]) / median(means, (size_t)r->count) : 0;
	c->batch_measured = median(batch, (size_t)r->count);
	c->kv_measured = median(kv, (size_t)r->count);
	c->preemptions_measured = median(preemptions, (size_t)r->count);
	c->pace = r->watch[best].pace;
	c->parameters = r->runs[best].parameters;
	c->iterations = (int64_t)r->runs[best].log.iteration_count;
	keep_operators(c, r);
	course(c, &r->runs[best]);
	return true;
}

/* Request by request: each one's median over the repeats against its prediction. */
static bool pair(struct study *s, struct engine_comparison *c, const struct repeats *r, const double *predicted, size_t capacity, struct err *err)
{
	double *each = mem_alloc(capacity * (size_t)r->count * sizeof(double)), *errors;
	size_t *seen = mem_calloc(capacity, sizeof(*seen));
	bool ok = each && seen;

	c->request_error = arena_alloc(s->arena, capacity * sizeof(double));
	c->e2e_measured = arena_alloc(s->arena, capacity * sizeof(double));
	c->e2e_predicted = arena_alloc(s->arena, capacity * sizeof(double));
	errors = arena_alloc(s->arena, capacity * sizeof(double));
	ok = ok && c->request_error && c->e2e_measured && c->e2e_predicted && errors;
	for (int i = 0; ok && i < r->count; i++)
		for (size_t k = 0; k < r->runs[i].log.request_count; k++) {
			const struct engine_request *q = &r->runs[i].log.requests[k];

			if (q->id >= 0 && (size_t)q->id < capacity)
				each[(size_t)q->id * (size_t)r->count + seen[q->id]++] = engine_e2e_s(q);
		}
	for (size_t id = 0; ok && id < capacity; id++) {
		double m;

		if (seen[id] == 0 || isnan(predicted[id]))
			continue;
		m = median(&each[id * (size_t)r->count], seen[id]);
		c->e2e_measured[c->request_count] = m;
		c->e2e_predicted[c->request_count] = predicted[id];
		c->request_error[c->request_count] = predicted[id] / m - 1;
		errors[c->request_count] = fabs(predicted[id] / m - 1);
		c->request_count++;
	}
	mem_free(each);
	mem_free(seen);
	if (!ok)
		return err_memory(err);
	c->request_median = median(errors, c->request_count);
	c->request_p90 = measured_percentile(errors, c->request_count, 90);
	qsort(c->e2e_measured, c->request_count, sizeof(double), ascending);
	qsort(c->e2e_predicted, c->request_count, sizeof(double), ascending);
	return true;
}

/* ---- one case ---- */

/* The stack whose host time was measured with as many threads; as a file, which is how a scenario names it. */
static bool host_stack(struct study *s, int threads, struct err *err)
{
	struct engine_study *out = s->out;
	struct str text = { 0 };
	bool ok = true;

	if (out->hosts[threads].name == NULL)
		ok = engine_host_measure(threads, s->o->clock, &out->hosts[threads], s->arena, err);
	if (ok) {
		schema_write_xml(&stack_element, &out->hosts[threads], &text);
		ok = paths_write_str(s->stack_file, &text, err);
	}
	str_release(&text);
	return ok;
}

/* What one pass streams: all weights but the embedding, of which a few rows are looked up, and the experts that so many tokens choose. */
static struct cache_walk pass_of(const struct engine_shape *e, const char *dtype, double tokens)
{
	double each = strcmp(dtype, "fp32") == 0 ? 4 : strcmp(dtype, "bf16") == 0 ? 2 : 1;
	double all = each * (engine_shape_parameters(e) - (e->tied ? 0 : (double)(e->vocab * e->hidden)));
	struct cache_walk out = { .bytes = all };

	if (e->experts == 0)
		return out;
	out.pieces = e->layers * e->experts;
	out.piece_bytes = 3 * each * (double)(e->expert_width * e->hidden);
	out.bytes = all - (double)out.pieces * out.piece_bytes;
	out.picked = llround((double)out.pieces * (1 - pow(1 - (double)e->top_k / (double)e->experts, fmax(tokens, 1))));
	return out;
}

/* What the last-level cache serves of a pass, measured now; the median of what it was all along. */
static bool walk_again(struct study *s, struct engine_comparison *c, double tokens, struct err *err)
{
	const struct model *m = model_load(c->model, s->arena, err);
	struct engine_shape shape;
	struct cache_walks walks;
	struct cache_walk pass;

	if (!m || !engine_shape_of(m, &shape, err))
		return false;
	pass = pass_of(&shape, c->dtype, tokens);
	if (!cache_walks_measure(&pass, c->threads, &walks, err))
		return false;
	if (c->walks < ENGINE_WALKS_MOST)
		c->shares[c->walks++] = cache_walks_share(&walks);
	qsort(c->shares, (size_t)c->walks, sizeof(double), ascending);
	c->cache_share = measured_percentile(c->shares, (size_t)c->walks, 50);
	return true;
}

static bool device_for(struct study *s, struct engine_comparison *c, struct err *err)
{
	const char *home;

	if (s->o->device)
		c->device = s->o->device;
	else
		c->device = engine_device_between(s->o->devices, c->threads, c->cache_share, s->arena, err);
	if (!c->device)
		return false;
	home = arena_printf(s->arena, "%.*s", (int)strlen(c->device) - (text_ends(c->device, ".xml") ? 4 : 0), c->device);
	if (!home)
		return err_memory(err);
	if (!pulse_read(home, &c->then))
		c->then = (struct pulse){ 0 };
	return true;
}

/* The number formats that the engine uses: activations in fp32, router too; a cache of 16 bits beside narrow weights. */
static bool settle_formats(struct scenario *sc, const struct engine_comparison *c, struct arena *arena, struct err *err)
{
	bool wide = strcmp(c->dtype, "fp32") == 0;

	return schema_set(&scenario_element, sc, "model.activation_dtype", "fp32", c->name, arena, err) &&
	       schema_set(&scenario_element, sc, "model.kv_dtype", wide ? "fp32" : "bf16", c->name, arena, err);
}

/* What one side of a module's comparison adds to its load; NULL members add nothing. */
struct side {
	const char *with;              /* "ID" or "ID:params" */
	const char *settings;          /* one "path=value" */
};

static bool apply_side(const struct side *side, struct scenario *sc, struct arena *arena, struct err *err)
{
	const char *equals = side->settings ? strchr(side->settings, '=') : NULL, *path;

	if (side->with && !scenario_with(sc, side->with, arena, err))
		return false;
	if (!equals)
		return true;
	path = arena_printf(arena, "%.*s", (int)(equals - side->settings), side->settings);
	return path ? schema_set(&scenario_element, sc, path, equals + 1, "the plain side", arena, err) : err_memory(err);
}

/* A case that the engine has run and the simulation has not yet. */
struct running {
	const struct engine_case *load;
	struct scenario *sc;
	struct repeats r;
};

/* The scenario of a case; its rate, where it has one, is a share of what the simulation says is the most. */
static bool settle_load(struct study *s, const struct engine_case *e, const struct side *side, struct engine_comparison *c, struct scenario *sc, struct err *err)
{
	if (!engine_case_scenario(e, sc, s->arena, err) || !settle_formats(sc, c, s->arena, err) || !apply_side(side, sc, s->arena, err))
		return false;
	sc->workload.requests = (int64_t)ceil((double)e->requests * (s->o->scale > 0 ? s->o->scale : 1));
	sc->hardware.device = c->device;
	sc->hardware.system = NULL;
	sc->hardware.stack = s->stack_file;
	if (sc->scheduler.kv_blocks == 0)
		sc->scheduler.kv_blocks = 2048;
	c->requests = sc->workload.requests;
	if (e->load > 0) {
		struct scenario most = *sc;
		double nobody;

		most.workload.arrivals.kind = ARRIVAL_ALL_AT_ONCE;
		if (!predict(s, &most, c, &nobody, 0, err))
			return false;
		sc->workload.qps = e->load * c->predicted[METRIC_request_throughput];
	}
	return true;
}

/* How many tokens choose experts together: the sequences of a batch, as predicted. */
static bool settle_tokens(struct study *s, struct engine_comparison *c, const struct scenario *sc, struct err *err)
{
	double nobody;

	if (!predict(s, sc, c, &nobody, 0, err))
		return false;
	c->tokens = c->batch_predicted;
	return true;
}

static bool settle_case(struct study *s, const struct engine_case *e, int threads, const struct side *side, struct engine_comparison *c, struct running *r, struct err *err)
{
	*c = (struct engine_comparison){ .name = e->name, .what = e->what, .model = e->model, .dtype = e->dtype, .threads = threads, .tokens = 1, .cache_share = NAN };
	*r = (struct running){ .load = e, .sc = scenario_new(s->arena, err) };
	c->course_measured = arena_alloc(s->arena, COURSE_MOST * sizeof(*c->course_measured));
	c->course_predicted = arena_alloc(s->arena, COURSE_MOST * sizeof(*c->course_predicted));
	if (!r->sc)
		return false;
	if (!c->course_measured || !c->course_predicted)
		return err_memory(err);
	return (s->o->device || walk_again(s, c, c->tokens, err)) && device_for(s, c, err) && host_stack(s, threads, err) &&
	       settle_load(s, e, side, c, r->sc, err) && settle_tokens(s, c, r->sc, err);
}

/* What the cache serves may change while cases run: it is asked before and after each replay. */
static bool execute_case(struct study *s, struct engine_comparison *c, struct running *r, int repeats, struct err *err)
{
	for (int i = 0; i < repeats && r->r.count < repeats_wanted(s); i++) {
		if (r->r.count == 0)
			c->walks = 0;  /* the first one did not know the batch */
		if (!s->o->device && !walk_again(s, c, c->tokens, err))
			return false;
		if (!host_stack(s, c->threads, err) || !run_repeat(s, r->sc, c, &r->r, err) || (!s->o->device && !walk_again(s, c, c->tokens, err)))
			return false;
	}
	return true;
}

/* Predicted from all that the calibration has measured by now, and never from the replay. */
static bool judge_case(struct study *s, struct engine_comparison *c, struct running *r, struct err *err)
{
	size_t capacity = (size_t)r->load->requests * 8 + 64;
	double *predicted = arena_alloc(s->arena, capacity * sizeof(double));

	if (!predicted)
		return err_memory(err);
	for (size_t i = 0; i < capacity; i++)
		predicted[i] = NAN;
	if (!keep_measurement(s, c, &r->r, err) || !device_for(s, c, err) || !host_stack(s, c->threads, err))
		return false;
	r->sc->hardware.device = c->device;
	return predict(s, r->sc, c, predicted, capacity, err) && pair(s, c, &r->r, predicted, capacity, err);
}

static bool wanted(const struct engine_study_options *o, const struct engine_case *e)
{
	return !o->only || strstr(e->name, o->only);
}

/* Processor time is one thread's. */
static int threads_of(const struct engine_case *e, enum clock_kind clock, int all)
{
	return clock == CLOCK_OF_PROCESSOR ? 1 : e->threads == 0 || e->threads > all ? all : e->threads;
}

static const struct engine_module *module_of(const char *name, struct arena *arena, struct err *err)
{
	const char *id = arena_printf(arena, "%.*s", (int)strcspn(name, ":"), name);
	const struct technique *t = id ? technique_load(id, arena, err) : NULL;
	struct str known = { 0 };

	if (!t)
		return NULL;
	for (const struct engine_module *m = engine_modules; m->module; m++) {
		if (strcmp(m->module, t->id) == 0)
			return m;
		str_addf(&known, "%s%s", m == engine_modules ? "" : ", ", m->module);
	}
	err_set(err, ERR_INPUT, "--with %s: the engine does not run it; expected one of %s", t->id, str_text(&known));
	str_release(&known);
	return NULL;
}

/* The load of a module without it, then with it. */
static bool run_module(struct study *s, struct err *err)
{
	const struct engine_module *m = module_of(s->o->with, s->arena, err);
	const char *own = strchr(s->o->with, ':');     /* parameters of the user's take the place of ours */
	const char *params = m && m->wide_params && cpu_has_avx512() ? m->wide_params : m ? m->params : NULL;
	const char *with = m ? arena_printf(s->arena, "%s%s%s", m->module, own || !params ? "" : ":", own ? own : params ? params : "") : NULL;
	const struct side sides[2] = { { .settings = m ? m->plain_settings : NULL }, { .with = with } };

	if (!m || !with)
		return m ? err_memory(err) : false;
	for (int i = 0; i < 2; i++) {
		struct engine_case load = m->load;

		load.name = arena_printf(s->arena, "%s/%s", m->load.name, i ? "with" : "plain");
		if (s->o->progress)
			s->o->progress(s->o->ctx, i / 2.0, load.name);
		if (!load.name)
			return err_memory(err);
		struct running r;
		bool ok = settle_case(s, &load, m->load.threads > 0 ? m->load.threads : 1, &sides[i], &s->out->cases[i], &r, err) &&
			  execute_case(s, &s->out->cases[i], &r, repeats_wanted(s), err) && judge_case(s, &s->out->cases[i], &r, err);

		release_repeats(&r.r);
		if (!ok)
			return false;
		s->out->count++;
	}
	return true;
}

struct engine_gain engine_study_gain(const struct engine_study *s, const char *module)
{
	const int rate = METRIC_output_throughput;

	return (struct engine_gain){ .module = module, .predicted = s->cases[1].predicted[rate] / s->cases[0].predicted[rate],
				     .measured = s->cases[1].measured[rate] / s->cases[0].measured[rate] };
}

static void tell(const struct study *s, size_t done, size_t total, const char *what)
{
	if (s->o->progress)
		s->o->progress(s->o->ctx, total ? (double)done / (double)total : 0, what);
}

/* All cases of so many threads in turn, repeat by repeat, between rounds of a calibration: where the host changes its pace meanwhile, both sides have it. */
static bool run_turn(struct study *s, int threads, int all, size_t *done, size_t total, struct err *err)
{
	struct engine_comparison *cases = s->out->cases + s->out->count;
	struct running *running = mem_calloc(total, sizeof(*running));
	size_t n = 0;
	int wanted_repeats = repeats_wanted(s), gaps, each;
	bool ok = running || err_memory(err);

	for (const struct engine_case *e = engine_cases; ok && e->name; e++) {
		if (!wanted(s->o, e) || threads_of(e, s->o->clock, all) != threads)
			continue;
		tell(s, *done, total, e->name);
		ok = settle_case(s, e, threads, &(struct side){ 0 }, &cases[n], &running[n], err);
		n++;
	}
	gaps = s->o->device || n == 0 ? 0 : engine_device_rounds_left(s->o->devices, threads);
	each = gaps > 1 ? (wanted_repeats + gaps - 1) / gaps : wanted_repeats;
	for (int have = 0, gap = 0; ok && n > 0 && (have < wanted_repeats || gap < gaps); have += each, gap++) {
		for (size_t i = 0; ok && i < n; i++) {
			tell(s, *done, total, cases[i].name);
			ok = execute_case(s, &cases[i], &running[i], each, err);
		}
		ok = ok && (gap >= gaps || engine_device_round(s->o->devices, threads, s->arena, err));
	}
	for (size_t i = 0; ok && i < n; i++, (*done)++) {
		ok = judge_case(s, &cases[i], &running[i], err);
		s->out->count += ok;
	}
	for (size_t i = 0; running && i < n; i++)
		release_repeats(&running[i].r);
	mem_free(running);
	return ok;
}

bool engine_study_run(const struct engine_study_options *o, struct engine_study *out, struct arena *arena, struct err *err)
{
	struct study s = { .o = o, .out = out, .arena = arena };
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int all = processors > 0 ? processors < THREADS_MOST ? (int)processors : THREADS_MOST : 1, fd;
	const char *folder = getenv("TMPDIR");
	size_t total = 0, done = 0;
	bool ok = true;

	for (const struct engine_case *e = engine_cases; e->name; e++)
		total += wanted(o, e);
	if (o->with)
		total = 2;
	if (total == 0)
		return err_set(err, ERR_INPUT, "--case %s: no case has that in its name", o->only);
	*out = (struct engine_study){ .host_count = all + 1 };
	out->cases = arena_alloc(arena, total * sizeof(*out->cases));
	out->hosts = arena_alloc(arena, (size_t)(all + 1) * sizeof(*out->hosts));
	s.pace = out->cases && out->hosts ? pace_new(err) : NULL;
	if (!s.pace)
		return err->kind != ERR_NONE ? false : err_memory(err);
	memset(out->hosts, 0, (size_t)(all + 1) * sizeof(*out->hosts));
	snprintf(s.stack_file, sizeof(s.stack_file), "%.30s/vibee-sim-stack-XXXXXX", folder && *folder ? folder : "/tmp");
	fd = mkstemp(s.stack_file);
	if (fd >= 0)
		close(fd);
	else
		ok = err_set(err, ERR_IO, "%s: cannot be written", s.stack_file);
	/* By threads, so that a calibration and what is predicted from it lie close in time. */
	ok = ok && (!o->with || run_module(&s, err));
	for (int turn = 1; ok && !o->with && turn <= all; turn++)
		ok = run_turn(&s, turn, all, &done, total, err);
	if (fd >= 0)
		unlink(s.stack_file);
	pace_free(s.pace);
	return ok;
}

struct engine_summary engine_study_summary(const struct engine_study *s, struct arena *arena)
{
	struct engine_summary m = { 0 };
	size_t n = 0, requests = 0;
	double *all, *p95, *ttft, *rate;

	for (size_t i = 0; i < s->count; i++)
		requests += s->cases[i].request_count;
	all = arena_alloc(arena, (requests + 1) * sizeof(double));
	p95 = arena_alloc(arena, (s->count + 1) * sizeof(double));
	ttft = arena_alloc(arena, (s->count + 1) * sizeof(double));
	rate = arena_alloc(arena, (s->count + 1) * sizeof(double));
	if (!all || !p95 || !ttft || !rate)
		return m;
	for (size_t i = 0; i < s->count; i++) {
		const struct engine_comparison *c = &s->cases[i];

		for (size_t k = 0; k < c->request_count; k++)
			all[n++] = fabs(c->request_error[k]);
		p95[i] = fabs(c->predicted[METRIC_e2e_p95] / c->measured[METRIC_e2e_p95] - 1);
		ttft[i] = fabs(c->predicted[METRIC_ttft_p95] / c->measured[METRIC_ttft_p95] - 1);
		rate[i] = fabs(c->predicted[METRIC_output_throughput] / c->measured[METRIC_output_throughput] - 1);
		m.throughput_worst = fmax(m.throughput_worst, rate[i]);
		m.e2e_p95_worst = fmax(m.e2e_p95_worst, p95[i]);
	}
	m.request_median = median(all, n);
	m.request_p90 = measured_percentile(all, n, 90);
	m.e2e_p95 = median(p95, s->count);
	m.ttft_p95 = median(ttft, s->count);
	m.throughput_median = median(rate, s->count);
	return m;
}
