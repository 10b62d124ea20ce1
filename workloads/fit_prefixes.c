#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "workloads/fit_parts.h"
#include "workloads/lineage.h"

/* Blocks that a request found beyond the common start. */
static bool is_reuse(const struct fit_data *d, const struct fit_row *r)
{
	return r->hit_blocks > (r->starts_common ? d->common_blocks : 0);
}

static bool fit_column(struct spread *out, const struct fit_data *d, bool distances, double *values,
		       struct arena *arena, struct err *err)
{
	int64_t n = 0;

	for (size_t i = 0; i < d->count; i++) {
		const struct fit_row *r = &d->rows[i];

		if (!is_reuse(d, r))
			continue;
		values[n++] = distances ? fmin((double)r->distance, LINEAGE_RING)
					: fmin(1, r->hit_blocks * (double)d->block_tokens / r->prompt);
	}
	qsort(values, (size_t)n, sizeof(*values), by_double);
	return fit_quantiles(out, values, n, OVERLAP_POINTS, arena, err);
}

bool fit_prefixes(struct workload *w, const struct fit_data *d, struct arena *arena, struct err *err)
{
	struct prefixes *p = &w->prefixes;
	double *values;
	size_t reuse = 0;
	bool ok;

	if (!d->stats.has_prefixes || d->block_tokens == 0)
		return true;
	p->block_tokens = d->block_tokens;
	if (d->common_share > 0.05) {
		p->shared_tokens = (double)d->common_blocks * d->block_tokens;
		p->shared_share = fit_round(d->common_share);
		p->shared_added = false;
	}
	for (size_t i = 0; i < d->count; i++)
		reuse += is_reuse(d, &d->rows[i]);
	if (reuse < 20)
		return true;
	p->reuse_share = fit_round((double)reuse / (double)d->count);
	values = mem_alloc(reuse * sizeof(*values));
	if (!values)
		return err_memory(err);
	ok = fit_column(&p->overlap, d, false, values, arena, err) &&
	     fit_column(&p->distance, d, true, values, arena, err);
	mem_free(values);
	return ok;
}
