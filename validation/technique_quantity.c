/* One figure of one scenario: what a published row asks. Settings are words "name=value"; `with` may come several times. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "models/technique.h"
#include "sim/scenario.h"
#include "sim/serve.h"
#include "sim/step.h"
#include "sim/train/train.h"
#include "validation/technique_rows.h"

struct asked {
	struct scenario *sc;
	struct job *job;
	struct step_shape shape;
	double tokens;                 /* of a training job */
	struct catalog_cache *cache;
	struct arena *arena;
};

/* Short names of settings; any other path is set as it stands. `train`: the job's path; NULL: it has none. */
static const struct { const char *name, *serve, *train; } settings[] = {
	{ "model", "model.name", "model.name" }, { "device", "hardware.device", "hardware.device" },
	{ "system", "hardware.system", "hardware.system" }, { "stack", "hardware.stack", NULL }, { "tp", "deployment.tp", "layout.tp" },
	{ "pp", "deployment.pp", "layout.pp" }, { "host", "hardware.host_overhead", NULL }, { "dtype", "model.dtype", NULL },
	{ "kv_dtype", "model.kv_dtype", NULL }, { "devices", NULL, "hardware.devices" }, { "global", NULL, "batch.global" },
	{ "micro", NULL, "batch.micro" }, { "sequence", NULL, "batch.sequence" }, { "zero", NULL, "layout.zero" },
	{ "qps", "workload.qps", NULL }, { "requests", "workload.requests", NULL },
	{ "shard", NULL, "layout.shard" }, { "cp", NULL, "layout.cp" }, { "recompute", NULL, "layout.recompute" }, { "usd", NULL, "price.usd_per_device_hour" },
};

static bool add_technique(struct asked *a, const char *value, struct err *err)
{
	const char *colon = strchr(value, ':');
	char path[64];
	const char *id = arena_printf(a->arena, "%.*s", colon ? (int)(colon - value) : (int)strlen(value), value);
	size_t n = a->job->technique_count;

	if (!id)
		return err_memory(err);
	snprintf(path, sizeof(path), "technique.%zu.id", n);
	if (!scenario_with(a->sc, value, a->arena, err) || !schema_set(&job_element, a->job, path, id, "row", a->arena, err))
		return false;
	snprintf(path, sizeof(path), "technique.%zu.params", n);
	return !colon || schema_set(&job_element, a->job, path, colon + 1, "row", a->arena, err);
}

static int64_t *shape_of(struct asked *a, const char *name)
{
	if (text_equal(name, "decodes"))
		return &a->shape.decodes;
	if (text_equal(name, "context"))
		return &a->shape.context;
	if (text_equal(name, "prefills"))
		return &a->shape.prefills;
	return text_equal(name, "prompt") ? &a->shape.prompt : text_equal(name, "prior") ? &a->shape.prior : NULL;
}

static bool set_word(struct asked *a, const char *name, const char *value, struct err *err)
{
	int64_t *n = shape_of(a, name);

	if (n)
		return text_to_int64(value, n) || err_set(err, ERR_INPUT, "%s=%s: expected a whole number", name, value);
	if (text_equal(name, "with"))
		return add_technique(a, value, err);
	if (text_equal(name, "tokens"))
		return text_to_double(value, &a->tokens) || err_set(err, ERR_INPUT, "tokens=%s: expected a number", value);
	if (text_equal(name, "workload"))
		return scenario_workload(a->sc, value, a->arena, err);
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		if (!text_equal(name, settings[i].name))
			continue;
		if (settings[i].serve && !schema_set(&scenario_element, a->sc, settings[i].serve, value, name, a->arena, err))
			return false;
		return !settings[i].train || schema_set(&job_element, a->job, settings[i].train, value, name, a->arena, err);
	}
	return schema_set(&scenario_element, a->sc, name, value, name, a->arena, err);
}

static bool read_words(struct asked *a, const char *scenario, struct err *err)
{
	char *copy = arena_strdup(a->arena, scenario), *save = NULL;

	if (!copy)
		return err_memory(err);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(word, '=');

		if (!equals)
			return err_set(err, ERR_INPUT, "'%s': expected name=value", word);
		*equals = '\0';
		if (!set_word(a, word, equals + 1, err))
			return false;
	}
	return true;
}

/* Bytes of the cache and what lies beside it for one sequence. */
static double sequence_bytes(const struct memory_plan *m, double tokens)
{
	return m->kv_bytes_per_token * tokens + m->window_bytes_per_token * fmin(tokens, (double)m->window_tokens) + m->state_bytes_per_seq +
	       m->fixed_bytes_per_seq;
}

static bool row_quantity(const struct step_result *r, const char *what, double *out, struct err *err)
{
	size_t n = strcspn(what, ":");
	const char *measure = what[n] ? what + n + 1 : "ms";

	for (size_t i = 0; i < r->row_count; i++) {
		const struct step_row *row = &r->rows[i];

		if (strlen(row->label) != n || strncmp(row->label, what, n) != 0)
			continue;
		if (text_equal(measure, "tflops"))
			*out = row->cost.flops * row->count / row->seconds / 1e12;
		else
			*out = row->seconds * 1e3;
		return true;
	}
	return err_set(err, ERR_INPUT, "no operator '%.*s' in this step", (int)n, what);
}

