/* Expert rows whose tokens were not spread as their `distribution` says. DeepSeek-V3's routing chooses 4 of 8 groups of experts, then
 * 8 experts inside them. A benchmark that marks each token's 8 experts evenly over all groups, and lets that routing loose on its
 * marks, sees 4 of them: the other 4 picks are ties, which go to the lowest numbers. All tokens then meet on the first experts, which
 * are those of the device that is timed: every layout of H100, B200 and GB200 under vLLM 0.24 fits m x (4 + 4 / 32 an expert here)
 * pairs to 20 %, and below 128 tokens one device reads half of the experts' weights. vLLM 0.22 (H200) did not route so. */
#include "hardware/profile_rows.h"

#include <string.h>

#include "base/mem.h"
#include "hardware/tables_data.h"

/* Columns of an expert site (tables_read.c). */
enum { SKEW = 2, EXPERTS_TOTAL = 4, WIDTH = 6, EXPERTS = 7 };
/* Even tokens never keep the timed device busier than skewed ones: so much is no noise, on devices of so small a share. */
static const double BUSIER = 1.3;
enum { SHARE = 8 };

static bool same_model(const struct profile_row *a, const struct profile_row *b)
{
	for (int i = 0; i < a->shape->keys; i++)
		if (i != SKEW && i != EXPERTS && i != WIDTH && a->key[i] != b->key[i])
			return false;
	return true;
}

static bool same_layout(const struct profile_row *a, const struct profile_row *b)
{
	return same_model(a, b) && a->key[EXPERTS] == b->key[EXPERTS] && a->key[WIDTH] == b->key[WIDTH];
}

/* The skewed row of the same layout at as many tokens; NULL: none. */
static const struct profile_row *skewed_row(const struct profile_row *rows, size_t count, const struct profile_row *even)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].key[SKEW] > 0 && same_layout(&rows[i], even) && rows[i].x[0] == even->x[0])
			return &rows[i];
	return NULL;
}

/* Whether more than half of a model's layouts on an eighth of its experts or less are busier with even tokens, at most tokens. */
static bool misrouted(const struct profile_row *rows, size_t count, const struct profile_row *model)
{
	int layouts = 0, busier = 0;

	for (size_t i = 0; i < count; i++) {
		const struct profile_row *even = &rows[i], *skewed;
		bool last = i + 1 == count || !same_layout(even, &rows[i + 1]) || rows[i + 1].key[SKEW] != even->key[SKEW];

		if (!last || even->key[SKEW] > 0 || !same_model(even, model) || even->key[EXPERTS] * SHARE > even->key[EXPERTS_TOTAL])
			continue;
		skewed = skewed_row(rows, count, even);
		if (!skewed)
			continue;
		layouts++;
		busier += even->seconds > BUSIER * skewed->seconds;
	}
	return layouts > 2 && 2 * busier > layouts;
}

size_t profile_drop_misrouted(struct profile_row *rows, size_t count, struct profile_import_report *report)
{
	const struct profile_row *model = NULL;
	bool bad = false;
	bool *drop;

	if (rows->shape->kind != OP_MOE)
		return count;
	drop = mem_calloc(count, sizeof(*drop));
	if (!drop)
		return count;
	for (size_t i = 0; i < count; i++) {
		if (!model || !same_model(model, &rows[i])) {
			model = &rows[i];
			bad = misrouted(rows, count, model);
		}
		/* skewed tokens on all experts are the same tokens in another order */
		drop[i] = bad && (rows[i].key[SKEW] == 0 || rows[i].key[EXPERTS] < rows[i].key[EXPERTS_TOTAL]);
	}
	count = profile_leave_out(rows, count, drop, "experts that the benchmark's routing did not pick as the row says", report);
	mem_free(drop);
	return count;
}
