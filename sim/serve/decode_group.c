#include "sim/serve/decode_group.h"

#include "base/mem.h"

bool decode_group_init(struct decode_group *g, int64_t block_tokens, const int64_t *windows, int window_count, int wheel_bits)
{
	*g = (struct decode_group){ .block_tokens = block_tokens, .window_count = window_count };

	while ((int64_t)1 << (g->block_shift + 1) <= block_tokens)
		g->block_shift++;
	g->block_mask = (block_tokens & (block_tokens - 1)) == 0 ? block_tokens - 1 : -1;
	for (int w = 0; w < window_count; w++)
		g->windows[w] = windows[w];
	g->residue = mem_calloc((size_t)block_tokens, sizeof(*g->residue));
	if (!g->residue || !wheel_init(&g->ends, wheel_bits) ||
	    (window_count > 1 && !wheel_init(&g->crossings, wheel_bits))) {
		decode_group_release(g);
		return false;
	}
	return true;
}

void decode_group_release(struct decode_group *g)
{
	mem_free(g->residue);
	wheel_release(&g->ends);
	wheel_release(&g->crossings);
	*g = (struct decode_group){ 0 };
}

static void ends_add(struct decode_group *g, struct seq *at, int32_t i)
{
	int64_t slot = at[i].end_step & g->ends.mask;
	int32_t head = g->ends.heads[slot];

	/* A slot that was empty: its own link is written twice. */
	at[head != NO_SEQ ? head : i].wheel_prev = i;
	at[i].wheel_prev = NO_SEQ;
	at[i].wheel_next = head;
	g->ends.heads[slot] = i;
	g->ends.bits[slot / 64] |= 1ull << (slot % 64);
	g->ends.count++;
}

static void ends_remove(struct decode_group *g, struct seq *at, int32_t i)
{
	int64_t slot = at[i].end_step & g->ends.mask;
	int32_t prev = at[i].wheel_prev, next = at[i].wheel_next;
	int32_t *before = prev != NO_SEQ ? &at[prev].wheel_next : &g->ends.heads[slot];

	*before = next;
	at[next != NO_SEQ ? next : i].wheel_prev = prev;
	g->ends.bits[slot / 64] &= ~((uint64_t)(g->ends.heads[slot] == NO_SEQ) << (slot % 64));
	g->ends.count--;
}

static void crossing_add(struct decode_group *g, struct seq *at, int32_t i)
{
	int64_t slot = at[i].cross_step & g->crossings.mask;
	int32_t head = g->crossings.heads[slot];

	at[i].cross_prev = NO_SEQ;
	at[i].cross_next = head;
	if (head != NO_SEQ)
		at[head].cross_prev = i;
	g->crossings.heads[slot] = i;
	g->crossings.bits[slot / 64] |= 1ull << (slot % 64);
	g->crossings.count++;
}

static void crossing_remove(struct decode_group *g, struct seq *at, int32_t i)
{
	int64_t slot = at[i].cross_step & g->crossings.mask;
	int32_t prev = at[i].cross_prev, next = at[i].cross_next;

	if (prev != NO_SEQ)
		at[prev].cross_next = next;
	else
		g->crossings.heads[slot] = next;
	if (next != NO_SEQ)
		at[next].cross_prev = prev;
	if (g->crossings.heads[slot] == NO_SEQ)
		g->crossings.bits[slot / 64] &= ~(1ull << (slot % 64));
	g->crossings.count--;
}

/* The next window (by size) that this sequence's context will reach, and when: windows are sorted by size. */
static void plan_crossing(struct decode_group *g, struct seq *at, int32_t i)
{
	int64_t context = decode_group_cached(g, &at[i]) + 1;
	int w = 1;

	while (w < g->window_count && context >= g->windows[w])
		w++;
	at[i].window_next = (uint8_t)w;
	if (w < g->window_count) {
		at[i].cross_step = g->step + (g->windows[w] - context);
		crossing_add(g, at, i);
	}
}

static int64_t residue_index(const struct decode_group *g, const struct seq *s)
{
	/* A block is needed by the step s at which computed + (s - join_step) is a multiple of the block size. */
	int64_t r = decode_group_phase(g, s->join_step - s->computed);

	return r < 0 ? r + g->block_tokens : r;
}

void decode_group_join(struct decode_group *g, struct seq *at, int32_t i)
{
	struct seq *s = &at[i];
	int64_t context = (int64_t)s->computed + 1;

	s->join_step = g->step;
	s->end_step = g->step + (s->output - s->generated);
	g->count++;
	g->end_sum += s->end_step;
	g->context[0] += context;
	for (int w = 1; w < g->window_count; w++) {
		g->context[w] += context < g->windows[w] ? context : g->windows[w];
		g->below[w] += context < g->windows[w];
	}
	g->residue[residue_index(g, s)]++;
	ends_add(g, at, i);
	if (g->window_count > 1)
		plan_crossing(g, at, i);
}