/* Longest sequence that one replica can hold alone; INFINITY is cut at 1e9. */
static double longest(const struct memory_plan *m)
{
	int64_t low = 0, high = INT64_C(1000000000);

	if (memory_seq_blocks(m, high) <= m->kv_blocks)
		return (double)high;
	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;

		if (memory_seq_blocks(m, mid) <= m->kv_blocks)
			low = mid;
		else
			high = mid;
	}
	return (double)low;
}

/* Decode throughput at the best batch: the largest that fits, or a fraction of it where speculation pays. */
static bool best_tokens(const struct asked *a, double *out, struct err *err)
{
	struct step_shape s = a->shape;
	struct step_result r;
	int64_t blocks, most;

	*out = 0;
	s.decodes = 1;
	if (!step_price_cached(a->sc, &s, a->cache, &r, a->arena, err))
		return false;
	blocks = memory_seq_blocks(&r.memory, s.context);
	most = blocks > 0 ? r.memory.kv_blocks / blocks : 4096;
	if (most > 4096)
		most = 4096;
	for (int64_t batch = most; batch >= 1 && batch >= most / 8; batch /= 2) {
		s.decodes = batch;
		if (!step_price_cached(a->sc, &s, a->cache, &r, a->arena, err))
			return false;
		*out = fmax(*out, (double)batch * r.tokens_per_pass / r.seconds);
		if (r.verified <= 1)           /* without speculation the largest batch is the fastest */
			break;
	}
	return true;
}

/* Weights that the techniques add to the model's. */
static bool added_weights(const struct asked *a, const struct step_result *with, double *out, struct err *err)
{
	struct scenario plain = *a->sc;
	struct step_result r;

	plain.technique_count = 0;
	if (!step_price_cached(&plain, &a->shape, a->cache, &r, a->arena, err))
		return false;
	*out = (with->memory.weights_bytes - r.memory.weights_bytes) / 1e6;
	return true;
}

static bool step_quantity(const struct asked *a, const char *q, double *out, struct err *err)
{
	const struct step_shape *s = &a->shape;
	struct step_result r;
	double cache;
	int64_t blocks;

	if (text_equal(q, "best_tokens_s"))
		return best_tokens(a, out, err);
	if (!step_price_cached(a->sc, s, a->cache, &r, a->arena, err))
		return false;
	cache = (double)s->decodes * sequence_bytes(&r.memory, (double)s->context);
	blocks = memory_seq_blocks(&r.memory, s->context);
	if (text_equal(q, "step_ms"))
		*out = r.seconds * 1e3;
	else if (text_equal(q, "ms_per_token"))
		*out = r.seconds * 1e3 / r.tokens_per_pass;
	else if (text_equal(q, "tokens_s"))
		*out = (double)s->decodes * r.tokens_per_pass / r.seconds;
	else if (text_equal(q, "weights_gb"))
		*out = r.memory.weights_bytes / 1e9;
	else if (text_equal(q, "added_weights_mb"))
		return added_weights(a, &r, out, err);
	else if (text_equal(q, "cache_gb"))
		*out = cache / 1e9;
	else if (text_equal(q, "total_gb"))
		*out = (r.memory.weights_bytes + cache + r.memory.activation_bytes) / 1e9;
	else if (text_equal(q, "state_mb"))
		*out = (r.memory.state_bytes_per_seq + r.memory.fixed_bytes_per_seq) / 1e6;
	else if (text_equal(q, "max_batch"))
		*out = blocks > 0 ? (double)(r.memory.kv_blocks / blocks) : INFINITY;
	else if (text_equal(q, "tokens_per_pass"))
		*out = r.tokens_per_pass;
	else if (text_equal(q, "longest_context"))
		*out = longest(&r.memory);
	else if (text_equal(q, "step_error"))
		*out = r.expected_rel_error;
	else if (text_equal(q, "flops"))
		*out = r.flops;
	else if (text_starts(q, "row:"))
		return row_quantity(&r, q + 4, out, err);
	else
		return err_set(err, ERR_INPUT, "quantity '%s': not known", q);
	return true;
}

static bool convergence_quantity(const struct asked *a, const char *q, double *out, struct err *err);

/* A price given for one device does not hold for another that a technique puts in its place. */
static bool replaces_device(const struct asked *a)
{
	struct err ignored = { 0 };

	for (size_t i = 0; i < a->sc->technique_count; i++) {
		const struct technique *t = technique_load(a->sc->techniques[i].id, a->arena, &ignored);

		if (t && (text_equal(t->family, "device-profile") || text_equal(t->family, "die-to-die")))
			return true;
	}
	return false;
}

