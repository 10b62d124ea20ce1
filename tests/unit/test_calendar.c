#include <string.h>

#include <CUnit/CUnit.h>

#include "base/calendar.h"
#include "tests/unit/scratch.h"

static void days_and_back(void)
{
	int64_t year, month, day;

	CU_ASSERT_EQUAL(calendar_days(1970, 1, 1), 0);
	CU_ASSERT_EQUAL(calendar_days(2000, 3, 1), 11017);
	/* Every day of four centuries comes back, one after the other. */
	for (int64_t d = calendar_days(1900, 1, 1); d < calendar_days(2300, 1, 1); d++) {
		calendar_date(d, &year, &month, &day);
		CU_ASSERT_EQUAL_FATAL(calendar_days(year, month, day), d);
		CU_ASSERT_FATAL(month >= 1 && month <= 12 && day >= 1 && day <= 31);
	}
}

static void weekdays(void)
{
	CU_ASSERT_EQUAL(calendar_weekday(calendar_days(1970, 1, 1)), 3);
	CU_ASSERT_EQUAL(calendar_weekday(calendar_days(2027, 1, 1)), 4);
	CU_ASSERT_EQUAL(calendar_weekday(calendar_days(1900, 1, 1)), 0);
}

static void months(void)
{
	static const struct { const char *from, *to; int64_t months; } cases[] = {
		{ "2027-01-01", "2027-02-01", 1 }, { "2027-01-31", "2027-02-28", 1 }, { "2028-01-31", "2028-02-29", 1 }, { "2027-12-15", "2028-01-15", 1 },
		{ "2027-01-31", "2030-01-31", 36 }, { "2027-03-31", "2027-03-31", 0 },
	};
	char buf[CALENDAR_ROOM];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ns;

		CU_ASSERT_FATAL(calendar_read(cases[i].from, strlen(cases[i].from), &ns));
		SAME_TEXT(calendar_text(buf, calendar_add_months(ns / 86400000000000, cases[i].months)), cases[i].to);
	}
}

static void reads_times(void)
{
	static const struct { const char *text; bool ok; int64_t s; } cases[] = {
		{ "1970-01-02", true, 86400 }, { "1970-01-01T00:00:10", true, 10 }, { "1970-01-01 01:00:00+01:00", true, 0 }, { "1970-01-01T00:00:00Z", true, 0 },
		{ "1970-13-01", false, 0 }, { "1970-01-01T25:00:00", false, 0 }, { "1970-01-01T", false, 0 }, { "1970/01/01", false, 0 }, { "", false, 0 },
		{ "1970-01-01x", false, 0 }, { "3000-01-01", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ns = 0;

		TRUE_FOR(cases[i].text, calendar_read(cases[i].text, strlen(cases[i].text), &ns) == cases[i].ok);
		if (cases[i].ok)
			TRUE_FOR(cases[i].text, ns == cases[i].s * 1000000000);
	}
}

CU_TestInfo suite_calendar[] = { { "days and back", days_and_back }, { "weekdays", weekdays }, { "months", months }, { "reads times", reads_times },
				 CU_TEST_INFO_NULL };