void decode_group_leave(struct decode_group *g, struct seq *at, int32_t i, bool grows)
{
	struct seq *s = &at[i];
	int64_t made = g->step - s->join_step, context = s->computed + made + 1;

	g->residue[residue_index(g, s)]--;
	ends_remove(g, at, i);
	g->count--;
	g->end_sum -= s->end_step;
	g->context[0] -= context;
	for (int w = 1; w < g->window_count; w++) {
		g->context[w] -= context < g->windows[w] ? context : g->windows[w];
		g->below[w] -= context < g->windows[w];
	}
	if (g->window_count > 1 && s->window_next < g->window_count)
		crossing_remove(g, at, i);
	if (grows) {
		int64_t b = g->block_tokens, c0 = s->computed;

		/* Blocks of c0 + made tokens less those of c0. */
		if (g->block_mask >= 0)
			s->blocks += (int32_t)(((c0 + made + b - 1) >> g->block_shift) - ((c0 + b - 1) >> g->block_shift));
		else
			s->blocks += (int32_t)((c0 + made + b - 1) / b - (c0 + b - 1) / b);
	}
	s->computed += (int32_t)made;
	s->generated += (int32_t)made;
}

bool decode_group_needs_block(const struct decode_group *g, const struct seq *s)
{
	return residue_index(g, s) == decode_group_phase(g, g->step);
}

/* Sequences looked at before giving up: a stop at which nothing is due costs about as much. */
enum { LOOKS_MOST = 64 };

int64_t decode_group_quiet_steps(const struct decode_group *g, const struct seq *at)
{
	int64_t crossing = g->window_count > 1 ? wheel_next(&g->crossings, g->step) : INT64_MAX, k = wheel_next(&g->ends, g->step);
	int64_t most = crossing < g->ends.mask ? crossing : g->ends.mask;
	int looks = 0;

	/* Slots of the wheel that hold only what ends a turn or more later are passed over. */
	while (k < most) {
		int64_t step = g->step + k;
		int32_t i = g->ends.heads[step & g->ends.mask];

		while (i != NO_SEQ && at[i].end_step != step && looks++ < LOOKS_MOST)
			i = at[i].wheel_next;
		if (i != NO_SEQ)
			return k;
		k += wheel_next(&g->ends, step);
	}
	return k < crossing ? k : crossing;
}

/* Of the ring's next `rest` places, from `at` on; `ring`: how many there are, mask + 1. Every place is looked at: the same
 * few instructions, four places at a time, whatever the two are. */
static int64_t some_of_ring(const int32_t *residue, int32_t ring, int32_t at, int32_t rest)
{
	int32_t sum = 0;

	for (int32_t i = 0; i < ring; i++)
		sum += residue[i] & -(int32_t)(((i - at) & (ring - 1)) < rest);
	return sum;
}

enum { SHORT_RING = 32 };              /* up to here that is less than what a mispredicted walk costs */

int64_t decode_group_blocks(const struct decode_group *g, int64_t k)
{
	int64_t b = g->block_tokens, need = k < b ? 0 : (g->block_mask >= 0 ? k >> g->block_shift : k / b) * g->count, at = decode_group_phase(g, g->step);
	int64_t rest = decode_group_phase(g, k), end = at + rest, past = end > b ? end - b : 0;

	if (LIKELY(g->block_mask >= 0 && b <= SHORT_RING))
		return need + some_of_ring(g->residue, (int32_t)b, (int32_t)at, (int32_t)rest);
	/* Two plain loops, which a compiler can widen, for a walk around the ring. */
	for (int64_t i = at; i < end - past; i++)
		need += g->residue[i];
	for (int64_t i = 0; i < past; i++)
		need += g->residue[i];
	return need;
}

int64_t decode_group_block_steps(const struct decode_group *g, int64_t k)
{
	int64_t b = g->block_tokens, turns = k / b, rest = k % b, sum = 0;

	for (int64_t j = 0, at = decode_group_phase(g, g->step); j < b; j++, at = at + 1 == b ? 0 : at + 1) {
		int64_t times = turns + (j < rest);       /* at steps j, j + b ... */

		sum += g->residue[at] * (times * (k - j) - b * (times * (times - 1) / 2));
	}
	return sum;
}

int64_t decode_group_steps_within(const struct decode_group *g, int64_t room, int64_t most)
{
	int64_t b = g->block_tokens, k, at;

	if (g->count == 0 || room >= ((g->block_mask >= 0 ? most >> g->block_shift : most / b) + 1) * g->count)
		return most;
	k = room / g->count * b;       /* whole turns through the block size */
	room -= k / b * g->count;
	at = decode_group_phase(g, g->step);
	while (k < most && g->residue[at] <= room) {
		room -= g->residue[at];
		at = at + 1 == b ? 0 : at + 1;
		k++;
	}
	return k < most ? k : most;
}

static void cross(struct decode_group *g, struct seq *at)
{
	int64_t slot = g->step & g->crossings.mask;
	int32_t i = g->crossings.heads[slot], next;

	for (; i != NO_SEQ; i = next) {
		next = at[i].cross_next;
		if (at[i].cross_step != g->step)
			continue;
		crossing_remove(g, at, i);
		for (int w = at[i].window_next; w < g->window_count && g->windows[w] == g->windows[at[i].window_next]; w++)
			g->below[w]--;
		plan_crossing(g, at, i);
	}
}

void decode_group_advance(struct decode_group *g, struct seq *at, int64_t k)
{
	g->step += k;
	g->context[0] += k * g->count;
	for (int w = 1; w < g->window_count; w++)
		g->context[w] += k * g->below[w];
	if (g->window_count > 1)
		cross(g, at);
}

int32_t decode_group_finished(const struct decode_group *g, const struct seq *at)
{
	int32_t i = g->ends.heads[g->step & g->ends.mask];

	while (i != NO_SEQ && at[i].end_step != g->step)
		i = at[i].wheel_next;
	return i;
}
