#include "sim/compile_techniques.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

/* A text that the user left at its default may be changed by a technique; what he chose himself stays. */
static void take_text(const char **at, const char *standard, const char *wanted)
{
	if (wanted && text_equal(*at, standard))
		*at = wanted;
}

static void take_number(double *at, double wanted)
{
	if (wanted > 0 && !(*at > 0))
		*at = wanted;
}

static void take_policy(struct scenario *sc, const struct scenario *standard, const struct policy_change *p)
{
	struct scenario_deployment *d = &sc->deployment;

	take_text(&sc->scheduler.name, standard->scheduler.name, p->scheduler);
	take_text(&d->router, standard->deployment.router, p->router);
	take_number(&sc->offload.host_bytes, p->host_cache_bytes);
	take_number(&sc->offload.host_bytes_s, p->host_cache_bytes_s);
	take_number(&sc->offload.disk_bytes, p->disk_cache_bytes);
	if (p->disk_cache_bytes_s > 0 && sc->offload.disk_bytes_s == standard->offload.disk_bytes_s)
		sc->offload.disk_bytes_s = p->disk_cache_bytes_s;
	if (p->prefix_caching && sc->scheduler.prefix_caching == 0)
		sc->scheduler.prefix_caching = p->prefix_caching;
	if (p->block_tokens > 0 && sc->scheduler.block_size == 0)
		sc->scheduler.block_size = p->block_tokens;
	if (p->memory_utilization > 0 && isnan(sc->scheduler.memory_utilization))
		sc->scheduler.memory_utilization = p->memory_utilization;
	/* A share of the replicas becomes the prefill pool; both pools keep at least one. */
	if (p->prefill_share > 0 && d->prefill_replicas == 0 && d->replicas >= 2) {
		int64_t prefill = (int64_t)llround(p->prefill_share * (double)d->replicas);

		prefill = prefill < 1 ? 1 : prefill >= d->replicas ? d->replicas - 1 : prefill;
		d->prefill_replicas = prefill;
		d->replicas -= prefill;
	}
}

bool compile_techniques(const struct scenario *sc, struct compiled *c, struct arena *arena, struct err *err)
{
	struct policy_change policy = { 0 };
	struct scenario *changed;
	const struct scenario *standard;

	c->scenario = sc;
	for (size_t i = 0; i < sc->technique_count; i++)
		if (!technique_set_add(&c->techniques, sc->techniques[i].id, sc->techniques[i].params, arena, err))
			return false;
	if (!technique_set_finish(&c->techniques, err))
		return false;
	if (c->techniques.count == 0)
		return true;
	if (!technique_schedule(&c->techniques, &policy, err))
		return false;
	changed = arena_alloc(arena, sizeof(*changed));
	standard = scenario_new(arena, err);
	if (!changed)
		return err_memory(err);
	if (!standard)
		return false;
	*changed = *sc;
	take_policy(changed, standard, &policy);
	c->scenario = changed;
	return true;
}
