/* Sites far from measured ones: kriging of ln seconds over what tells sites apart. */
#include <math.h>
#include <string.h>

#include "hardware/kriging.h"
#include "hardware/tables_data.h"

/* Head layouts: powers of two of heads and KV heads, along which the trend carries, and of queries a KV head, which choose
 * the kernel. */
static const struct kriging layouts = { .dims = 3, .trend = 2, .range = 4, .noise = 0.01 };
enum { LAYOUTS = 12 };

static struct kriging_place layout(const int64_t *key, size_t site)
{
	double h = log2((double)key[4]), g = log2((double)key[5]);

	return (struct kriging_place){ .at = { h, g, sqrt(0.5) * (h - g) }, .tag = (long long)site };
}

double layout_trend(const struct question *q, const int64_t *key, size_t low, size_t high, int64_t head_dim, const double *x)
{
	struct kriging_place around[LAYOUTS], here = layout(key, 0);
	double w[LAYOUTS] = { 0 }, sum = 0;
	enum grade ignored = GRADE_EXACT;
	int n = 0;

	for (size_t i = low; i < high; i++) {
		const struct table_site *s = &q->table->sites[i];
		struct kriging_place place = layout(s->key, i);

		if (s->key[3] == head_dim && (int64_t)i != q->except && !s->outlier)
			kriging_offer(&layouts, around, &n, LAYOUTS, here.at, &place);
	}
	if (!kriging_weights(&layouts, around, n, here.at, w))
		return NAN;
	for (int i = 0; i < n; i++)
		sum += w[i] * log(site_seconds(q, (size_t)around[i].tag, x, &ignored));
	return exp(sum);
}
