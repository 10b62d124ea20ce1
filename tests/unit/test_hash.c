#include <string.h>

#include <CUnit/CUnit.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tests/unit/scratch.h"

static void hex_of(const char *const *texts, bool framed, char out[33])
{
	struct hash *h = hash_new();

	for (; *texts; texts++)
		if (framed)
			hash_add_text(h, *texts);
		else
			hash_add(h, *texts, strlen(*texts));
	hash_hex(h, out);
	hash_free(h);
}

/* Pinned: stored runs are found again by this hash. The first is XXH3-128 of nothing, as its authors publish it. */
static void known_values(void)
{
	char out[33];

	hex_of((const char *const[]){ NULL }, false, out);
	SAME_TEXT(out, "99aa06d3014798d86001c324468d497f");
	hex_of((const char *const[]){ "a", "b", "c", NULL }, false, out);
	SAME_TEXT(out, "06b05ab6733a618578af5f94892f3950");
}

static void length_is_part(void)
{
	char a[33], b[33], c[33], d[33];

	hex_of((const char *const[]){ "ab", "c", NULL }, true, a);
	hex_of((const char *const[]){ "a", "bc", NULL }, true, b);
	hex_of((const char *const[]){ "abc", NULL }, true, c);
	hex_of((const char *const[]){ "abc", "", NULL }, true, d);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	CU_ASSERT_STRING_NOT_EQUAL(a, c);
	CU_ASSERT_STRING_NOT_EQUAL(c, d);
	hex_of((const char *const[]){ "ab", "c", NULL }, true, b);
	CU_ASSERT_STRING_EQUAL(a, b);
}

static void files(void)
{
	char path[SCRATCH_PATH], a[33], b[33], *big = mem_calloc(1, 200000);
	struct hash *h = hash_new();

	memset(big, 'q', 200000);
	CU_ASSERT_EQUAL(hash_file(h, scratch_bytes(path, "hashed", big, 200000)), 0);
	hash_hex(h, a);
	hash_hex(h, b);                                 /* looking does not change it */
	CU_ASSERT_STRING_EQUAL(a, b);
	hash_free(h);
	h = hash_new();
	hash_add(h, big, 200000);
	hash_hex(h, b);
	CU_ASSERT_STRING_EQUAL(a, b);
	CU_ASSERT_NOT_EQUAL(hash_file(h, "tests/data/absent"), 0);
	CU_ASSERT_NOT_EQUAL(hash_file(h, "tests"), 0);
	hash_free(h);
	hash_free(NULL);
	mem_free(big);
	remove(path);
}

/* One input bit flips about half of the output bits, so that chains of prefix blocks do not collide. */
static void mixing_spreads(void)
{
	double flips = 0, tries = 0;

	for (uint64_t a = 0; a < 200; a++)
		for (int bit = 0; bit < 64; bit++) {
			flips += __builtin_popcountll(hash_mix(a, 7) ^ hash_mix(a, 7 ^ 1ull << bit));
			flips += __builtin_popcountll(hash_mix(7, a) ^ hash_mix(7 ^ 1ull << bit, a));
			tries += 2;
		}
	CU_ASSERT_DOUBLE_EQUAL(flips / tries, 32, 1);
	CU_ASSERT_NOT_EQUAL(hash_mix(1, 2), hash_mix(2, 1));
}

CU_TestInfo suite_hash[] = {
	{ "known values", known_values },
	{ "lengths are part of texts", length_is_part },
	{ "files", files },
	{ "mixing spreads every bit", mixing_spreads },
	CU_TEST_INFO_NULL
};
