#include "sim/serve/prefix_cache.h"

#include "base/mem.h"

enum { NONE = -1, FIRST = 1024 };
enum tier { TIER_DEVICE, TIER_HOST, TIER_DISK };

struct block {
	uint64_t key;
	int32_t prev, next;            /* in the queue of its tier, oldest first; only idle device blocks are queued */
	int32_t references;
	int32_t tier;
};

struct queue {
	int32_t head, tail;
	int64_t count;
};

struct prefix_cache {
	struct block *blocks;
	size_t capacity;
	int32_t used, free_head;
	int32_t *slots;                /* open addressing, linear probing; -1 = empty */
	size_t slot_count;             /* a power of two, at least twice the blocks in use */
	size_t present;
	struct queue idle, host, disk;
	int64_t host_most, disk_most, resident;
};

struct prefix_cache *prefix_cache_new(int64_t host_blocks)
{
	struct prefix_cache *pc = mem_calloc(1, sizeof(*pc));

	if (!pc)
		return NULL;
	pc->host_most = host_blocks;
	pc->free_head = pc->idle.head = pc->idle.tail = pc->host.head = pc->host.tail = pc->disk.head = pc->disk.tail = NONE;
	pc->slot_count = 2 * FIRST;
	pc->slots = mem_alloc(pc->slot_count * sizeof(*pc->slots));
	if (!pc->slots || !mem_grow(&pc->blocks, &pc->capacity, FIRST, sizeof(*pc->blocks))) {
		prefix_cache_free(pc);
		return NULL;
	}
	for (size_t i = 0; i < pc->slot_count; i++)
		pc->slots[i] = NONE;
	return pc;
}

void prefix_cache_free(struct prefix_cache *pc)
{
	if (!pc)
		return;
	mem_free(pc->blocks);
	mem_free(pc->slots);
	mem_free(pc);
}

/* Keys are hashes already: their low bits are as good as any. */
static size_t slot_of(const struct prefix_cache *pc, uint64_t key)
{
	size_t at = key & (pc->slot_count - 1);

	while (pc->slots[at] != NONE && pc->blocks[pc->slots[at]].key != key)
		at = (at + 1) & (pc->slot_count - 1);
	return at;
}

static struct block *find(const struct prefix_cache *pc, uint64_t key)
{
	int32_t i = pc->slots[slot_of(pc, key)];

	return i == NONE ? NULL : &pc->blocks[i];
}

static bool grow_slots(struct prefix_cache *pc)
{
	size_t count = 2 * pc->slot_count, old_count = pc->slot_count;
	int32_t *old = pc->slots, *slots = mem_alloc(count * sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < count; i++)
		slots[i] = NONE;
	pc->slots = slots;
	pc->slot_count = count;
	for (size_t i = 0; i < old_count; i++)
		if (old[i] != NONE)
			slots[slot_of(pc, pc->blocks[old[i]].key)] = old[i];
	mem_free(old);
	return true;
}

/* Empties a slot and moves later entries of its run back, so that probing never meets a hole. */
static void clear_slot(struct prefix_cache *pc, size_t at)
{
	size_t mask = pc->slot_count - 1, next = at;

	for (;;) {
		size_t home;

		next = (next + 1) & mask;
		if (pc->slots[next] == NONE)
			break;
		home = pc->blocks[pc->slots[next]].key & mask;
		if (((next - home) & mask) >= ((next - at) & mask)) {
			pc->slots[at] = pc->slots[next];
			at = next;
		}
	}
	pc->slots[at] = NONE;
}

static void queue_push(struct prefix_cache *pc, struct queue *q, int32_t i)
{
	pc->blocks[i].prev = q->tail;
	pc->blocks[i].next = NONE;
	if (q->tail == NONE)
		q->head = i;
	else
		pc->blocks[q->tail].next = i;
	q->tail = i;
	q->count++;
}

static void queue_remove(struct prefix_cache *pc, struct queue *q, int32_t i)
{
	int32_t prev = pc->blocks[i].prev, next = pc->blocks[i].next;

	if (prev == NONE)
		q->head = next;
	else
		pc->blocks[prev].next = next;
	if (next == NONE)
		q->tail = prev;
	else
		pc->blocks[next].prev = prev;
	q->count--;
}

static struct queue *tier_queue(struct prefix_cache *pc, const struct block *b)
{
	return b->tier == TIER_DISK ? &pc->disk : &pc->host;
}

static void drop(struct prefix_cache *pc, int32_t i)
{
	clear_slot(pc, slot_of(pc, pc->blocks[i].key));
	pc->blocks[i].next = pc->free_head;
	pc->free_head = i;
	pc->present--;
}

