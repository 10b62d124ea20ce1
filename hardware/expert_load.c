#include "hardware/expert_load.h"

#include <math.h>

enum { EXPERTS_MOST = 1024 };

static double expert_at(double low, double high, double at)
{
	/* density x^-1.2: the fraction of x^-0.2 is uniform */
	double y = low + (high - low) * at;

	return 1 / (y * y * y * y * y);
}

/* Raises the least of the rising counts, one token after the other, until they sum to `sum`. */
static void fill_least(double *counts, int n, double sum, double most)
{
	double lacking = sum, below = 0, level;
	int under = 1;

	for (int i = 0; i < n; i++)
		lacking -= counts[i];
	if (lacking < 1)
		return;
	for (;; under++) {
		below += counts[under - 1];
		if (under == n || (below + lacking) / under <= counts[under])
			break;
	}
	level = fmin(floor((below + lacking) / under), most);
	for (int i = 0; i < under; i++) {
		lacking -= fmax(level - counts[i], 0);
		counts[i] = fmax(counts[i], level);
	}
	for (int i = 0; i < n && lacking >= 1; i++, lacking--)
		counts[i] = fmin(counts[i] + 1, most);
}

/* Over all experts, of rows that each lacks to whole tiles. */
static void fill_tiles(struct expert_spread *out, const double *counts, int n, double touched)
{
	for (int i = 0; i < n; i++)
		for (int b = 0; b < EXPERT_TILES; b++)
			out->filled[b] += (double)(-(int64_t)counts[i] & ((EXPERT_TILE_LEAST << b) - 1));
	for (int b = 0; b < EXPERT_TILES; b++)
		out->filled[b] /= fmax(touched, 1);
}

static void spread_skewed(struct expert_spread *out)
{
	int n = (int)(out->total < EXPERTS_MOST ? out->total : EXPERTS_MOST);
	double counts[EXPERTS_MOST] = { 0 }, tokens = (double)out->tokens, picks = tokens * (double)out->top_k;
	double scale = (double)n / (double)out->total, drawn = 0, squares = 0, touched = 0;
	bool many = picks > (double)out->total;
	double low = many ? 1 : pow(0.01, -0.2), high = pow(many ? fmax(0.8 * tokens, 1) : 2, -0.2);

	for (int i = 0; i < n; i++) {
		counts[i] = expert_at(low, high, (i + 0.5) / n);
		drawn += counts[i];
	}
	for (int i = 0; i < n; i++)
		counts[i] = fmin(round(counts[i] * picks * scale / drawn), tokens);
	fill_least(counts, n, picks * scale, tokens);
	out->most = 0;
	for (int i = 0; i < n; i++) {
		squares += counts[i] * counts[i];
		touched += counts[i] > 0;
		out->most = fmax(out->most, counts[i]);
	}
	fill_tiles(out, counts, n, touched);
	out->touched = touched / n;
	out->mean = picks / (double)out->total;
	out->deviation = sqrt(fmax(squares / n - out->mean * out->mean, 0));
}

void expert_spread(int64_t total, int64_t top_k, int64_t tokens, bool skewed, struct expert_spread *out)
{
	*out = (struct expert_spread){ .total = total > 0 ? total : 1, .top_k = top_k > 0 ? top_k : 1,
				       .tokens = tokens > 0 ? tokens : 1, .skewed = skewed };
	if (out->top_k > out->total)
		out->top_k = out->total;
	if (skewed)
		spread_skewed(out);
}

static void load_balanced(const struct expert_spread *s, int64_t here, double *touched, double *pairs)
{
	int64_t stride = (s->total + s->top_k - 1) / s->top_k, whole = here / stride, part = here % stride;
	int64_t times = s->tokens / stride, rest = s->tokens % stride;

	if (s->tokens < stride) {
		*pairs = (double)(whole * s->tokens + (part * s->tokens + stride - 1) / stride);
		*touched = fmin(*pairs, (double)here);
		return;
	}
	*pairs = (double)(here * times + whole * rest + (part < rest ? part : rest));
	*touched = (double)here;
}

void expert_load(const struct expert_spread *s, int64_t here, double *touched, double *pairs)
{
	double n, groups, mean;

	here = here < 1 ? 1 : here > s->total ? s->total : here;
	if (!s->skewed) {
		load_balanced(s, here, touched, pairs);
		return;
	}
	n = (double)here;
	groups = (double)s->total / n;
	mean = *pairs = n * s->mean;
	if (groups > 1) {
		*pairs += fmax(s->most - s->mean, s->deviation * sqrt(2 * n * log(groups) * (1 - 1 / groups)));
		*pairs = fmin(*pairs, fmin((double)(s->tokens * s->top_k), n * (double)s->tokens));
	}
	/* A group with more pairs than others has more experts that are touched, too. */
	*touched = fmin(fmin(n, *pairs), n * s->touched * sqrt(*pairs / mean));
}

double expert_padded(const struct expert_spread *s, double touched, double pairs, double tile)
{
	int b = 0;

	if (!s->skewed)
		return touched > 0 ? touched * tile * ceil(pairs / touched / tile - 1e-9) : 0;
	while (b + 1 < EXPERT_TILES && (EXPERT_TILE_LEAST << b) < tile)
		b++;
	return pairs + touched * s->filled[b];
}
