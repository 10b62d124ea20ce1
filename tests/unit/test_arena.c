#include <stdint.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/arena.h"
#include "base/mem.h"
#include "tests/unit/scratch.h"

static void memory_is_zeroed_and_aligned(void)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4000, 4096, 5000, 1 << 20, 3 << 20, 1 };
	struct arena *a = arena_new();
	unsigned char *all[COUNT_OF(sizes)];

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		all[i] = arena_alloc(a, sizes[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(all[i]);
		CU_ASSERT_EQUAL((uintptr_t)all[i] % 16, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			if (all[i][k])
				CU_FAIL_FATAL("not zero");
		memset(all[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++)    /* no two overlap */
		for (size_t k = 0; k < sizes[i]; k++)
			if (all[i][k] != i + 1)
				CU_FAIL_FATAL("overlap");
	arena_free(a);
	arena_free(NULL);
}

static void texts(void)
{
	struct arena *a = arena_new();
	char *first = arena_strdup(a, "first"), *long_text = arena_printf(a, "%0*d", 10000, 7);

	SAME_TEXT(first, "first");
	CU_ASSERT_EQUAL(strlen(long_text), 10000);
	CU_ASSERT_EQUAL(long_text[9999], '7');
	SAME_TEXT(arena_printf(a, "%s-%d", "x", 3), "x-3");
	SAME_TEXT(arena_printf(a, "%s", ""), "");
	SAME_TEXT(first, "first");
	arena_free(a);
}

static void refuses_absurd_sizes(void)
{
	struct arena *a = arena_new();

	CU_ASSERT_PTR_NULL(arena_alloc(a, SIZE_MAX));
	CU_ASSERT_PTR_NULL(arena_alloc(a, SIZE_MAX - 15));
	CU_ASSERT_PTR_NOT_NULL(arena_alloc(a, 1));
	arena_free(a);
}

static void survives_lack_of_memory(void)
{
	for (size_t n = 1; n < 8; n++) {
		struct arena *a;
		char *p;

		mem_fail_after(n);
		a = arena_new();
		CU_ASSERT_EQUAL(a == NULL, n == 1);
		if (a) {
			p = arena_alloc(a, 100000);
			CU_ASSERT_EQUAL(p == NULL, n == 2);
			p = arena_strdup(a, "abc");
			CU_ASSERT_EQUAL(p == NULL, n <= 3);
			p = arena_printf(a, "%d", 1);
			CU_ASSERT_EQUAL(p == NULL, n <= 3);
		}
		mem_fail_after(0);
		arena_free(a);
	}
}

CU_TestInfo suite_arena[] = {
	{ "memory is zeroed, aligned and apart", memory_is_zeroed_and_aligned },
	{ "texts of any length", texts },
	{ "absurd sizes are refused", refuses_absurd_sizes },
	{ "lack of memory is NULL, nothing leaks", survives_lack_of_memory },
	CU_TEST_INFO_NULL
};
