/* Expert rows that were timed with a tactic that nobody had chosen. TensorRT-LLM tunes its grouped products when an engine starts: a
 * tactic for every power of two of tokens, remembered by format, shapes, choices a token and the split over devices
 * (tensorrt_llm/_torch/custom_ops/torch_custom_ops.py, MoERunner). The benchmark behind these rows keeps what was tuned in files named
 * by format, hidden size, width and experts of the device alone, and takes the first whose name begins so (AIConfigurator,
 * collector/trtllm/collect_moe.py): 512 experts over 32 devices find the file of 128 over 8, experts 1 that of 16. Nothing in it is
 * theirs, they run the kernel's first tactic, and take 2 to 5 times as long as the layouts beside them: of DeepSeek's blocks of scales,
 * which have no tactics, no layout does; of 16- and 8-bit experts just those whose width and number another model shares. An engine
 * tunes for itself, so these rows say nothing about it. */
#include "hardware/profile_rows.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "hardware/expert_load.h"
#include "hardware/tables_data.h"

/* Columns of an expert site (tables_read.c). */
enum { GATED = 1, SKEW = 2, TOP_K = 3, EXPERTS_TOTAL = 4, HIDDEN = 5, WIDTH = 6, EXPERTS = 7, SITES_MOST = 2048 };
/* Layouts beside: so many doublings of width and number away. Between those, efficiency changes by a factor of 1.9 at most where
 * nothing is tuned. */
static const double DOUBLINGS = 2.01, SLOWER = 2;
/* A tactic is remembered for a power of two of tokens: single ones may be missing. More tokens never take less. */
static const double FALLS = 1.3;
static const double TOKENS_LEAST = 1024;       /* work, not starting, decides from here on */

static bool tuned(const struct profile_row *row)
{
	enum dtype t = (enum dtype)row->key[0];

	return strcmp(row->stack, "trtllm") == 0 && (t == DTYPE_BF16 || t == DTYPE_FP16 || t == DTYPE_FP8);
}

/* What the data sheet says of the row's work at common shares of its rates. */
static double sheet_seconds(const struct tables_limits *limits, const struct profile_row *row)
{
	const int64_t *key = row->key;
	double hidden = (double)key[HIDDEN], width = (double)key[WIDTH], weights = (key[GATED] ? 3 : 2) * hidden * width;
	double touched, pairs, bytes;
	struct expert_spread spread;

	expert_spread(key[EXPERTS_TOTAL], key[TOP_K], llround(row->x[0]), key[SKEW] > 0, &spread);
	expert_load(&spread, key[EXPERTS], &touched, &pairs);
	bytes = touched * weights * dtype_bytes((enum dtype)key[0]) + 2 * row->x[0] * hidden + 4 * pairs * (hidden + width);
	return 10e-6 + 2 * pairs * weights / (0.6 * limits->peak_flop_s[key[0]]) + bytes / (0.8 * limits->bandwidth_bytes_s);
}

/* The rows [first, first + count) of one layout, and how much longer than sheet_seconds they take (mean, natural log). */
struct layout {
	size_t first, count;
	double slower;
	bool untuned;
};

/* Marks single token counts that take longer than more tokens do. */
static void mark_points(const struct profile_row *rows, const struct layout *l, bool *drop)
{
	double least = INFINITY;

	for (size_t i = l->first + l->count; i-- > l->first;) {
		drop[i] = rows[i].seconds > FALLS * least;
		least = fmin(least, rows[i].seconds);
	}
}

static void measure(const struct tables_limits *limits, const struct profile_row *rows, const bool *drop, struct layout *l)
{
	double sum = 0;
	int n = 0;

	for (size_t i = l->first; i < l->first + l->count; i++) {
		if (drop[i] || rows[i].x[0] < TOKENS_LEAST)
			continue;
		sum += log(rows[i].seconds / sheet_seconds(limits, &rows[i]));
		n++;
	}
	l->slower = n ? sum / n : NAN;
}

/* Of one model and format, near enough to compare: the same layout under another spread, or another layout under the same. */
static bool beside(const int64_t *a, const int64_t *b)
{
	double far = fabs(log2((double)a[WIDTH] / (double)b[WIDTH])) + fabs(log2((double)a[EXPERTS] / (double)b[EXPERTS]));

	for (int i = 0; i < WIDTH; i++)
		if (i != SKEW && a[i] != b[i])
			return false;
	return a[SKEW] == b[SKEW] ? far <= DOUBLINGS : far == 0;
}

static size_t layouts_of(const struct profile_row *rows, size_t count, struct layout *out)
{
	size_t n = 0;

	for (size_t low = 0, high; low < count && n < SITES_MOST; low = high) {
		for (high = low + 1; high < count && memcmp(rows[low].key, rows[high].key, sizeof(rows->key)) == 0;)
			high++;
		out[n++] = (struct layout){ .first = low, .count = high - low };
	}
	return n;
}

static void mark(const struct tables_limits *limits, const struct profile_row *rows, size_t count, struct layout *all, bool *drop)
{
	size_t n = layouts_of(rows, count, all);

	for (size_t i = 0; i < n; i++) {
		if (!tuned(&rows[all[i].first]))
			continue;
		mark_points(rows, &all[i], drop);
		measure(limits, rows, drop, &all[i]);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n && tuned(&rows[all[i].first]); j++)
			all[i].untuned = all[i].untuned || (beside(rows[all[i].first].key, rows[all[j].first].key) &&
							    all[i].slower - all[j].slower > log(SLOWER));
	for (size_t i = 0; i < n; i++)
		for (size_t r = 0; r < all[i].count && all[i].untuned; r++)
			drop[all[i].first + r] = true;
}

size_t profile_drop_untuned(const struct tables_limits *limits, struct profile_row *rows, size_t count, struct profile_import_report *report)
{
	struct layout *all;
	bool *drop;

	if (rows->shape->kind != OP_MOE || !(limits->bandwidth_bytes_s > 0))
		return count;
	all = mem_alloc(SITES_MOST * sizeof(*all));
	drop = mem_calloc(count, sizeof(*drop));
	if (all && drop) {
		mark(limits, rows, count, all, drop);
		count = profile_leave_out(rows, count, drop, "experts that the benchmark ran with a tactic that was not tuned for them", report);
	}
	mem_free(all);
	mem_free(drop);
	return count;
}
