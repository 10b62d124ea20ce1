#include "sim/interval.h"

#include <math.h>

#include "base/str.h"
#include "sim/serve.h"

static const double E80_OF_E50 = 1.9, MOST = 0.9;      /* an operator cannot be faster than not at all */

/* Seconds and expected error seconds of all operators of the kind of row `first`, if that is the first of them. */
static double error_of_kind(const struct result *r, size_t first, double *seconds)
{
	const char *kind = r->operators[first].kind;
	double error = 0;

	for (size_t i = 0; i < r->operator_count; i++) {
		const struct operator_row *o = &r->operators[i];

		if (!text_equal(o->kind, kind))
			continue;
		if (i < first)
			return 0;
		*seconds += o->seconds;
		error += o->seconds * o->rel_error;
	}
	return error;
}

double interval_rel_error(const struct result *r)
{
	double squares = 0, seconds = 0;

	for (size_t i = 0; i < r->operator_count; i++)
		if (!text_equal(r->operators[i].kind, "host"))
			squares += pow(error_of_kind(r, i, &seconds), 2);
	return seconds > 0 ? fmin(E80_OF_E50 * sqrt(squares) / seconds, MOST) : 0;
}

static const struct result *scaled(const struct scenario *sc, double scale, struct catalog_cache *cache, struct arena *arena, struct err *err)
{
	struct scenario *other = arena_alloc(arena, sizeof(*other));
	struct result *r = arena_alloc(arena, sizeof(*r));
	struct serve_sink none = { 0 };
	struct sim *sim = NULL;
	bool ok = other && r;

	if (!ok)
		err_memory(err);
	if (ok) {
		*other = *sc;
		other->time_scale = scale;
		ok = (sim = sim_new_cached(other, &none, cache, err)) && sim_run(sim, INFINITY, err) && sim_result(sim, arena, r, err);
	}
	sim_free(sim);
	return ok ? r : NULL;
}

bool interval_run(const struct scenario *sc, struct catalog_cache *cache, struct result *r, struct arena *arena, struct err *err)
{
	double e = interval_rel_error(r);

	r->interval_rel_error = e;
	r->faster = scaled(sc, 1 - e, cache, arena, err);
	r->slower = r->faster ? scaled(sc, 1 + e, cache, arena, err) : NULL;
	return r->slower != NULL;
}
