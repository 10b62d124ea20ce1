#include "sim/plan/whatif.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sim/plan/tornado.h"
#include "sim/plan/trust.h"
#include "sim/plan/workers.h"

const char *const whatif_mode_names[] = { "grid", "list", "paired", NULL };

/* One simulation to do: the plan of a phase is a list of these. */
struct todo {
	const struct scenario *scenario;
	struct outcome *out;
};

struct study {
	struct whatif *w;
	const struct scenario *base;
	struct catalog_cache *cache;
	struct arena *arena;
	struct todo *todo;
	size_t count, capacity, done;
	pthread_mutex_t lock;
	void (*progress)(void *ctx, size_t done, size_t of);
	void *ctx;
	struct trial *trials;                  /* one a variant */
};

static bool add(struct study *s, const struct scenario *sc, struct outcome *out, struct err *err)
{
	if (!sc)
		return false;          /* err says why */
	if (s->count == s->capacity) {
		size_t n = s->capacity ? 2 * s->capacity : 64;
		struct todo *grown = arena_alloc(s->arena, n * sizeof(*grown));

		if (!grown)
			return err_memory(err);
		if (s->count)
			memcpy(grown, s->todo, s->count * sizeof(*grown));
		s->todo = grown;
		s->capacity = n;
	}
	s->todo[s->count++] = (struct todo){ sc, out };
	return true;
}

static bool job(void *ctx, size_t i, struct err *err)
{
	struct study *s = ctx;
	const struct whatif_options *o = &s->w->options;
	const struct serve_sink sink = { .ctx = o->stop_ctx, .stop = o->stop };

	if (!outcome_simulate(s->todo[i].scenario, s->cache, o->stop ? &sink : NULL, s->todo[i].out, err))
		return false;
	if (o->stop && o->stop(o->stop_ctx))
		return err_set(err, ERR_CHECK, "stopped before the %zu simulations of this part were done", s->count);
	pthread_mutex_lock(&s->lock);
	s->done++;
	if (s->progress)
		s->progress(s->ctx, s->done, s->count);
	pthread_mutex_unlock(&s->lock);
	return true;
}

/* Does what is on the list, and empties it. */
static bool work_off(struct study *s, struct err *err)
{
	bool ok;

	s->done = 0;
	ok = workers_each(s->count, s->w->options.threads, job, s, err);
	s->w->simulations += s->count;
	s->count = 0;
	return ok;
}

static const char *label_of(const struct space *space, const int *choice, struct arena *arena)
{
	struct str text = { 0 };
	const char *kept;

	for (size_t i = 0; i < space->count; i++)
		if (choice[i] != AXIS_KEEP)
			str_addf(&text, "%s%s=%s", text.length ? " " : "", space->axes[i].name, space->axes[i].values[choice[i]]);
	kept = arena_strdup(arena, text.length ? str_text(&text) : "base");
	str_release(&text);
	return kept ? kept : "";
}

static size_t variants_of(const struct space *space, enum whatif_mode mode, struct err *err)
{
	int64_t n = 0;

	switch (mode) {
	case WHATIF_GRID:
		n = space_size(space);
		break;
	case WHATIF_LIST:
		for (size_t i = 0; i < space->count; i++)
			n += (int64_t)space->axes[i].count;
		break;
	case WHATIF_PAIRED:
		n = (int64_t)space->axes[0].count;
		for (size_t i = 1; i < space->count; i++)
			if ((int64_t)space->axes[i].count != n) {
				err_set(err, ERR_INPUT, "--paired: %s has %zu values and %s has %zu: expected the same number", space->axes[0].name,
					space->axes[0].count, space->axes[i].name, space->axes[i].count);
				return 0;
			}
		break;
	}
	if (n > VARIANTS_MOST) {
		err_set(err, ERR_INPUT, "%lld variants: expected at most %d; 'vibee-sim search' is made for more", (long long)n, VARIANTS_MOST);
		return 0;
	}
	return (size_t)n;
}

static void choose(const struct space *space, enum whatif_mode mode, size_t n, int choice[AXES_MOST])
{
	size_t grid[AXES_MOST];

	for (size_t i = 0; i < AXES_MOST; i++)
		choice[i] = AXIS_KEEP;
	if (mode == WHATIF_GRID) {
		space_at(space, (int64_t)n, grid);
		for (size_t i = 0; i < space->count; i++)
			choice[i] = (int)grid[i];
		return;
	}
	for (size_t i = 0; i < space->count; i++) {
		if (mode == WHATIF_PAIRED) {
			choice[i] = (int)n;
		} else if (n < space->axes[i].count) {
			choice[i] = (int)n;
			return;
		} else {
			n -= space->axes[i].count;
		}
	}
}

