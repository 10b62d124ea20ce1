#include "validation/engine/kv_pages.h"

#include "base/mem.h"

enum { NONE = -1 };

struct page {
	uint64_t key, parent;          /* key 0: private. parent: the batcher's key that covers it */
	int32_t refs, owner;
	int32_t prev, next;            /* list of the free, or of the idle in order of release */
};

struct list {
	int32_t head, tail;
};

struct kv_pages {
	struct page *at;               /* by number - first */
	int64_t first, blocks, block_tokens, used, known;
	const struct prefix_cache *cache;
	struct list free, idle;
	int32_t *slots;                /* open addressing: page of a key, NONE = empty */
	size_t mask;
};

static void push(struct kv_pages *p, struct list *l, int32_t i)
{
	p->at[i].prev = l->tail;
	p->at[i].next = NONE;
	*(l->tail == NONE ? &l->head : &p->at[l->tail].next) = i;
	l->tail = i;
}

static void unlink_page(struct kv_pages *p, struct list *l, int32_t i)
{
	int32_t prev = p->at[i].prev, next = p->at[i].next;

	*(prev == NONE ? &l->head : &p->at[prev].next) = next;
	*(next == NONE ? &l->tail : &p->at[next].prev) = prev;
}

/* ---- keys ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* A key of the batcher may cover several blocks; each gets one of its own. 0: no key covers block j whole. */
static uint64_t key_of(const struct kv_pages *p, const struct prefix_keys *k, int64_t j, uint64_t *parent)
{
	int64_t per = k && k->tokens > 0 ? k->tokens / p->block_tokens : 0, i = per > 0 ? j / per : 0;
	uint64_t key;

	if (!p->cache || per < 1 || i >= k->count)
		return 0;
	*parent = k->keys[i];
	key = mix(k->keys[i] + 0x9e3779b97f4a7c15u * (uint64_t)(j % per + 1));
	return key ? key : 1;
}

static size_t slot_of(const struct kv_pages *p, uint64_t key)
{
	size_t s = (size_t)key & p->mask;

	while (p->slots[s] != NONE && p->at[p->slots[s]].key != key)
		s = (s + 1) & p->mask;
	return s;
}

static int32_t lookup(const struct kv_pages *p, uint64_t key)
{
	return key ? p->slots[slot_of(p, key)] : NONE;
}

static void learn(struct kv_pages *p, int32_t i, uint64_t key, uint64_t parent)
{
	p->at[i].key = key;
	p->at[i].parent = parent;
	p->slots[slot_of(p, key)] = i;
	p->known++;
}

/* Those behind it in its run move up, so that none becomes unreachable. */
static void forget(struct kv_pages *p, int32_t i)
{
	size_t hole = slot_of(p, p->at[i].key), s = hole;

	for (;;) {
		size_t home;

		s = (s + 1) & p->mask;
		if (p->slots[s] == NONE)
			break;
		home = (size_t)p->at[p->slots[s]].key & p->mask;
		if (((s - home) & p->mask) >= ((s - hole) & p->mask)) {
			p->slots[hole] = p->slots[s];
			hole = s;
		}
	}
	p->slots[hole] = NONE;
	p->at[i].key = 0;
	p->known--;
}

/* ---- pages ---- */

struct kv_pages *kv_pages_new(int64_t first, int64_t blocks, int64_t block_tokens, const struct prefix_cache *cache, struct err *err)
{
	struct kv_pages *p = mem_calloc(1, sizeof(*p));
	size_t slots = 16;

	if (!p)
		goto fail;
	while (slots < 2 * (size_t)blocks)
		slots *= 2;
	*p = (struct kv_pages){ .first = first, .blocks = blocks, .block_tokens = block_tokens, .cache = cache, .free = { NONE, NONE }, .idle = { NONE, NONE },
				.mask = slots - 1 };
	p->at = mem_calloc((size_t)blocks, sizeof(*p->at));
	p->slots = mem_alloc(slots * sizeof(*p->slots));
	if (!p->at || !p->slots)
		goto fail;
	for (size_t s = 0; s < slots; s++)
		p->slots[s] = NONE;
	for (int64_t i = 0; i < blocks; i++)
		push(p, &p->free, (int32_t)i);
	return p;
fail:
	kv_pages_free(p);
	err_memory(err);
	return NULL;
}