int32_t prefix_cache_match(const struct prefix_cache *pc, const uint64_t *keys, int32_t count, int32_t *host)
{
	int32_t n = 0, more = 0;
	const struct block *b;

	while (n < count && (b = find(pc, keys[n])) && b->tier == TIER_DEVICE)
		n++;
	if (pc->host.count + pc->disk.count > 0)
		while (n + more < count && (b = find(pc, keys[n + more])) && b->tier != TIER_DEVICE)
			more++;
	*host = more;
	return n;
}

int32_t prefix_cache_on_disk(const struct prefix_cache *pc, const uint64_t *keys, int32_t count)
{
	const struct block *b;
	int32_t n = 0;

	for (int32_t k = 0; k < count && pc->disk.count > 0; k++)
		n += (b = find(pc, keys[k])) && b->tier == TIER_DISK;
	return n;
}

void prefix_cache_tiers(struct prefix_cache *pc, int64_t host_blocks, int64_t disk_blocks)
{
	pc->host_most = host_blocks;
	pc->disk_most = disk_blocks;
}

int64_t prefix_cache_pin(struct prefix_cache *pc, const uint64_t *keys, int32_t count)
{
	int64_t woken = 0;

	for (int32_t k = 0; k < count; k++) {
		struct block *b = find(pc, keys[k]);

		if (b->references++ == 0) {
			queue_remove(pc, &pc->idle, (int32_t)(b - pc->blocks));
			woken++;
		}
	}
	return woken;
}

int64_t prefix_cache_unpin(struct prefix_cache *pc, const uint64_t *keys, int32_t count)
{
	int64_t idle = 0;

	for (int32_t k = count; k-- > 0;) {
		struct block *b = find(pc, keys[k]);

		if (--b->references == 0) {
			queue_push(pc, &pc->idle, (int32_t)(b - pc->blocks));
			idle++;
		}
	}
	return idle;
}

bool prefix_cache_insert(struct prefix_cache *pc, uint64_t key)
{
	size_t at = slot_of(pc, key);
	struct block *b;
	int32_t i = pc->slots[at];

	if (i != NONE) {
		b = &pc->blocks[i];
		if (b->tier == TIER_DEVICE)
			return false;
		/* Computed again while an old copy waits in the slower tier: the new one takes its place. */
		queue_remove(pc, tier_queue(pc, b), i);
		b->tier = TIER_DEVICE;
		b->references = 1;
		pc->resident++;
		return true;
	}
	if (2 * (pc->present + 1) > pc->slot_count) {
		if (!grow_slots(pc))
			return false;
		at = slot_of(pc, key);
	}
	if (pc->free_head != NONE) {
		i = pc->free_head;
		pc->free_head = pc->blocks[i].next;
	} else {
		if (!mem_grow(&pc->blocks, &pc->capacity, (size_t)pc->used + 1, sizeof(*pc->blocks)))
			return false;
		i = pc->used++;
	}
	pc->blocks[i] = (struct block){ .key = key, .prev = NONE, .next = NONE, .references = 1, .tier = TIER_DEVICE };
	pc->slots[at] = i;
	pc->present++;
	pc->resident++;
	return true;
}

/* The oldest block of the host tier moves on: to the disk, whose oldest leaves for good, or out. */
static void make_room(struct prefix_cache *pc)
{
	int32_t oldest = pc->host.head, last = pc->disk.head;

	queue_remove(pc, &pc->host, oldest);
	if (pc->disk_most == 0) {
		drop(pc, oldest);
		return;
	}
	if (pc->disk.count >= pc->disk_most) {
		queue_remove(pc, &pc->disk, last);
		drop(pc, last);
	}
	pc->blocks[oldest].tier = TIER_DISK;
	queue_push(pc, &pc->disk, oldest);
}

bool prefix_cache_evict(struct prefix_cache *pc)
{
	int32_t i = pc->idle.head;

	if (i == NONE)
		return false;
	queue_remove(pc, &pc->idle, i);
	pc->resident--;
	if (pc->host_most == 0) {
		drop(pc, i);
		return true;
	}
	if (pc->host.count >= pc->host_most)
		make_room(pc);
	pc->blocks[i].tier = TIER_HOST;
	queue_push(pc, &pc->host, i);
	return true;
}

void prefix_cache_restore(struct prefix_cache *pc, const uint64_t *keys, int32_t count)
{
	for (int32_t k = 0; k < count; k++) {
		struct block *b = find(pc, keys[k]);

		if (!b || b->tier == TIER_DEVICE)
			continue;
		queue_remove(pc, tier_queue(pc, b), (int32_t)(b - pc->blocks));
		b->tier = TIER_DEVICE;
		b->references = 1;
		pc->resident++;
	}
}

int64_t prefix_cache_idle(const struct prefix_cache *pc)
{
	return pc->idle.count;
}

int64_t prefix_cache_resident(const struct prefix_cache *pc)
{
	return pc->resident;
}
