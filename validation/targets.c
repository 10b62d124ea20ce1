#include "validation/targets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "models/technique.h"
#include "sim/catalog_cache.h"
#include "validation/technique_rows.h"

/* The reference job. Stated by the targets: Llama-2-7B, 5.2 T tokens on 2,048 H100 at $2.03 a device-hour, 4,096 tokens of
 * context served on one H100, the longest context on a node of eight. Unstated, chosen here so that physics gives the v2100
 * column: sequences of 4,096, one sequence a device and step, weights, gradients and state
 * sharded over all, activations recomputed; serving at the largest batch that fits; the cache in 16 bits, 85 % of memory for one
 * long sequence. Another device has its own price, from the catalog. */
#define TRAIN "model=llama-2-7b system=dgx-h100 devices=2048 global=2048 micro=1 sequence=4096 zero=3 recompute=full tokens=5.2e12 usd=2.03"
#define SERVE "model=llama-2-7b device=h100 context=4096"
#define LONG  "model=llama-2-7b system=dgx-h100 tp=8 scheduler.max_num_seqs=1 scheduler.max_num_batched_tokens=2048 scheduler.max_model_len=1000000000 scheduler.memory_utilization=0.85"

const char targets_settled[] =
	"sequences of 4,096, one a device and step, sharded over all devices, activations recomputed; serving at the largest batch that fits;\n"
	"for the longest context a cache of 16 bits in 85 % of memory";

enum { TIME, SERVING, MEMORY, COST, CONTEXT };
static const struct target reference[TARGETS] = {
	{ "training time", "days", TRAIN, "train_days", true, 3, 1, 0, 0, 0, 0, NULL },
	{ "inference", "tok/s", SERVE, "best_tokens_s", false, 1000, 3000, 0, 0, 0, 0, NULL },
	{ "training memory", "GB/GPU", TRAIN, "train_memory_gb", true, 6, 2, 0, 0, 0, 0, NULL },
	{ "training cost", "USD", TRAIN, "train_usd", true, 300e3, 100e3, 0, 0, 0, 0, NULL },
	{ "context", "tokens", LONG, "longest_context", false, 1e6, 10e6, 0, 0, 0, 0, NULL },
};

static double gain_of(const struct target *t, double before, double after)
{
	if (!isfinite(after) || !isfinite(before) || before <= 0 || after <= 0)
		return 0;
	return t->less ? before / after : after / before;
}

static bool evaluate(const struct target *t, const char *with, double *value, struct scoreboard *s)
{
	struct arena *arena = arena_new();
	char scenario[8192];
	struct err err = { 0 };
	bool ok;

	snprintf(scenario, sizeof(scenario), "%s%s", t->scenario, with);
	ok = arena && technique_quantity(t->quantity, scenario, s->cache, value, arena, &err) && isfinite(*value);
	if (!ok)
		*value = NAN;
	s->evaluations++;
	arena_free(arena);
	return ok;
}

/* Which figures a module of this area can change: caches, drafts and schedulers do not train; data and optimizers do not
 * serve. */
static bool changes_training(int area)
{
	return area != AREA_KV && area != AREA_SPEC && area != AREA_SERVING;
}

static bool changes_serving(int area)
{
	return area != AREA_DATA && area != AREA_OPTIM;
}

static bool evaluate_training(const char *with, double out[TARGETS], struct scoreboard *s)
{
	struct arena *arena = arena_new();
	char scenario[8192];
	struct err err = { 0 };
	bool ok;

	snprintf(scenario, sizeof(scenario), "%s%s", s->targets[TIME].scenario, with);
	ok = arena && technique_training_figures(scenario, &out[TIME], &out[MEMORY], &out[COST], arena, &err) && isfinite(out[TIME]) &&
	     isfinite(out[MEMORY]) && isfinite(out[COST]);
	arena_free(arena);
	s->evaluations++;
	return ok;
}

/* All five after a module of `area` joined, from `before`; false when one of them cannot be had (does not fit, refused, no
 * price known). Time, memory and cost of training come from one simulation. */
static bool evaluate_all(const char *with, int area, const double before[TARGETS], double out[TARGETS], struct scoreboard *s)
{
	memcpy(out, before, TARGETS * sizeof(*out));
	if (changes_training(area) && !evaluate_training(with, out, s))
		return false;
	return !changes_serving(area) || (evaluate(&s->targets[SERVING], with, &out[SERVING], s) && evaluate(&s->targets[CONTEXT], with, &out[CONTEXT], s));
}