void kv_pages_free(struct kv_pages *p)
{
	if (!p)
		return;
	mem_free(p->at);
	mem_free(p->slots);
	mem_free(p);
}

static bool still_cached(const struct kv_pages *p, int32_t i)
{
	int32_t host;

	return prefix_cache_match(p->cache, &p->at[i].parent, 1, &host) == 1;
}

/* A free block, or the longest idle one that the batcher's cache has dropped. */
static int32_t take(struct kv_pages *p)
{
	int32_t i = p->free.head;

	if (i != NONE) {
		unlink_page(p, &p->free, i);
	} else {
		for (i = p->idle.head; i != NONE && still_cached(p, i); i = p->at[i].next)
			;
		if (i == NONE)
			return NONE;
		unlink_page(p, &p->idle, i);
		forget(p, i);
	}
	p->at[i].refs = 1;
	p->used++;
	return i;
}

static void share(struct kv_pages *p, int32_t i)
{
	if (p->at[i].refs++ == 0) {
		unlink_page(p, &p->idle, i);
		p->at[i].owner = NONE;
		p->used++;
	}
}

static void drop(struct kv_pages *p, int32_t i)
{
	if (--p->at[i].refs > 0)
		return;
	p->used--;
	push(p, p->at[i].key ? &p->idle : &p->free, i);
}

bool kv_pages_owns(const struct kv_pages *p, int32_t block, int32_t owner)
{
	return p->at[block - p->first].owner == owner;
}

int64_t kv_pages_extend(struct kv_pages *p, struct block_table *t, const struct prefix_keys *keys, int64_t prior, int64_t tokens, int32_t owner,
			struct err *err)
{
	int64_t need = (tokens + p->block_tokens - 1) / p->block_tokens, start = prior;

	if (!mem_grow(&t->blocks, &t->capacity, (size_t)need, sizeof(*t->blocks))) {
		err_memory(err);
		return -1;
	}
	for (int64_t j = 0; j < need; j++) {
		bool fresh = j >= (int64_t)t->count, complete = (j + 1) * p->block_tokens <= tokens;
		uint64_t parent = 0, key = complete ? key_of(p, keys, j, &parent) : 0;
		int32_t known = lookup(p, key), i;

		if (!fresh && (!key || known == t->blocks[j] - (int32_t)p->first))
			continue;
		if (known != NONE) {   /* the same prefix lies there already */
			share(p, known);
			if (!fresh)
				drop(p, t->blocks[j] - (int32_t)p->first);
			i = known;
		} else if (fresh) {
			i = take(p);
			if (i == NONE) {
				err_set(err, ERR_INTERNAL, "engine: no cache block is left of %lld; the scheduler counted one", (long long)p->blocks);
				return -1;
			}
			p->at[i].owner = owner;
			if (j * p->block_tokens < start)
				start = j * p->block_tokens;
		} else {
			i = t->blocks[j] - (int32_t)p->first;
		}
		if (key && known == NONE)
			learn(p, i, key, parent);
		t->blocks[j] = i + (int32_t)p->first;
		if (fresh)
			t->count++;
	}
	return start;
}

void kv_pages_release(struct kv_pages *p, struct block_table *t, const struct prefix_keys *keys, int64_t tokens)
{
	for (size_t j = 0; j < t->count; j++) {
		int32_t i = t->blocks[j] - (int32_t)p->first;
		uint64_t parent = 0, key = ((int64_t)j + 1) * p->block_tokens <= tokens ? key_of(p, keys, (int64_t)j, &parent) : 0;

		if (key && !p->at[i].key && lookup(p, key) == NONE)
			learn(p, i, key, parent);
		if (p->at[i].owner != NONE && p->at[i].refs == 1)
			p->at[i].owner = NONE;
		drop(p, i);
	}
	t->count = 0;
}

void block_table_release(struct block_table *t)
{
	mem_free(t->blocks);
	*t = (struct block_table){ 0 };
}

int64_t kv_pages_used(const struct kv_pages *p)
{
	return p->used;
}

int64_t kv_pages_known(const struct kv_pages *p)
{
	return p->known;
}
