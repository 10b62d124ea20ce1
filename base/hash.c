#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"

struct hash {
	XXH3_state_t *state;
};

struct hash *hash_new(void)
{
	struct hash *h = mem_calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->state = XXH3_createState();
	if (!h->state) {
		mem_free(h);
		return NULL;
	}
	XXH3_128bits_reset(h->state);
	return h;
}

void hash_add(struct hash *h, const void *data, size_t bytes)
{
	XXH3_128bits_update(h->state, data, bytes);
}

void hash_add_text(struct hash *h, const char *text)
{
	uint64_t n = strlen(text);

	hash_add(h, &n, sizeof(n));
	hash_add(h, text, n);
}

void hash_hex(struct hash *h, char out[33])
{
	XXH128_hash_t v = XXH3_128bits_digest(h->state);

	snprintf(out, 33, "%016llx%016llx", (unsigned long long)v.high64, (unsigned long long)v.low64);
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	XXH3_freeState(h->state);
	mem_free(h);
}

int hash_file(struct hash *h, const char *path)
{
	char block[1 << 16];
	FILE *f = fopen(path, "rb");
	size_t n;
	int failed;

	if (!f)
		return -1;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		hash_add(h, block, n);
	failed = ferror(f);
	fclose(f);
	return failed ? -1 : 0;
}
