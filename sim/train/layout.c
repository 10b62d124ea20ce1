#include "sim/train/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/str.h"
#include "sim/train/finish.h"
#include "sim/train/layout_price.h"

const char *const layout_objective_names[] = { "step", "cost", "memory", NULL };
/* Bounds add the same terms in another order. */
static const double ROUNDING = 1e-9;

/* Lower is better, the first figure first. */
struct score {
	double first, then;
};

struct group {
	struct cut cut;
	double least_s;
	int64_t ordinal;               /* of its first way, in the order of the space */
};

struct candidate {
	struct way way;
	struct score bound;
	int64_t ordinal;
};

struct hunt {
	const struct job *asked;
	const struct train_parts *parts;
	struct layout_search *search;
	struct layout_prices *prices;
	struct group *groups;
	size_t group_count, group_room;
	struct score best;
	int64_t best_ordinal;
	double least_over;             /* bytes that the nearest one lacks */
	struct err *err;
};

static struct score score_of(const struct hunt *h, double step_s, double peak_bytes)
{
	return h->search->objective == LAYOUT_MEMORY ? (struct score){ peak_bytes, step_s } : (struct score){ step_s, 0 };
}

/* As score_of, from bounds. */
static struct score bound_of(const struct hunt *h, double step_s, double peak_bytes)
{
	return score_of(h, step_s * (1 - ROUNDING), peak_bytes);
}

static int compare(const struct score *a, const struct score *b)
{
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->then < b->then ? -1 : a->then > b->then;
}

