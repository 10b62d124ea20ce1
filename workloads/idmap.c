#include "workloads/idmap.h"

#include "base/hash.h"
#include "base/mem.h"

static struct idmap_slot *slot_of(struct idmap_slot *slots, size_t capacity, uint64_t id)
{
	size_t i = (size_t)(hash_mix(id, 0x5bd1e995) & (capacity - 1));

	while (slots[i].id != 0 && slots[i].id != id)
		i = (i + 1) & (capacity - 1);
	return &slots[i];
}

static bool grow(struct idmap *m)
{
	size_t capacity = m->capacity ? 2 * m->capacity : 1024;
	struct idmap_slot *slots = mem_calloc(capacity, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < m->capacity; i++)
		if (m->slots[i].id)
			*slot_of(slots, capacity, m->slots[i].id) = m->slots[i];
	mem_free(m->slots);
	m->slots = slots;
	m->capacity = capacity;
	return true;
}

int64_t *idmap_at(struct idmap *m, uint64_t id, int64_t absent, bool *made)
{
	struct idmap_slot *slot;
	bool fresh;

	if (id == 0) {
		fresh = !m->has_zero;
		if (fresh)
			m->zero_value = absent;
		m->has_zero = true;
		if (made)
			*made = fresh;
		return &m->zero_value;
	}
	if (4 * (m->count + 1) > 3 * m->capacity && !grow(m))
		return NULL;
	slot = slot_of(m->slots, m->capacity, id);
	fresh = slot->id == 0;
	if (fresh) {
		*slot = (struct idmap_slot){ id, absent };
		m->count++;
	}
	if (made)
		*made = fresh;
	return &slot->value;
}

const int64_t *idmap_find(const struct idmap *m, uint64_t id)
{
	const struct idmap_slot *slot;

	if (id == 0)
		return m->has_zero ? &m->zero_value : NULL;
	if (m->count == 0)
		return NULL;
	slot = slot_of(m->slots, m->capacity, id);
	return slot->id ? &slot->value : NULL;
}

size_t idmap_count(const struct idmap *m)
{
	return m->count + m->has_zero;
}

void idmap_release(struct idmap *m)
{
	mem_free(m->slots);
	*m = (struct idmap){ 0 };
}

uint64_t id_of_text(const char *text, size_t length)
{
	uint64_t h = 0x9ae16a3b2f90404full ^ length;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return hash_mix(h, length) | 1; /* never 0, which means no session */
}