/* A job of so many tokens is the baseline's: with techniques it takes as many as the same loss needs. */
static bool run_training(const struct asked *a, struct train_result *r, struct err *err)
{
	struct train_wishes wishes = { .any_memory = true };
	double factor = 1;

	if (replaces_device(a))
		a->job->price.usd_per_device_hour = NAN;
	if (a->tokens > 0) {
		if (!convergence_quantity(a, "tokens_factor", &factor, err))
			return false;
		a->job->batch.tokens = a->tokens * factor;
	}
	return train_run(a->job, &wishes, r, a->arena, err);
}

static bool train_quantity(const struct asked *a, const char *q, double *out, struct err *err)
{
	struct train_result r = { 0 };

	if (!run_training(a, &r, err))
		return false;
	if (text_equal(q, "train_step_s"))
		*out = r.step_s;
	else if (text_equal(q, "train_days"))
		*out = r.hours / 24;
	else if (text_equal(q, "train_usd"))
		*out = r.usd;
	else if (text_equal(q, "train_memory_gb"))
		*out = r.memory.peak_bytes / 1e9;
	else if (text_equal(q, "train_error"))
		*out = r.expected_rel_error;
	else if (text_equal(q, "train_optimizer_share"))
		*out = r.breakdown.optimizer / r.step_s;
	else
		return err_set(err, ERR_INPUT, "quantity '%s': not known", q);
	return true;
}

/* Tokens to the same target over the baseline's; FLOPs of the search over those of the job. */
static bool convergence_quantity(const struct asked *a, const char *q, double *out, struct err *err)
{
	struct technique_set set = { 0 };
	struct convergence_change change;
	const struct model *m = model_load(a->sc->model.name, a->arena, err);

	if (!m)
		return false;
	for (size_t i = 0; i < a->sc->technique_count; i++)
		if (!technique_set_add(&set, a->sc->techniques[i].id, a->sc->techniques[i].params, a->arena, err))
			return false;
	convergence_change_init(&change, m, a->tokens);
	if (!technique_set_finish(&set, err) || !technique_convergence(&set, &change, err))
		return false;
	*out = text_equal(q, "tokens_factor") ? change.tokens_factor
	     : text_equal(q, "size_factor")   ? change.parameters_factor
					      : change.extra_flops / (6 * change.active_parameters * change.tokens);
	return true;
}

static bool run_quantity(const struct asked *a, const char *q, double *out, struct err *err)
{
	struct sim *sim = sim_new_cached(a->sc, NULL, a->cache, err);
	struct result *r = sim ? arena_alloc(a->arena, sizeof(*r)) : NULL;
	bool ok = r && sim_run(sim, INFINITY, err) && sim_result(sim, a->arena, r, err);

	if (ok && text_equal(q, "run_running_mean"))
		*out = r->running_mean;
	else if (ok && text_equal(q, "run_output_tokens_s"))
		*out = r->output_throughput;
	else if (ok && text_equal(q, "run_hit_rate"))
		*out = r->prefix_hit_rate;
	else if (ok)
		ok = err_set(err, ERR_INPUT, "quantity '%s': not known", q);
	sim_free(sim);
	return ok;
}

bool technique_training_figures(const char *scenario, double *days, double *memory_gb, double *usd, struct arena *arena, struct err *err)
{
	struct asked a = { .arena = arena, .sc = scenario_new(arena, err) };
	struct train_result r = { 0 };

	a.job = a.sc ? job_new(arena, err) : NULL;
	if (!a.job || !read_words(&a, scenario, err) || !run_training(&a, &r, err))
		return false;
	*days = r.hours / 24;
	*memory_gb = r.memory.peak_bytes / 1e9;
	*usd = r.usd;
	return true;
}

bool technique_step(const char *scenario, struct catalog_cache *cache, struct step_result *out, struct arena *arena, struct err *err)
{
	struct asked a = { .arena = arena, .cache = cache, .shape = { .context = 1024, .prompt = 1024 }, .sc = scenario_new(arena, err) };

	a.job = a.sc ? job_new(arena, err) : NULL;
	return a.job && read_words(&a, scenario, err) && step_price_cached(a.sc, &a.shape, cache, out, arena, err);
}

bool technique_quantity(const char *quantity, const char *scenario, struct catalog_cache *cache, double *out, struct arena *arena, struct err *err)
{
	struct asked a = { .arena = arena, .cache = cache, .shape = { .context = 1024, .prompt = 1024 }, .sc = scenario_new(arena, err), .job = NULL };

	a.job = a.sc ? job_new(arena, err) : NULL;
	if (!a.job || !read_words(&a, scenario, err))
		return false;
	if (a.shape.decodes == 0 && a.shape.prefills == 0)
		a.shape.decodes = 1;
	if (text_starts(quantity, "run_"))
		return run_quantity(&a, quantity, out, err);
	if (text_starts(quantity, "train_"))
		return train_quantity(&a, quantity, out, err);
	if (text_equal(quantity, "tokens_factor") || text_equal(quantity, "search_share") || text_equal(quantity, "size_factor"))
		return convergence_quantity(&a, quantity, out, err);
	return step_quantity(&a, quantity, out, err);
}
