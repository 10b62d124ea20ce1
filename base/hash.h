/* 128-bit content hashes (XXH3), for scenario identity and prefix-block chains. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash;                                                          /* streaming state */
struct hash *hash_new(void);
void hash_add(struct hash *h, const void *data, size_t bytes);
void hash_add_text(struct hash *h, const char *text);                 /* with its length, so that "ab","c" != "a","bc" */
void hash_hex(struct hash *h, char out[33]);                          /* 32 hex digits */
void hash_free(struct hash *h);
int hash_file(struct hash *h, const char *path);                      /* content of a file; 0 on success */

/* Mixes two 64-bit values into one (prefix chains, hash tables). */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2));

	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

#endif
