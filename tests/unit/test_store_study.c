#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "reports/store.h"

static void keeps_studies_and_outcomes(void)
{
	static const struct study_row rows[] = { { "base", "done", "aa", "{\"x\":1}" }, { "tp=2", "impossible", NULL, NULL } };
	struct arena *a = arena_new();
	struct err err = { 0 };
	char path[] = "/tmp/vibee-study-XXXXXX", id[33], second[33];
	struct stored_study got;
	const char *text;
	int fd = mkstemp(path);
	struct store *s;

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	unlink(path);
	s = store_open(path, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FATAL(store_put_study(s, "whatif", NULL, "one", "{}", rows, 2, id, &err));
	CU_ASSERT_FATAL(store_put_study(s, "search", NULL, "two", NULL, NULL, 0, second, &err));
	CU_ASSERT_FATAL(store_get_study(s, NULL, "last", a, &got, &err));
	CU_ASSERT_STRING_EQUAL(got.id, second);
	CU_ASSERT_PTR_NULL(got.document);
	CU_ASSERT_FATAL(store_get_study(s, "whatif", "last", a, &got, &err));
	CU_ASSERT_STRING_EQUAL(got.id, id);
	CU_ASSERT_STRING_EQUAL(got.document, "{}");
	CU_ASSERT_EQUAL(got.rows, 2);
	id[8] = '\0';
	CU_ASSERT(store_get_study(s, NULL, id, a, &got, &err));
	CU_ASSERT_STRING_EQUAL(got.title, "one");
	CU_ASSERT_FALSE(store_get_study(s, "plan", "last", a, &got, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	err = (struct err){ 0 };
	CU_ASSERT(store_get_outcome(s, "k", a, &text, &err));
	CU_ASSERT_PTR_NULL(text);
	CU_ASSERT(store_put_outcome(s, "k", "1", "first", &err) && store_put_outcome(s, "k", "1", "second", &err));
	CU_ASSERT(store_get_outcome(s, "k", a, &text, &err));
	CU_ASSERT_STRING_EQUAL(text, "second");
	CU_ASSERT(store_check(s, &err));
	store_close(s);
	unlink(path);
	arena_free(a);
}

extern CU_TestInfo suite_store_study[];
CU_TestInfo suite_store_study[] = { { "keeps studies and outcomes", keeps_studies_and_outcomes }, CU_TEST_INFO_NULL };
