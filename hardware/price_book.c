#include "hardware/price_book.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "hardware/op_figures.h"

enum {
	SHARDS = 64,
	FIRST_SLOTS = 256,
	ENTRIES_MOST = 4096,                   /* of a shard: 256 k operators in all, some 80 MB */
	BLOCK_ENTRIES = 64,
	BLOCKS = ENTRIES_MOST / BLOCK_ENTRIES
};

/* cost_op asks no book for an operator with a law of its own. */
struct entry {
	struct op_figures key;
	struct op_cost cost;
};

struct slot {
	uint64_t hash;                         /* 0: free */
	const struct entry *entry;
};

/* Threads meet in a shard only when their operators' hashes do. Entries stay where they are written: only slots move. */
struct shard {
	pthread_mutex_t lock;
	struct slot *slots;
	size_t capacity, count;
	struct entry *block[BLOCKS];           /* entries in order of coming */
};

struct price_book {
	struct shard shards[SHARDS];
};

/* The shard that holds an operator, if any does; its key and hash. */
static struct shard *shard_of(struct price_book *book, const struct op *op, struct op_figures *key, uint64_t *hash)
{
	op_figures_of(op, key);
	*hash = XXH3_64bits(key, sizeof(*key));
	*hash += *hash == 0;
	return &book->shards[*hash % SHARDS];
}

struct price_book *price_book_new(struct err *err)
{
	struct price_book *book = mem_calloc(1, sizeof(*book));

	if (!book) {
		err_memory(err);
		return NULL;
	}
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&book->shards[i].lock, NULL);
	return book;
}

void price_book_free(struct price_book *book)
{
	if (!book)
		return;
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&book->shards[i].lock);
		mem_free(book->shards[i].slots);
		for (int k = 0; k < BLOCKS; k++)
			mem_free(book->shards[i].block[k]);
	}
	mem_free(book);
}

static struct slot *slot_of(const struct shard *s, const struct op_figures *key, uint64_t hash)
{
	size_t i = hash / SHARDS & (s->capacity - 1);

	while (s->slots[i].hash && (s->slots[i].hash != hash || memcmp(&s->slots[i].entry->key, key, sizeof(*key)) != 0))
		i = (i + 1) & (s->capacity - 1);
	return &s->slots[i];
}

bool price_book_find(struct price_book *book, const struct op *op, struct op_cost *out)
{
	const struct entry *e = NULL;
	struct op_figures key;
	uint64_t hash;
	struct shard *s = shard_of(book, op, &key, &hash);

	/* An entry stays as it is once it is found; its slot may move as soon as the lock is open. */
	pthread_mutex_lock(&s->lock);
	if (s->capacity)
		e = slot_of(s, &key, hash)->entry;
	pthread_mutex_unlock(&s->lock);
	if (e)
		*out = e->cost;
	return e != NULL;
}

/* Keeps the slots of a shard at most half full. */
static bool has_room(struct shard *s)
{
	size_t wider = s->capacity ? 2 * s->capacity : FIRST_SLOTS;
	struct slot *slots;

	if (s->count == ENTRIES_MOST)
		return false;
	if (2 * s->count < s->capacity)
		return true;
	if (!(slots = mem_calloc(wider, sizeof(*slots))))
		return false;
	for (size_t i = 0; i < s->capacity; i++) {
		size_t at = s->slots[i].hash / SHARDS & (wider - 1);

		if (!s->slots[i].hash)
			continue;
		while (slots[at].hash)
			at = (at + 1) & (wider - 1);
		slots[at] = s->slots[i];
	}
	mem_free(s->slots);
	s->slots = slots;
	s->capacity = wider;
	return true;
}

/* NULL: no memory. */
static struct entry *next_entry(struct shard *s)
{
	struct entry **block = &s->block[s->count / BLOCK_ENTRIES];

	if (!*block)
		*block = mem_alloc(BLOCK_ENTRIES * sizeof(**block));
	return *block ? &(*block)[s->count % BLOCK_ENTRIES] : NULL;
}

void price_book_put(struct price_book *book, const struct op *op, const struct op_cost *cost)
{
	struct slot *slot;
	struct entry *e;
	struct op_figures key;
	uint64_t hash;
	struct shard *s = shard_of(book, op, &key, &hash);

	pthread_mutex_lock(&s->lock);
	if (has_room(s)) {
		slot = slot_of(s, &key, hash);
		/* Another thread may have been first: its price is the same. */
		e = slot->entry ? NULL : next_entry(s);
		if (e) {
			*e = (struct entry){ key, *cost };
			*slot = (struct slot){ hash, e };
			s->count++;
		}
	}
	pthread_mutex_unlock(&s->lock);
}