/* How far all targets are met, each at most in full: the sum of logarithms of what is left. */
static double score(const struct scoreboard *s, const double values[TARGETS])
{
	double sum = 0;

	for (int i = 0; i < TARGETS; i++) {
		double share = gain_of(&s->targets[i], s->targets[i].v2200, values[i]);

		/* Beyond the target a gain still counts a little, so that ties are broken. */
		sum += share < 1 ? log(share) : 0.05 * log(share);
	}
	return sum;
}

static bool compatible(const char *const *ids, size_t count, struct arena *arena)
{
	struct technique_set set = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; i < count; i++)
		if (!technique_set_add(&set, ids[i], NULL, arena, &err))
			return false;
	return technique_set_finish(&set, &err);
}

struct candidate {
	const char *id;
	int area;
	double score;
};

static void sort(struct candidate *at, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && at[k - 1].score < at[k].score; k--) {
			struct candidate c = at[k];

			at[k] = at[k - 1];
			at[k - 1] = c;
		}
}

/* One pass over the modules, best alone first: each stays when it can go with those before it and brings something. */
static bool search(struct scoreboard *s, const double base[TARGETS], struct arena *arena, struct err *err)
{
	size_t count, n = 0;
	const char *const *names = technique_names(&count, arena, err), *ids[STACK_MOST];
	const struct technique *t;
	struct candidate *c = names ? arena_alloc(arena, (count + 1) * sizeof(*c)) : NULL;
	double now[TARGETS], values[TARGETS], here = score(s, base);
	char with[4096] = "", more[4096];

	if (!c)
		return names ? err_memory(err) : false;
	for (size_t i = 0; i < count; i++) {
		snprintf(more, sizeof(more), " with=%s", names[i]);
		/* The job trains a model from the start: adapters beside frozen weights are another job. */
		t = technique_load(names[i], arena, err);
		if (!t)
			return false;
		if (t->area == AREA_LORA || !evaluate_all(more, t->area, base, values, s))
			continue;
		c[n++] = (struct candidate){ names[i], t->area, score(s, values) };
	}
	s->candidates = count;
	sort(c, n);
	memcpy(now, base, sizeof(now));
	for (size_t i = 0; i < n && s->stack_count < STACK_MOST; i++) {
		struct stack_module *m = &s->stack[s->stack_count];

		ids[s->stack_count] = c[i].id;
		if (c[i].score <= score(s, base) + 0.005 || !compatible(ids, s->stack_count + 1, arena))
			continue;
		if ((size_t)snprintf(more, sizeof(more), "%s with=%s", with, c[i].id) >= sizeof(more))
			break;
		if (!evaluate_all(more, c[i].area, now, values, s) || score(s, values) < here + 0.005)
			continue;
		*m = (struct stack_module){ .id = c[i].id };
		for (int k = 0; k < TARGETS; k++)
			m->gain[k] = gain_of(&s->targets[k], now[k], values[k]);
		memcpy(now, values, sizeof(now));
		here = score(s, values);
		memcpy(with, more, sizeof(with));
		s->stack_count++;
	}
	for (int k = 0; k < TARGETS; k++)
		s->targets[k].best = now[k];
	return true;
}

static bool given_stack(struct scoreboard *s, const char *list, const double base[TARGETS], struct arena *arena, struct err *err)
{
	double now[TARGETS], values[TARGETS];
	char with[2048] = "", *copy = arena_strdup(arena, list), *save = NULL;

	if (!copy)
		return err_memory(err);
	memcpy(now, base, sizeof(now));
	for (char *word = strtok_r(copy, " ", &save); word && s->stack_count < STACK_MOST; word = strtok_r(NULL, " ", &save)) {
		size_t used = strlen(with);

		snprintf(with + used, sizeof(with) - used, " with=%s", word);
		for (int k = 0; k < TARGETS; k++) {
			struct arena *own = arena_new();
			char scenario[8192];
			bool ok;

			snprintf(scenario, sizeof(scenario), "%s%s", s->targets[k].scenario, with);
			ok = own && technique_quantity(s->targets[k].quantity, scenario, s->cache, &values[k], own, err);
			arena_free(own);
			if (!ok)
				return false;
		}
		s->stack[s->stack_count].id = arena_strdup(arena, word);
		for (int k = 0; k < TARGETS; k++)
			s->stack[s->stack_count].gain[k] = gain_of(&s->targets[k], now[k], values[k]);
		memcpy(now, values, sizeof(now));
		s->stack_count++;
	}
	for (int k = 0; k < TARGETS; k++)
		s->targets[k].best = now[k];
	return true;
}

static const char *quality_of(const char *id, struct arena *arena)
{
	struct err ignored = { 0 };
	const struct technique *t = technique_load(id, arena, &ignored);

	return t && t->cost_count > 0 ? t->costs[0].text : NULL;
}

