#include <string.h>

#include <CUnit/CUnit.h>

#include "base/err.h"
#include "tests/unit/scratch.h"

static void first_error_stays(void)
{
	struct err err = { 0 };

	CU_ASSERT_FALSE(err_set(&err, ERR_INPUT, "%s:%d: tp=%d", "a.xml", 3, -1));
	CU_ASSERT_FALSE(err_set(&err, ERR_IO, "disk full"));
	CU_ASSERT_FALSE(err_memory(&err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	SAME_TEXT(err.text, "a.xml:3: tp=-1");
	CU_ASSERT_FALSE(err_set(NULL, ERR_INPUT, "nobody listens"));
	CU_ASSERT_FALSE(err_memory(NULL));
}

static void one_line_whatever_comes_in(void)
{
	struct err err = { 0 };
	char big[2000];

	err_set(&err, ERR_INPUT, "%s", "a\nb\r\tc\033[31m\x7f" "d");
	SAME_TEXT(err.text, "a b  c [31m d");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err = (struct err){ 0 };
	err_set(&err, ERR_IO, "%s", big);
	CU_ASSERT_EQUAL(strlen(err.text), sizeof(err.text) - 1);
}

static void kinds_have_exit_statuses(void)
{
	static const struct { enum err_kind kind; int status; } cases[] = {
		{ ERR_NONE, 0 }, { ERR_CHECK, 1 }, { ERR_INPUT, 2 }, { ERR_IO, 3 }, { ERR_INTERNAL, 3 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .kind = cases[i].kind };

		CU_ASSERT_EQUAL(err_exit_status(&err), cases[i].status);
	}
}

static void out_of_memory_is_internal(void)
{
	struct err err = { 0 };

	err_memory(&err);
	CU_ASSERT_EQUAL(err.kind, ERR_INTERNAL);
	SAME_TEXT(err.text, "out of memory");
}

CU_TestInfo suite_err[] = {
	{ "the first error stays, NULL is fine", first_error_stays },
	{ "an error is one line that fits", one_line_whatever_comes_in },
	{ "kinds have exit statuses", kinds_have_exit_statuses },
	{ "out of memory is internal", out_of_memory_is_internal },
	CU_TEST_INFO_NULL
};
