/* hardware/power_fit: a law that was put in comes out, noise and all; bad files are refused in one line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/rng.h"
#include "hardware/energy.h"
#include "hardware/power_fit.h"

static const struct device board = { .name = "board", .power = { .tdp_w = 1000, .idle_w = 100, .busy_w = NAN, .memory_w = NAN, .compute_w = NAN } };

static void the_law_comes_back(void)
{
	enum { MANY = 4000 };
	struct power_point *points = mem_calloc(MANY, sizeof(*points));
	struct power_fit f;
	struct err err = { 0 };
	struct rng rng;

	rng_init(&rng, 3, "power");
	for (int i = 0; i < MANY; i++) {
		double c = rng_uniform(&rng) * 0.9, m = rng_uniform(&rng) * 0.9, watts = fmin(970, 200 + 300 * m + 700 * sqrt(c));

		/* One sample in five was averaged with a gap: far too low. */
		points[i] = (struct power_point){ .compute = c, .memory = m, .site = (uint64_t)i,
						  .watts = watts * (i % 5 == 0 ? 0.6 : 1) };
	}
	CU_ASSERT_TRUE(power_fit(&board, points, MANY, 0, &f, &err));
	CU_ASSERT_DOUBLE_EQUAL(f.busy_w / 200, 1, 0.15);
	CU_ASSERT_DOUBLE_EQUAL(f.memory_w / 300, 1, 0.10);
	CU_ASSERT_DOUBLE_EQUAL(f.compute_w / 700, 1, 0.10);
	CU_ASSERT_TRUE(f.median < 0.02 && f.p90 < 0.05);
	CU_ASSERT_TRUE(power_fit(&board, points, MANY, 200, &f, &err));
	CU_ASSERT_EQUAL(f.busy_w, 200);
	CU_ASSERT_FALSE(power_fit(&board, points, 3, 0, &f, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expected at least 8"));
	mem_free(points);
}

static const char *write_file(char path[256], const char *text)
{
	const char *folder = getenv("TMPDIR");
	FILE *f;

	snprintf(path, 256, "%s/vibee-power-%ld.csv", folder && *folder ? folder : "/tmp", (long)getpid());
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void files_are_read_or_refused(void)
{
	static const struct { const char *text, *says; size_t count; } cases[] = {
		{ "compute,memory,watts\n0.1,0.2,300\n0.2,0.3,400\n", NULL, 2 },
		{ "gemm_dtype,m,n,k,latency_us,power_w\nbfloat16,4096,4096,4096,300,650\nbfloat16,1,8,8,2,100\nbfloat16,4096,4096,4096,300,\n", NULL, 1 },
		{ "m,n,k\n1,2,3\n", "gemm_dtype", 0 },
		{ "compute,memory,watts\n0.1,x,300\n", "2", 0 },
	};
	struct device d = board;

	for (int t = 0; t < DTYPE_COUNT; t++)
		d.peak.flop_s[t] = 1e15;
	d.memory.bytes_s = 1e12;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct power_point *points = NULL;
		struct err err = { 0 };
		size_t count = 0;
		char path[256];
		bool ok = power_read(write_file(path, cases[i].text), &d, &points, &count, &err);

		CU_ASSERT_EQUAL(ok, cases[i].says == NULL);
		if (ok)
			CU_ASSERT_EQUAL(count, cases[i].count);
		if (cases[i].says)
			CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
		unlink(path);
		mem_free(points);
	}
}

/* 1000 W, idle 100: busy 291, memory adds 392 at its peak, arithmetic 1453 times the square root of its share. */
static void caps_slow_arithmetic_first(void)
{
	CU_ASSERT_EQUAL(energy_cap_slowdown(&board, 0, true, 0.5, 0.2), 1);
	CU_ASSERT_EQUAL(energy_cap_slowdown(&board, 2000, true, 0.5, 0.2), 1);
	CU_ASSERT_TRUE(energy_cap_slowdown(&board, 600, true, 0.5, 0.2) > 1.1);
	CU_ASSERT_TRUE(energy_cap_slowdown(&board, 500, true, 0.5, 0.2) > energy_cap_slowdown(&board, 600, true, 0.5, 0.2));
	/* Decode: bound by memory, little arithmetic: the clock may fall without a loss. */
	CU_ASSERT_EQUAL(energy_cap_slowdown(&board, 700, false, 0.02, 0.7), 1);
	/* Below what memory traffic itself draws it must wait. */
	CU_ASSERT_TRUE(energy_cap_slowdown(&board, 400, false, 0.02, 0.9) > 1.5);
}

CU_TestInfo suite_power_fit[] = {
	{ "the law comes back", the_law_comes_back },
	{ "files are read or refused", files_are_read_or_refused },
	{ "caps slow arithmetic first", caps_slow_arithmetic_first },
	CU_TEST_INFO_NULL
};
