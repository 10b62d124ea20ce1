#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/calendar.h"
#include "base/str.h"
#include "sim/plan/traffic.h"
#include "tests/unit/scratch.h"

static const double DAY = 86400, WEEK = 604800;

static double start_of(int64_t year, int64_t month, int64_t day)
{
	return (double)calendar_days(year, month, day) * DAY;
}

/* 2027-01-04 is a Monday. */
static void read_demand(const char *text, double horizon_s, struct traffic *t, struct arena *a)
{
	struct err err = { 0 };
	bool ok = traffic_read(text, "--demand", 900, horizon_s, t, a, &err);

	if (!ok)
		fprintf(stderr, "%s: %s\n", text, err.text);
	CU_ASSERT_FATAL(ok);
}

static void shapes_have_their_mean_and_peak(void)
{
	static const double ratios[] = { 1, 1.2, 2, 3, 8, 20 };
	struct arena *a = arena_new();
	double rates[96];

	for (size_t k = 0; k < sizeof(ratios) / sizeof(ratios[0]); k++) {
		char text[80];
		struct traffic t;
		double sum = 0, most = 0;

		snprintf(text, sizeof(text), "diurnal:mean=20,peak=%g,peak_hour=9", 20 * ratios[k]);
		read_demand(text, WEEK, &t, a);
		traffic_rates(&t, start_of(2027, 1, 4), 0, 900, 96, rates);
		for (size_t i = 0; i < 96; i++) {
			sum += rates[i];
			most = fmax(most, rates[i]);
		}
		CU_ASSERT_DOUBLE_EQUAL(sum / 96, 20, 1e-6);
		CU_ASSERT_DOUBLE_EQUAL(most, 20 * ratios[k], 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(rates[9 * 4], 20 * ratios[k], 1e-9);
	}
	arena_free(a);
}

static void clocks_weekends_and_growth(void)
{
	struct arena *a = arena_new();
	double here[7 * 24], east[7 * 24], later[24];
	struct traffic t;

	read_demand("weekly:mean=10,peak=30,weekend=0.5", WEEK, &t, a);
	traffic_rates(&t, start_of(2027, 1, 4), 0, 3600, 7 * 24, here);
	traffic_rates(&t, start_of(2027, 1, 4), 3 * 3600, 3600, 7 * 24, east);
	CU_ASSERT_DOUBLE_EQUAL(here[14], 30, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(here[5 * 24 + 14], 15, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(here[4 * 24 + 23], here[23], 1e-9);
	/* Clocks that are ahead: the peak comes earlier, Saturday, too. */
	for (size_t i = 0; i + 3 < 7 * 24; i++)
		CU_ASSERT_DOUBLE_EQUAL(east[i], here[i + 3], 1e-9);
	read_demand("growth:mean=10,growth=0.1", WEEK, &t, a);
	traffic_rates(&t, 0, 0, TRAFFIC_MONTH_S, 24, later);
	for (size_t i = 0; i < 24; i++)
		CU_ASSERT_DOUBLE_EQUAL(later[i], 10 * pow(1.1, (double)i), 1e-6);
	arena_free(a);
}

/* Requests are conserved whatever the grid, and weeks repeat. */
static void tables_hold_and_repeat(void)
{
	char path[SCRATCH_PATH];
	struct arena *a = arena_new();
	double fine[28 * 96], coarse[28 * 12], sum = 0, other = 0;
	struct str text = { 0 };
	struct traffic t;

	str_add(&text, "# a week and a half, by the hour\ntime_s,requests_per_s\n");
	for (int h = 0; h < 252; h++)
		str_addf(&text, "%d,%d.5\n", 1000 + 3600 * h, h % 24 + (h / 24) * 3);
	scratch_bytes(path, "rates.csv", str_text(&text), text.length);
	read_demand(path, 28 * DAY, &t, a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t.note);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.note, "its first 1 week is repeated"));
	traffic_rates(&t, start_of(2027, 1, 4), 0, 900, 28 * 96, fine);
	traffic_rates(&t, start_of(2027, 1, 4), 0, 7200, 28 * 12, coarse);
	for (size_t i = 0; i < 28 * 96; i++) {
		sum += fine[i] * 900;
		if (i >= 7 * 96)
			CU_ASSERT_DOUBLE_EQUAL(fine[i], fine[i - 7 * 96], 1e-9);
	}
	for (size_t i = 0; i < 28 * 12; i++)
		other += coarse[i] * 7200;
	CU_ASSERT_DOUBLE_EQUAL(sum / other, 1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(fine[0], 0.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(fine[4 * 25], 1 + 3 + 0.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(coarse[0], 1, 1e-12);
	/* As long as the plan it is used whole. */
	read_demand(path, 10 * DAY, &t, a);
	CU_ASSERT_PTR_NULL(t.note);
	remove(path);
	str_release(&text);
	arena_free(a);
}

static void tables_may_have_dates(void)
{
	char path[SCRATCH_PATH];
	struct arena *a = arena_new();
	double rates[3];
	struct traffic t;

	scratch_text(path, "dated.csv", "date,note,requests_per_s\n2027-02-01,x,4\n2027-02-02T00:00:00,,8\n2027-02-03,,2\n");
	read_demand(path, 3 * DAY, &t, a);
	CU_ASSERT_DOUBLE_EQUAL(t.steps.first_day_s, start_of(2027, 2, 1), 0);
	traffic_rates(&t, start_of(2027, 2, 2), 0, DAY, 3, rates);
	CU_ASSERT(rates[0] == 8 && rates[1] == 2 && rates[2] == 4);
	remove(path);
	arena_free(a);
}

/* Four arrivals in 30 s, one a minute later: bins of a minute, and a last one that is partly filled. */
static void traces_are_counted(void)
{
	char path[SCRATCH_PATH];
	struct arena *a = arena_new();
	struct traffic t;
	double rates[2];

	scratch_text(path, "arrivals.csv", "arrival_s,prompt_tokens,output_tokens\n100,5,5\n110,5,5\n120,5,5\n130,5,5\n180,5,5\n");
	CU_ASSERT_FATAL(traffic_read(arena_printf(a, "trace:%s", path), "--demand", 60, 0, &t, a, NULL));
	CU_ASSERT_DOUBLE_EQUAL(t.steps.period_s, 100, 1e-9);
	CU_ASSERT_EQUAL(t.steps.count, 2);
	traffic_rates(&t, 0, 0, 50, 2, rates);
	CU_ASSERT_DOUBLE_EQUAL(rates[0], 4.0 / 60, 1e-12);
	/* 10 s of the first bin, 40 s of the second, which holds one request. */
	CU_ASSERT_DOUBLE_EQUAL(rates[1], (10 * 4.0 / 60 + 1) / 50, 1e-12);
	remove(path);
	arena_free(a);
}

static void refuses(void)
{
	static const struct { const char *file, *text, *says; } cases[] = {
		{ NULL, "diurnl:mean=1,peak=2", "did you mean 'diurnal'?" }, { NULL, "-3", "expected 0 or more" }, { NULL, "nan", "expected requests a second" },
		{ NULL, "diurnal:mean=20", "expected peak= with it" }, { NULL, "diurnal:peak=20", "expected mean= with it" },
		{ NULL, "diurnal:mean=20,peak=10", "peak=10: expected between the mean" }, { NULL, "diurnal:mean=1,pek=2", "did you mean 'peak'?" },
		{ NULL, "constant:mean=2,peak=4", "constant has no peak" }, { NULL, "growth:mean=2", "expected growth= with it" },
		{ NULL, "weekly:mean", "expected name=value" }, { NULL, "diurnal:mean=x,peak=2", "mean" }, { NULL, "/nonexistent.csv", "/nonexistent.csv" },
		{ "", NULL, ":1: empty file" }, { "time_s,requests_per_s\n", NULL, "no lines after the header" },
		{ "time_s,rate\n0,1\n", NULL, "no column 'requests_per_s'" }, { "tme_s,requests_per_s\n0,1\n", NULL, "did you mean 'tme_s'?" },
		{ "time_s,requests_per_s\n0,-1\n", NULL, ":2: requests_per_s=\"-1\": expected 0 to 1e9" },
		{ "time_s,requests_per_s\n0,nan\n", NULL, ":2: requests_per_s=\"nan\": expected a number" },
		{ "time_s,requests_per_s\n0,1\n60,2\n60,3\n", NULL, ":4: the time is not after that of the line before" },
		{ "time_s,requests_per_s\n0,1\n1e13,2\n", NULL, "expected seconds" }, { "date,requests_per_s\n2027-13-01,1\n", NULL, ":2: date=\"2027-13-01\"" },
		{ "time_s,requests_per_s\n0\n", NULL, "expected a number" }, { "time_s,requests_per_s\n0,1\n1e-200,2\n", NULL, "expected at least 0.001 s" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[SCRATCH_PATH];
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct traffic t;
		const char *text = cases[i].text;

		if (cases[i].file)
			text = scratch_text(path, "bad.csv", cases[i].file);
		TRUE_FOR(cases[i].says, !traffic_read(text, "--demand", 900, WEEK, &t, a, &err));
		if (!strstr(err.text, cases[i].says))
			fprintf(stderr, "got: %s\n", err.text);
		TRUE_FOR(cases[i].says, strstr(err.text, cases[i].says) != NULL);
		TRUE_FOR(cases[i].says, err.kind == ERR_INPUT || err.kind == ERR_IO);
		if (cases[i].file)
			remove(path);
		arena_free(a);
	}
}

CU_TestInfo suite_traffic[] = { { "shapes have their mean and peak", shapes_have_their_mean_and_peak }, { "clocks, weekends and growth", clocks_weekends_and_growth },
				{ "tables hold and repeat", tables_hold_and_repeat }, { "tables may have dates", tables_may_have_dates },
				{ "traces are counted", traces_are_counted }, { "refuses", refuses }, CU_TEST_INFO_NULL };
