#include "sim/serve/router.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/core/winner.h"
#include "sim/serve/seq.h"

struct router {
	const struct router_ops *ops;
	int32_t next;
	struct winner load;              /* outstanding by replica, least on top; only for those that track */
};

static int32_t round_robin_pick(struct router *r, const struct router_view *view, const struct seq *s)
{
	int32_t at = r->next;

	(void)s;
	r->next = at + 1 == view->replicas ? 0 : at + 1;
	return at;
}
static const struct router_ops round_robin = { .name = "round-robin", .help = "each replica in turn", .pick = round_robin_pick };

static int32_t random_pick(struct router *r, const struct router_view *view, const struct seq *s)
{
	(void)r;
	(void)s;
	return (int32_t)rng_below(view->rng, (uint64_t)view->replicas);
}
static const struct router_ops random_router = { .name = "random", .help = "any replica, evenly", .pick = random_pick };

static int32_t power_of_two_pick(struct router *r, const struct router_view *view, const struct seq *s)
{
	int32_t a = random_pick(r, view, s), b = random_pick(r, view, s);

	return view->outstanding(view->ctx, b) < view->outstanding(view->ctx, a) ? b : a;
}
static const struct router_ops power_of_two = { .name = "power-of-two", .help = "the less loaded of two drawn at random",
						 .pick = power_of_two_pick };

static int32_t least_pick(struct router *r, const struct router_view *view, const struct seq *s)
{
	(void)view;
	(void)s;
	return winner_top(&r->load);
}
static const struct router_ops least_outstanding = { .name = "least-outstanding", .help = "fewest waiting and running requests",
						      .pick = least_pick, .tracks = true };

/* SGLang's gateway (sgl-model-gateway): balance when loads drift apart, else the longest cached prefix if it is long
 * enough, else the least loaded. Defaults of its launcher: threshold 0.5, absolute 32, relative 1.1. */
static int32_t cache_aware_pick(struct router *r, const struct router_view *view, const struct seq *s)
{
	int32_t least = winner_top(&r->load), best = least;
	int64_t best_cached = 0;
	double most_load = 0, least_load = winner_top_key(&r->load);

	for (int32_t i = 0; i < view->replicas; i++)
		most_load = fmax(most_load, winner_key(&r->load, i));
	if (most_load - least_load > 32 && most_load > 1.1 * least_load)
		return least;
	if (!s->keys)
		return least;
	for (int32_t i = 0; i < view->replicas; i++) {
		int64_t cached = view->cached(view->ctx, i, s);

		if (cached > best_cached) {
			best_cached = cached;
			best = i;
		}
	}
	return (double)best_cached > 0.5 * (double)s->prompt ? best : least;
}
static const struct router_ops cache_aware = { .name = "cache-aware", .help = "longest cached prefix, unless loads drift apart",
						.pick = cache_aware_pick, .tracks = true };

static int32_t session_pick(struct router *r, const struct router_view *view, const struct seq *s)
{
	if (s->session == 0)
		return winner_top(&r->load);
	return (int32_t)(hash_mix(s->session, 0x5e55) % (uint64_t)view->replicas);
}
static const struct router_ops session = { .name = "session", .help = "all turns of a session on one replica", .pick = session_pick,
					    .tracks = true };

const struct router_ops *const routers[] = { &round_robin, &random_router, &power_of_two, &least_outstanding, &cache_aware, &session, NULL };

const struct router_ops *router_require(const char *name, struct err *err)
{
	const char *names[COUNT_OF(routers)], *near;
	struct str all = { 0 };
	size_t n = 0;

	for (; routers[n]; n++) {
		if (text_equal(routers[n]->name, name))
			return routers[n];
		names[n] = routers[n]->name;
	}
	for (size_t i = 0; i < n; i++)
		str_addf(&all, " %s", names[i]);
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "router '%s': expected one of%s%s%s%s", name, str_text(&all), near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	str_release(&all);
	return NULL;
}

struct router *router_new(const struct router_ops *ops, int32_t replicas, struct err *err)
{
	struct router *r = mem_calloc(1, sizeof(*r));

	if (!r || (ops->tracks && !winner_init(&r->load, replicas))) {
		mem_free(r);
		err_memory(err);
		return NULL;
	}
	r->ops = ops;
	for (int32_t i = 0; ops->tracks && i < replicas; i++)
		winner_set(&r->load, i, 0);
	return r;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	winner_release(&r->load);
	mem_free(r);
}

int32_t router_pick(struct router *r, const struct router_view *view, const struct seq *s)
{
	return view->replicas == 1 ? 0 : r->ops->pick(r, view, s);
}

void router_changed(struct router *r, int32_t replica, int64_t outstanding)
{
	if (r->ops->tracks)
		winner_set(&r->load, replica, (double)outstanding);
}