static bool run_variants(struct study *s, struct err *err)
{
	struct whatif *w = s->w;
	size_t n = variants_of(&w->space, w->options.mode, err);

	if (n == 0)
		return false;
	w->variants = arena_alloc(s->arena, (n + 1) * sizeof(*w->variants));
	s->trials = arena_alloc(s->arena, (n + 1) * sizeof(*s->trials));
	if (!w->variants || !s->trials)
		return err_memory(err);
	for (size_t i = 0; i <= n; i++) {
		struct variant *v = &w->variants[i];

		if (i > 0) {
			choose(&w->space, w->options.mode, i - 1, v->choice);
		} else {
			for (size_t k = 0; k < AXES_MOST; k++)
				v->choice[k] = AXIS_KEEP;
		}
		v->label = label_of(&w->space, v->choice, s->arena);
		v->scenario = i ? space_scenario(&w->space, s->base, v->choice, s->arena, err) : s->base;
		if (!add(s, v->scenario, &v->outcome, err))
			return false;
	}
	w->variant_count = n + 1;
	if (!work_off(s, err))
		return false;
	if (w->variants[0].outcome.status != OUTCOME_DONE)
		return err_set(err, ERR_INPUT, "the base cannot run: %s", w->variants[0].outcome.why);
	return true;
}

static bool run_trials(struct study *s, struct err *err)
{
	struct whatif *w = s->w;

	for (size_t i = 0; i < w->variant_count; i++)
		for (int k = 0; k < OP_KIND_COUNT; k++) {
			const struct variant *v = &w->variants[i];

			if (!trust_matters(&v->outcome, k))
				continue;
			s->trials[i].run[k] = true;
			if (!add(s, trust_scaled(v->scenario, k, 1 + trust_sigma(&v->outcome, k), s->arena, err), &s->trials[i].slower[k], err))
				return false;
		}
	return work_off(s, err);
}

static struct trusted trusted_variant(const struct study *s, size_t i)
{
	return (struct trusted){ s->w->variants[i].scenario, &s->w->variants[i].outcome, s->w->options.confidence ? &s->trials[i] : NULL };
}

static void judge(struct study *s)
{
	struct trusted base = trusted_variant(s, 0);

	for (size_t i = 0; i < s->w->variant_count; i++) {
		struct trusted v = trusted_variant(s, i);

		for (int f = 0; f < FIGURES; f++)
			trust_difference(&v, &base, f, &s->w->variants[i].against_base[f]);
	}
}

/* Variants in order of the figure, best first; ties in order of appearance. */
static bool rank(struct study *s, struct err *err)
{
	struct whatif *w = s->w;
	int f = w->options.figure, sign = figures[f].better < 0 ? 1 : -1;
	size_t *order = arena_alloc(s->arena, w->variant_count * sizeof(*order)), n = 0;

	w->ranking = arena_alloc(s->arena, w->variant_count * sizeof(*w->ranking));
	if (!order || !w->ranking)
		return err_memory(err);
	for (size_t i = 0; i < w->variant_count; i++) {
		double v = w->variants[i].outcome.value[f];
		size_t at = n;

		if (w->variants[i].outcome.status != OUTCOME_DONE || isnan(v))
			continue;
		while (at > 0 && sign * v < sign * w->variants[order[at - 1]].outcome.value[f])
			at--;
		memmove(&order[at + 1], &order[at], (n++ - at) * sizeof(*order));
		order[at] = i;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		struct trusted a = trusted_variant(s, order[i]), b = trusted_variant(s, order[i + 1]);
		struct ranked *r = &w->ranking[w->ranked_count++];

		*r = (struct ranked){ .better = order[i], .worse = order[i + 1] };
		trust_difference(&a, &b, f, &r->certainty);
	}
	return true;
}

static double factorial(size_t n)
{
	double f = 1;

	while (n > 1)
		f *= (double)n--;
	return f;
}

/* The value of a figure with the changes whose bits are set. */
static double with_changes(const struct outcome *subsets, size_t bits, int figure)
{
	return subsets[bits].value[figure];
}