/* Beyond the tree: settings of the job that make the figure smaller or larger step by step. */
static const struct way { int target; const char *settings, *words; } ways[] = {
	{ TIME, "devices=4096 global=4096", "twice the devices" },
	{ TIME, "devices=8192 global=8192", "four times the devices" },
	{ TIME, "devices=16384 global=16384", "eight times the devices" },
	{ SERVING, "system=dgx-h100 tp=2", "two devices" },
	{ SERVING, "system=dgx-h100 tp=4", "four devices" },
	{ SERVING, "system=dgx-h100 tp=8", "eight devices" },
	{ MEMORY, "tp=2", "each layer over 2 devices" },
	{ MEMORY, "tp=4", "each layer over 4 devices" },
	{ MEMORY, "tp=8", "each layer over 8 devices" },
	{ MEMORY, "tp=8 cp=2", "each layer over 8 devices, each sequence over 2 of them" },
	{ MEMORY, "tp=8 cp=4", "each layer over 8 devices, each sequence over 4 of them" },
	{ MEMORY, "tp=8 cp=8", "each layer over 8 devices, each sequence over 8 of them" },
};

/* The first way that meets target k on top of the stack; else how near the last one comes. */
static const char *needs(struct scoreboard *s, int k, const char *with, struct arena *arena)
{
	const struct target *t = &s->targets[k];
	const char *words = NULL;
	double value = NAN;

	if (k == COST)
		return arena_printf(arena, "a price of $%.2f a device-hour", 2.03 * t->v2200 / t->best);
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		char more[4096];
		double v;

		if (ways[i].target != k)
			continue;
		snprintf(more, sizeof(more), " %s%s", ways[i].settings, with);
		if (!evaluate(t, more, &v, s))
			continue;
		words = ways[i].words;
		value = v;
		if (t->less ? v <= t->v2200 : v >= t->v2200)
			return arena_printf(arena, "%s: %.3g %s", words, v, t->unit);
	}
	return words ? arena_printf(arena, "more than %s, which still gives %.3g %s", words, value, t->unit) : "nothing tried here meets it";
}

/* How far the figures can be trusted, and what a missed target would take. */
static void judge(struct scoreboard *s, struct arena *arena)
{
	char with[2048] = "";

	for (size_t i = 0; i < s->stack_count; i++) {
		size_t used = strlen(with);

		snprintf(with + used, sizeof(with) - used, " with=%s", s->stack[i].id);
	}
	for (int k = 0; k < TARGETS; k++)
		if (!target_met(&s->targets[k]))
			s->targets[k].needs = needs(s, k, with, arena);
	for (int k = 0; k < TARGETS; k++) {
		struct target t = s->targets[k];

		t.quantity = strncmp(t.quantity, "train", 5) == 0 ? "train_error" : "step_error";
		evaluate(&t, "", &s->targets[k].base_error, s);
		evaluate(&t, with, &s->targets[k].best_error, s);
	}
}

static bool fill(const char *with, struct scoreboard *s, struct arena *arena, struct err *err)
{
	double began = now_s(), base[TARGETS], error;

	*s = (struct scoreboard){ .total = NAN };
	memcpy(s->targets, reference, sizeof(reference));
	s->cache = catalog_cache_new(err);
	if (!s->cache)
		return false;
	for (int k = 0; k < TARGETS; k++) {
		struct arena *own = arena_new();
		bool ok = own && technique_quantity(reference[k].quantity, reference[k].scenario, s->cache, &base[k], own, err);

		arena_free(own);
		if (!ok)
			return false;
		s->targets[k].base = base[k];
	}
	if (!(with ? given_stack(s, with, base, arena, err) : search(s, base, arena, err)))
		return false;
	for (size_t i = 0; i < s->stack_count; i++)
		s->stack[i].quality = quality_of(s->stack[i].id, arena);
	judge(s, arena);
	s->total = gain_of(&s->targets[0], s->targets[0].base, s->targets[0].best) * gain_of(&s->targets[1], s->targets[1].base, s->targets[1].best);
	error = sqrt(pow(s->targets[0].base_error, 2) + pow(s->targets[0].best_error, 2) + pow(s->targets[1].base_error, 2) +
		     pow(s->targets[1].best_error, 2));
	s->total_low = s->total / (1 + error);
	s->total_high = s->total * (1 + error);
	s->wall_s = now_s() - began;
	return true;
}

bool scoreboard_run(const char *with, struct scoreboard *s, struct arena *arena, struct err *err)
{
	bool ok = fill(with, s, arena, err);

	catalog_cache_free(s->cache);
	s->cache = NULL;
	return ok;
}

bool target_met(const struct target *t)
{
	return t->less ? t->best <= t->v2200 : t->best >= t->v2200;
}
