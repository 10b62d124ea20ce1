/* A document shown without knowing what it is about. */
#include "reports/document_page.h"
#include "tests/unit/scratch.h"

static size_t times(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

static void page_of(const char *document, struct str *out)
{
	struct err err = { 0 };

	CU_ASSERT_TRUE_FATAL(document_html(document, "kicker", "A study", out, &err));
}

static void draws_what_it_is_asked_for(void)
{
	struct str page = { 0 };

	page_of("{\"cost\": 3, \"months\": [{\"month\": \"2027-01-01\", \"usd\": 5}, {\"month\": \"2027-02-01\", \"usd\": 8}],"
		"\"variants\": [{\"label\": \"tp=4\", \"step_s\": 2}, {\"label\": \"tp=8\", \"step_s\": null}],"
		"\"drawings\": [{\"title\": \"Money\", \"unit\": \"USD\", \"list\": \"months\", \"at\": \"month\", \"of\": [{\"value\": \"usd\", \"label\": \"all\"}]},"
		"{\"title\": \"Steps\", \"unit\": \"s\", \"list\": \"variants\", \"at\": \"label\", \"of\": [{\"value\": \"step_s\", \"label\": \"step\"}]}]}",
		&page);
	CU_ASSERT_EQUAL(times(str_text(&page), "<svg"), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&page), "Money"));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&page), "tp=4"));
	/* The wish itself is no table. */
	CU_ASSERT_EQUAL(times(str_text(&page), ">drawings<"), 0);
	str_release(&page);
}

static void leaves_out_what_does_not_fit(void)
{
	static const char *const drawings[] = {
		"[]", "[3]", "[{}]", "[{\"list\": \"none\", \"at\": \"x\", \"of\": [{\"value\": \"y\"}]}]", "[{\"list\": \"items\", \"at\": \"x\", \"of\": []}]",
		"[{\"list\": \"items\", \"at\": \"x\", \"of\": [{\"value\": \"absent\"}]}]", "[{\"list\": \"items\", \"at\": \"when\", \"of\": [{\"value\": \"y\"}]}]",
	};

	for (size_t i = 0; i < COUNT_OF(drawings); i++) {
		struct str document = { 0 }, page = { 0 };

		str_addf(&document, "{\"items\": [{\"x\": \"a\", \"y\": 1, \"when\": \"2027-01-01\"}, {\"x\": \"b\", \"y\": 2}], \"drawings\": %s}", drawings[i]);
		page_of(str_text(&document), &page);
		TRUE_FOR(drawings[i], times(str_text(&page), "<svg") == 0 && times(str_text(&page), ">items<") > 0);
		str_release(&document);
		str_release(&page);
	}
}

CU_TestInfo suite_document[] = {
	{ "draws what it is asked for", draws_what_it_is_asked_for }, { "leaves out what does not fit", leaves_out_what_does_not_fit }, CU_TEST_INFO_NULL,
};
