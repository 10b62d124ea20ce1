#include "hardware/tables_choice.h"

#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* A simulation asks a table for a handful of sites, whoever measures errors for each of them, left out. What does not find a place
 * is chosen anew each time. */
enum { PLACES = 1024, TRIES = 16 };

struct place {
	const struct tables_limits *limits;
	int64_t key[KEY_MOST], except;
	struct op_figures op;
	struct choice choice;
};

struct choices {
	struct place *_Atomic at[PLACES]; /* written once each */
};

static void place_free(struct place *p)
{
	if (p)
		table_release(p->choice.written);
	mem_free(p);
}

struct choices *choices_new(void)
{
	return mem_calloc(1, sizeof(struct choices));
}

void choices_free(struct choices *c)
{
	for (int i = 0; c && i < PLACES; i++)
		place_free(atomic_load_explicit(&c->at[i], memory_order_relaxed));
	mem_free(c);
}

static void fill_key(const struct question *q, const int64_t *key, struct place *out)
{
	static const double nothing[AXIS_MOST];
	struct op op = *q->op;

	op_at(q->table->shape, nothing, &op);
	op_figures_of(&op, &out->op);
	out->limits = q->limits;
	out->except = q->except;
	memset(out->key, 0, sizeof(out->key));
	memcpy(out->key, key, (size_t)q->table->shape->keys * sizeof(*key));
}

static size_t start(const struct place *p)
{
	uint64_t h = 0;

	for (int i = 0; i < KEY_MOST; i++)
		h = h * 0x9e3779b97f4a7c15u + (uint64_t)p->key[i];
	return hash_mix(h, 0) % PLACES;
}

static bool same(const struct place *a, const struct place *b)
{
	return a->limits == b->limits && a->except == b->except && memcmp(a->key, b->key, sizeof(a->key)) == 0 && memcmp(&a->op, &b->op, sizeof(a->op)) == 0;
}

/* The place of this key, or the first free one (*found NULL); PLACES: neither is near. */
static size_t look(struct choices *c, const struct place *asked, struct place **found)
{
	size_t i = start(asked);

	for (int tries = 0; tries < TRIES; tries++, i = (i + 1) % PLACES) {
		*found = atomic_load_explicit(&c->at[i], memory_order_acquire);
		if (!*found || same(*found, asked))
			return i;
	}
	*found = NULL;
	return PLACES;
}

const struct choice *choice_of(const struct question *q, const int64_t *key, chooser *choose, struct choice *own)
{
	struct choices *c = q->table->choices;
	struct place asked, *found = NULL, *kept;
	size_t i = PLACES;

	if (c) {
		fill_key(q, key, &asked);
		i = look(c, &asked, &found);
		if (found)
			return &found->choice;
	}
	*own = (struct choice){ .share = 1 };
	choose(q, key, own);
	if (i == PLACES || !(kept = mem_alloc(sizeof(*kept))))
		return own;
	asked.choice = *own;
	*kept = asked;
	/* Another thread may have been here first: with the same, or with another key, which does not matter. */
	if (atomic_compare_exchange_strong_explicit(&c->at[i], &found, kept, memory_order_release, memory_order_relaxed))
		return &kept->choice;
	mem_free(kept);
	return own;
}