static int by_bound(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int c = compare(&x->bound, &y->bound);

	return c ? c : (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static int by_least(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->least_s != y->least_s)
		return x->least_s < y->least_s ? -1 : 1;
	return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static bool add_group(void *ctx, const struct cut *c)
{
	struct hunt *h = ctx;
	struct way ways[WAYS_MOST];
	int64_t count = (int64_t)ways_of(h->asked, h->parts, h->search->space, c, ways), ordinal = h->search->candidates;
	bool refused;

	h->search->candidates += count;
	if (!layout_prices_cut(h->prices, c, &refused, h->err))
		return false;
	if (refused) {
		h->search->impossible += count;
		return true;
	}
	if (h->group_count == h->group_room) {
		size_t wanted = h->group_room ? 2 * h->group_room : 1024;
		struct group *grown = mem_realloc(h->groups, wanted, sizeof(*grown));

		if (!grown)
			return err_memory(h->err);
		h->groups = grown, h->group_room = wanted;
	}
	h->groups[h->group_count++] = (struct group){ *c, layout_prices_least_s(h->prices), ordinal };
	return true;
}

static void too_large(struct hunt *h, double over)
{
	h->search->over_memory++;
	if (over > 0 && (h->least_over == 0 || over < h->least_over))
		h->least_over = over;
}

static bool simulate(struct hunt *h, const struct group *g, const struct candidate *c)
{
	struct arena *arena = arena_new();
	struct job job = *h->asked;
	struct train_result r;
	struct score score;
	struct err own = { 0 };
	int order;

	if (!arena)
		return err_memory(h->err);
	cut_apply(&g->cut, &job), way_apply(&c->way, &job);
	if (!train_layout_run(&job, h->parts, NULL, &r, arena, &own)) {
		arena_free(arena);
		if (own.kind != ERR_INPUT)
			return err_set(h->err, own.kind, "%s", own.text);
		too_large(h, r.memory.peak_bytes - r.memory.capacity_bytes);
		return true;
	}
	arena_free(arena);
	h->search->simulated++;
	score = score_of(h, r.step_s, r.memory.peak_bytes), order = compare(&score, &h->best);
	if (order < 0 || (order == 0 && c->ordinal < h->best_ordinal)) {
		h->best = score, h->best_ordinal = c->ordinal;
		h->search->best = job, h->search->best_step_s = r.step_s, h->search->best_peak_bytes = r.memory.peak_bytes;
	}
	return true;
}

/* Bounds of a group's ways; those that may be the best, in the order of their bounds. */
static bool list(struct hunt *h, const struct group *g, struct candidate *out, size_t *listed)
{
	struct way ways[WAYS_MOST];
	size_t count = ways_of(h->asked, h->parts, h->search->space, &g->cut, ways);
	double capacity = device_memory_bytes(h->parts->device), host = train_host_capacity(layout_prices_setup(h->prices));

	*listed = 0;
	for (size_t i = 0; i < count; i++) {
		struct candidate c = { .way = ways[i], .ordinal = g->ordinal + (int64_t)i };
		struct layout_bound b;

		if (!layout_prices_way(h->prices, &ways[i], &b, h->err))
			return false;
		c.bound = bound_of(h, b.step_s, b.peak_bytes);
		if (!b.possible)
			h->search->impossible++;
		else if (h->search->exhaustive)
			out[(*listed)++] = c;
		else if (b.peak_bytes > capacity || b.host_bytes > host)
			too_large(h, b.peak_bytes - capacity);
		else if (compare(&c.bound, &h->best) > 0)
			h->search->beyond++;
		else
			out[(*listed)++] = c;
	}
	qsort(out, *listed, sizeof(*out), by_bound);
	return true;
}

static bool over_group(struct hunt *h, const struct group *g)
{
	struct candidate candidates[WAYS_MOST];
	size_t count;
	bool refused;

	if (!layout_prices_cut(h->prices, &g->cut, &refused, h->err) || !list(h, g, candidates, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!h->search->exhaustive && compare(&candidates[i].bound, &h->best) > 0)
			h->search->beyond++;
		else if (!simulate(h, g, &candidates[i]))
			return false;
	}
	return true;
}

static bool over_groups(struct hunt *h)
{
	struct way ways[WAYS_MOST];

	qsort(h->groups, h->group_count, sizeof(*h->groups), by_least);
	for (size_t i = 0; i < h->group_count; i++) {
		const struct group *g = &h->groups[i];
		struct score least = bound_of(h, g->least_s, 0);

		if (!h->search->exhaustive && compare(&least, &h->best) > 0)
			h->search->beyond += (int64_t)ways_of(h->asked, h->parts, h->search->space, &g->cut, ways);
		else if (!over_group(h, g))
			return false;
	}
	return true;
}

static bool found(const struct hunt *h, struct err *err)
{
	const struct job *job = h->asked;

	if (isfinite(h->best.first))
		return true;
	if (h->search->candidates == h->search->impossible)
		return err_set(err, ERR_INPUT, "no layout divides %lld devices and %lld sequences a step", (long long)job->hardware.devices,
			       (long long)job->batch.global);
	return err_set(err, ERR_INPUT, "%s does not fit on %lld x %s in any of %lld layouts; the nearest lacks %.0f bytes a device", h->parts->model->name,
		       (long long)job->hardware.devices, h->parts->device->name, (long long)h->search->candidates, h->least_over);
}

bool layout_best(const struct job *job, const struct train_parts *parts, struct layout_search *search, struct err *err)
{
	struct hunt h = { .asked = job, .parts = parts, .search = search, .best = { INFINITY, INFINITY }, .err = err };
	double began = now_s();
	bool ok;

	if (job->hardware.devices < 1)
		return err_set(err, ERR_INPUT, "hardware.devices=0: a search for the best layout needs the number of devices");
	search->candidates = search->impossible = search->over_memory = search->beyond = search->simulated = 0;
	h.prices = layout_prices_new(job, parts, err);
	ok = h.prices && cuts_each(job, parts, search->space, search->tp_most, add_group, &h) && over_groups(&h) && found(&h, err);
	layout_prices_free(h.prices);
	mem_free(h.groups);
	search->wall_s = now_s() - began;
	return ok;
}
