/* How the benchmark behind the expert tables (README.md there) spreads tokens over experts: what its `skew` 0 and 1.2 mean for
 * the device that was timed. It is no model of users' traffic (operator.h has that): the law that relates tables of different
 * models needs to know what was measured. */
#ifndef HARDWARE_EXPERT_LOAD_H
#define HARDWARE_EXPERT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum { EXPERT_TILES = 5, EXPERT_TILE_LEAST = 8 };

/* Tokens of all experts when they are skewed; depends on the layer, not on the device's share of it. */
struct expert_spread {
	int64_t total, top_k, tokens;
	bool skewed;
	double touched, mean, deviation, most; /* share of experts with a token; tokens an expert */
	double filled[EXPERT_TILES];   /* rows an expert with tokens lacks to whole tiles of 8, 16 ... 128 */
};

/* Balanced (AIConfigurator's balanced_logits): token i picks the experts (i + j ceil(total/top_k)) mod total, j < top_k; fewer
 * tokens than one such stride are spread evenly over it. Skewed (its power_law 1.2): tokens an expert drawn with density x^-1.2
 * from 1 to 0.8 tokens (at most one pick an expert: from 0.01 to 2), scaled to tokens x top_k and rounded, no expert more often
 * than there are tokens, and what rounding left over to the least ones. */
void expert_spread(int64_t total, int64_t top_k, int64_t tokens, bool skewed, struct expert_spread *out);

/* What a device with `here` of these experts has to do: how many of them have tokens, and (token, expert) pairs. Balanced: the
 * first ones. Skewed: the group with the most pairs is timed, which is at least the fullest expert and average others, or what
 * the largest of as many normal sums exceeds their mean by. */
void expert_load(const struct expert_spread *s, int64_t here, double *touched, double *pairs);

/* Rows that a kernel works on which takes each expert's in tiles of so many (8 to 128, a power of two). */
double expert_padded(const struct expert_spread *s, double touched, double pairs, double tile);

#endif
