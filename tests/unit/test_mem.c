#include <stdint.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"

static void nothing_is_still_a_pointer(void)
{
	void *a = mem_alloc(0), *b = mem_calloc(0, 8), *c = mem_realloc(NULL, 0, 8);

	CU_ASSERT_PTR_NOT_NULL(a);
	CU_ASSERT_PTR_NOT_NULL(b);
	CU_ASSERT_PTR_NOT_NULL(c);
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(NULL);
}

static void overflow_is_refused(void)
{
	size_t capacity = 0;
	char *array = NULL;
	char *kept = mem_strdup("kept");

	CU_ASSERT_PTR_NULL(mem_calloc(SIZE_MAX / 2, 3));
	CU_ASSERT_PTR_NULL(mem_realloc(kept, SIZE_MAX / 2, 3));
	CU_ASSERT_STRING_EQUAL(kept, "kept");
	CU_ASSERT_FALSE(mem_grow(&array, &capacity, SIZE_MAX, 1));
	CU_ASSERT_FALSE(mem_grow(&array, &capacity, SIZE_MAX / 4, 64));
	CU_ASSERT_PTR_NULL(array);
	CU_ASSERT_EQUAL(capacity, 0);
	mem_free(kept);
}

static void growing_keeps_content(void)
{
	size_t capacity = 0;
	int64_t *array = NULL;

	for (int64_t i = 0; i < 10000; i++) {
		if (!mem_grow(&array, &capacity, (size_t)i + 1, sizeof(*array))) {
			CU_FAIL("mem_grow");
			break;
		}
		CU_ASSERT_TRUE_FATAL(capacity > (size_t)i);
		array[i] = i * i;
	}
	for (int64_t i = 0; i < 10000; i++)
		if (array[i] != i * i)
			CU_FAIL("content moved");
	CU_ASSERT_TRUE(capacity < 20000);
	mem_free(array);
}

static void nth_allocation_fails(void)
{
	size_t capacity = 0;
	char *array = NULL, *a, *b;

	mem_fail_after(2);
	a = mem_alloc(8);
	b = mem_alloc(8);
	CU_ASSERT_PTR_NOT_NULL(a);
	CU_ASSERT_PTR_NULL(b);
	CU_ASSERT_PTR_NULL(mem_calloc(1, 1));           /* and all after it */
	CU_ASSERT_PTR_NULL(mem_strdup("x"));
	CU_ASSERT_PTR_NULL(mem_realloc(a, 100, 1));
	CU_ASSERT_FALSE(mem_grow(&array, &capacity, 1, 1));
	mem_fail_after(0);
	b = mem_strdup("x");
	CU_ASSERT_STRING_EQUAL(b, "x");
	mem_free(a);
	mem_free(b);
}

CU_TestInfo suite_mem[] = {
	{ "zero bytes give a valid pointer", nothing_is_still_a_pointer },
	{ "sizes that overflow are refused", overflow_is_refused },
	{ "growing keeps the content", growing_keeps_content },
	{ "the n-th allocation fails when told to", nth_allocation_fails },
	CU_TEST_INFO_NULL
};