static void share_out(struct whatif *w, const struct outcome *subsets, int f)
{
	size_t n = w->change_count, all = ((size_t)1 << n) - 1;

	for (size_t i = 0; i < n; i++) {
		size_t bit = (size_t)1 << i;
		struct change *c = &w->changes[i];

		c->alone[f] = with_changes(subsets, bit, f) - with_changes(subsets, 0, f);
		c->removed[f] = with_changes(subsets, all, f) - with_changes(subsets, all & ~bit, f);
		c->shapley[f] = 0;
		for (size_t bits = 0; bits <= all; bits++) {
			size_t k = (size_t)__builtin_popcountll(bits);

			if (!(bits & bit))
				c->shapley[f] += factorial(k) * factorial(n - k - 1) / factorial(n) *
						 (with_changes(subsets, bits | bit, f) - with_changes(subsets, bits, f));
		}
	}
}

/* Every subset of the changes is simulated: 2^n runs, n at most 8. */
static bool run_waterfall(struct study *s, struct err *err)
{
	struct whatif *w = s->w;
	size_t n = w->space.count, subsets = (size_t)1 << n;
	struct outcome *outcomes = arena_alloc(s->arena, subsets * sizeof(*outcomes));

	w->changes = arena_alloc(s->arena, n * sizeof(*w->changes));
	if (!outcomes || !w->changes)
		return err_memory(err);
	w->change_count = n;
	for (size_t i = 0; i < n; i++) {
		const struct axis *a = &w->space.axes[i];

		w->changes[i].label = arena_printf(s->arena, "%s=%s", a->name, a->values[a->count - 1]);
	}
	outcomes[0] = w->variants[0].outcome;
	for (size_t bits = 1; bits < subsets; bits++) {
		int choice[AXES_MOST];

		for (size_t i = 0; i < n; i++)
			choice[i] = bits >> i & 1 ? (int)w->space.axes[i].count - 1 : AXIS_KEEP;
		if (!add(s, space_scenario(&w->space, s->base, choice, s->arena, err), &outcomes[bits], err))
			return false;
	}
	if (!work_off(s, err))
		return false;
	for (int f = 0; f < FIGURES; f++)
		share_out(w, outcomes, f);
	w->all_changes = outcomes[subsets - 1];
	return true;
}

static bool run_tornado(struct study *s, struct err *err)
{
	struct whatif *w = s->w;
	struct tornado t = { 0 };

	w->bars = arena_alloc(s->arena, BARS_MOST * sizeof(*w->bars));
	if (!w->bars)
		return err_memory(err);
	if (!tornado_plan(&t, s->base, &w->variants[0].outcome, s->cache, s->arena, err))
		return false;
	for (size_t i = 0; i < t.count; i++) {
		w->bars[i].label = t.at[i].label;
		w->bars[i].own_error = t.at[i].own_error;
		if (!add(s, t.at[i].low, &w->bars[i].low, err) || !add(s, t.at[i].high, &w->bars[i].high, err))
			return false;
	}
	w->bar_count = t.count;
	if (!work_off(s, err))
		return false;
	tornado_sort(w->bars, w->bar_count, w->options.figure, &w->variants[0].outcome);
	return true;
}

bool whatif_run(const struct scenario *base, const struct space *space, const struct whatif_options *options,
		void (*progress)(void *ctx, size_t done, size_t of), void *ctx, struct whatif *out, struct arena *arena, struct err *err)
{
	struct study s = { .w = out, .base = base, .arena = arena, .progress = progress, .ctx = ctx };
	bool ok;

	*out = (struct whatif){ .space = *space, .options = *options };
	if (options->waterfall && (space->count < 2 || space->count > CHANGES_MOST))
		return err_set(err, ERR_INPUT, "--waterfall: %zu changes: expected 2 to %d, each a --vary", space->count, CHANGES_MOST);
	s.cache = catalog_cache_new(err);
	if (!s.cache)
		return false;
	pthread_mutex_init(&s.lock, NULL);
	ok = run_variants(&s, err) && (!options->confidence || run_trials(&s, err));
	if (ok) {
		judge(&s);
		ok = rank(&s, err) && (!options->waterfall || run_waterfall(&s, err)) && (!options->sensitivity || run_tornado(&s, err));
	}
	pthread_mutex_destroy(&s.lock);
	catalog_cache_free(s.cache);
	return ok;
}
