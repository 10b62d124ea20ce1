#include "validation/engine/depth_router.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

struct candidate {
	float score;
	int32_t row;
};

struct depth_router {
	struct depth_settings s;
	int64_t hidden, layers, sequences, block_tokens, rows, entered;
	float *weights;                        /* [layers][hidden] */
	double *carry;                         /* [layers] of decoding rows that the share still owes */
	int64_t *held;                         /* [layers][sequences] rows of a seat in that layer's cache */
	/* The batch of those that enter. */
	struct candidate *candidates;
	int32_t *chosen, *positions, *seats;
	int64_t *slots, *lengths, *first;
	const int32_t **tables;
	float *gate;
};

void depth_router_free(struct depth_router *r)
{
	void *const memory[] = { r ? r->weights : NULL, r ? r->carry : NULL, r ? r->held : NULL, r ? r->candidates : NULL, r ? r->chosen : NULL,
				 r ? r->positions : NULL, r ? r->seats : NULL, r ? r->slots : NULL, r ? r->lengths : NULL, r ? r->first : NULL,
				 r ? (void *)(uintptr_t)r->tables : NULL, r ? r->gate : NULL };

	for (size_t i = 0; i < COUNT_OF(memory); i++)
		mem_free(memory[i]);
	mem_free(r);
}

bool depth_router_room(struct depth_router *r, int64_t rows, struct err *err)
{
	size_t c = r->rows > 0 ? (size_t)r->rows : 0, at[5] = { c, c, c, c, c };

	if (rows <= r->rows)
		return true;
	if (!mem_grow(&r->candidates, &at[0], (size_t)rows, sizeof(*r->candidates)) || !mem_grow(&r->chosen, &at[1], (size_t)rows, sizeof(*r->chosen)) ||
	    !mem_grow(&r->positions, &at[2], (size_t)rows, sizeof(*r->positions)) || !mem_grow(&r->slots, &at[3], (size_t)rows, sizeof(*r->slots)) ||
	    !mem_grow(&r->gate, &at[4], (size_t)rows, sizeof(*r->gate)))
		return err_memory(err);
	r->rows = rows;
	return true;
}

/* Scores of rows of unit mean square are about normal. */
static void random_weights(struct depth_router *r)
{
	struct rng rng;

	rng_init(&rng, 17, "depth router");
	for (int64_t i = 0; i < r->layers * r->hidden; i++)
		r->weights[i] = (float)(rng_normal(&rng) / sqrt((double)r->hidden));
}

struct depth_router *depth_router_new(const struct depth_settings *s, const struct engine_shape *shape, const struct forward_limits *limits, struct err *err)
{
	struct depth_router *r = mem_calloc(1, sizeof(*r));
	size_t most = (size_t)limits->sequences + 1;

	if (!r) {
		err_memory(err);
		return NULL;
	}
	*r = (struct depth_router){ .s = *s, .hidden = shape->hidden, .layers = shape->layers, .sequences = limits->sequences, .block_tokens = limits->block_tokens };
	r->weights = mem_alloc((size_t)(r->layers * r->hidden) * sizeof(*r->weights));
	r->carry = mem_calloc((size_t)r->layers, sizeof(*r->carry));
	r->held = mem_calloc((size_t)r->layers * most, sizeof(*r->held));
	r->seats = mem_alloc(most * sizeof(*r->seats));
	r->lengths = mem_alloc(most * sizeof(*r->lengths));
	r->first = mem_alloc(most * sizeof(*r->first));
	r->tables = mem_alloc(most * sizeof(*r->tables));
	if (!r->weights || !r->carry || !r->held || !r->seats || !r->lengths || !r->first || !r->tables)
		err_memory(err);
	else if (depth_router_room(r, limits->rows, err)) {
		random_weights(r);
		return r;
	}
	depth_router_free(r);
	return NULL;
}

bool depth_router_routes(const struct depth_router *r, int64_t layer)
{
	return layer % r->s.every == r->s.every - 1;
}

/* Largest score first; ties by row, so that nothing depends on the sort. */
static int by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static int by_row(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->row < y->row ? -1 : x->row > y->row;
}

/* The best `count` of rows from .. to - 1 into candidates[0 .. count), ascending. */
static void best_of(struct depth_router *r, int64_t layer, const float *x, int64_t from, int64_t to, int64_t count)
{
	const float *w = r->weights + layer * r->hidden;

	for (int64_t row = from; row < to; row++) {
		float score = 0;

		for (int64_t i = 0; i < r->hidden; i++)
			score += w[i] * x[row * r->hidden + i];
		r->candidates[row - from] = (struct candidate){ .score = score, .row = (int32_t)row };
	}
	if (count < to - from)
		qsort(r->candidates, (size_t)(to - from), sizeof(*r->candidates), by_score);
	qsort(r->candidates, (size_t)count, sizeof(*r->candidates), by_row);
}

/* A row of the sequence that is number `at` of b joins the batch that enters, as part of its sequence `as`. */
static void enter(struct depth_router *r, const struct forward_batch *b, int64_t layer, int64_t at, const struct candidate *c, struct depth_choice *out)
{
	int64_t n = out->batch.rows++, slot = r->held[layer * r->sequences + b->seats[at]]++;

	r->chosen[n] = c->row;
	r->positions[n] = b->positions[c->row];
	r->slots[n] = (int64_t)b->tables[at][slot / r->block_tokens] * r->block_tokens + slot % r->block_tokens;
	r->gate[n] = r->s.capacity < 1 ? c->score : 1;
}

static void close_sequence(struct depth_router *r, const struct forward_batch *b, int64_t layer, int64_t at, int64_t as)
{
	r->seats[as] = b->seats[at];
	r->lengths[as] = r->held[layer * r->sequences + b->seats[at]];
	r->tables[as] = b->tables[at];
}

void depth_router_choose(struct depth_router *r, const struct forward_batch *b, int64_t layer, const float *x, struct depth_choice *out)
{
	double owed = r->carry[layer] + r->s.capacity * (double)b->decodes;
	int64_t count = (int64_t)floor(owed + 1e-9);

	*out = (struct depth_choice){ .batch = { .positions = r->positions, .slots = r->slots, .lengths = r->lengths, .first = r->first, .tables = r->tables,
						 .seats = r->seats }, .chosen = r->chosen, .gate = r->gate };
	r->carry[layer] = owed - (double)count;
	best_of(r, layer, x, 0, b->decodes, count);
	for (int64_t i = 0; i < count; i++) {
		enter(r, b, layer, r->candidates[i].row, &r->candidates[i], out);
		close_sequence(r, b, layer, r->candidates[i].row, i);
	}
	out->batch.decodes = count;
	r->first[0] = 0;
	for (int64_t k = 0; k < b->chunks; k++) {
		int64_t at = b->decodes + k, rows = b->first[k + 1] - b->first[k], from = b->decodes + b->first[k];

		if (rows == b->lengths[at])    /* the sequence begins */
			r->held[layer * r->sequences + b->seats[at]] = 0;
		count = (int64_t)ceil(r->s.capacity * (double)rows - 1e-9);
		best_of(r, layer, x, from, from + rows, count);
		for (int64_t i = 0; i < count; i++)
			enter(r, b, layer, at, &r->candidates[i], out);
		close_sequence(r, b, layer, at, out->batch.decodes + k);
		r->first[k + 1] = out->batch.rows - out->batch.decodes;
	}
	out->batch.chunks = b->chunks;
	r->entered += out->batch.rows;
}

int64_t depth_router_entered(const struct depth_router *r)
{
	return r->entered;
}
