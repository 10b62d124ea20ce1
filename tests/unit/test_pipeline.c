/* Pipeline schedules: bubbles and held activations are exactly those of the papers for unit times. */
#include "sim/train/pipeline.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"

enum { MOST = 512 };

static struct pipeline_result run(const char *name, int p, int v, int m, double f, double b, double w)
{
	static struct chunk_time chunks[MOST];
	struct err err = { 0 };
	const struct schedule_ops *s = schedule_require(name, &err);
	struct pipeline_options o = { .schedule = s, .ranks = p, .chunks_a_rank = schedule_chunks(s, v), .micros = m, .chunks = chunks };
	struct pipeline_result r;

	for (int i = 0; i < MOST; i++)
		chunks[i] = (struct chunk_time){ .pass_s = { f, b, w } };
	if (!pipeline_run(&o, &r, &err)) {
		printf("%s\n", err.text);
		CU_FAIL("the schedule does not run");
	}
	return r;
}

/* Idle time of a rank in units of one micro-batch's f + b + w over all its chunks. */
static double bubble(const struct pipeline_result *r, int v, double each)
{
	return r->bubble_s / (v * each);
}

static void one_forward_one_backward(void)
{
	for (int p = 1; p <= 8; p++)
		for (int m = p; m <= 32; m++) {
			struct pipeline_result r = run("1f1b", p, 1, m, 1, 1, 1), g = run("gpipe", p, 1, m, 1, 1, 1);

			CU_ASSERT_DOUBLE_EQUAL(bubble(&r, 1, 3), p - 1, 1e-9);
			CU_ASSERT_EQUAL((int)r.in_flight, p < m ? p : m);
			CU_ASSERT_DOUBLE_EQUAL(bubble(&g, 1, 3), p - 1, 1e-9);
			CU_ASSERT_EQUAL((int)g.in_flight, m);
		}
}

static void interleaving(void)
{
	for (int p = 2; p <= 8; p++)
		for (int v = 2; v <= 4; v++)
			for (int m = p; m <= 4 * p; m += p) {
				struct pipeline_result r = run("interleaved", p, v, m, 1, 1, 1);
				const struct schedule_ops *s = schedule_require("interleaved", NULL);

				CU_ASSERT_DOUBLE_EQUAL(bubble(&r, v, 3), (double)(p - 1) / v, 1e-9);
				CU_ASSERT_DOUBLE_EQUAL(r.in_flight / v, s->in_flight(p, v, m), 1e-9);
			}
}

static void zero_bubble(void)
{
	for (int p = 2; p <= 8; p++)
		for (int m = 2 * p; m <= 32; m += 3) {
			struct pipeline_result one = run("zb-h1", p, 1, m, 1, 1, 1), two = run("zb-h2", p, 1, m, 1, 1, 1);

			CU_ASSERT_DOUBLE_EQUAL(bubble(&one, 1, 3), (p - 1) / 3.0, 1e-9);
			CU_ASSERT((int)one.in_flight <= p);
			/* No rank waits once it has begun: they only begin one after the other, and end so. */
			CU_ASSERT_DOUBLE_EQUAL(two.arithmetic_s, 3.0 * m + p - 1, 1e-9);
			CU_ASSERT((int)two.in_flight <= 2 * p - 1);
		}
}

static void folded_and_both_ends(void)
{
	for (int p = 2; p <= 8; p += 2)
		for (int m = 2 * p; m <= 32; m += 2) {
			struct pipeline_result plain = run("1f1b", p, 1, m, 2, 2, 2), v = run("zb-v", p, 1, m, 1, 1, 1);
			struct pipeline_result d = run("dualpipe", p, 1, m, 2, 2, 2);

			double published = schedule_require("dualpipe", NULL)->bubble(p, 2, m) * 6;

			CU_ASSERT(v.arithmetic_s < plain.arithmetic_s);
			CU_ASSERT(v.in_flight <= 2 * p);
			/* Taking what is ready, backward first, comes within a unit a rank of the papers' tables: no wait but for the
			 * staggered beginning (zb-v), (p/2 - 1)(F&B + B - 3W) (dualpipe). Never below them. */
			CU_ASSERT(v.arithmetic_s >= 6.0 * m + (p > 2 ? p - 1 : 0) - 1e-9 && v.arithmetic_s <= 6.0 * m + 2 * p);
			CU_ASSERT(d.arithmetic_s < plain.arithmetic_s);
			CU_ASSERT(d.arithmetic_s >= 6.0 * m + published - 1e-9 && d.arithmetic_s <= 6.0 * m + published + 2 * p);
			CU_ASSERT(d.in_flight <= p + 1);
		}
}

static void any_number_of_micro_batches(void)
{
	static const char *const names[] = { "gpipe", "1f1b", "interleaved", "zb-h1", "zb-h2", "zb-v", "dualpipe" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		for (int p = 1; p <= 5; p++)
			for (int m = 1; m <= 11; m++)
				for (int v = 1; v <= 3; v++) {
					struct pipeline_result r = run(names[i], p, v, m, 1, 1.3, 0.7);
					int chunks = schedule_chunks(schedule_require(names[i], NULL), v);

					CU_ASSERT(r.arithmetic_s >= 3.0 * m * (strcmp(names[i], "dualpipe") == 0 ? 1 : chunks) - 1e-9);
				}
}

/* The bound is below every run, whatever the times, and is the run where nothing but work is in the way. */
static void bounds(void)
{
	static const char *const names[] = { "gpipe", "1f1b", "interleaved", "zb-h1", "zb-h2", "zb-v", "dualpipe" };
	static struct chunk_time chunks[MOST];
	uint64_t x = 88172645463325252u;
	struct err err = { 0 };

	for (int trial = 0; trial < 3000; trial++) {
		const char *name = names[trial % 7];
		const struct schedule_ops *s = schedule_require(name, &err);
		struct pipeline_options o = { .schedule = s, .ranks = 1 + trial % 6, .micros = 1 + trial % 13, .chunks = chunks, .contention = trial % 3 * 0.1 };
		struct pipeline_result r;
		double bound;

		o.chunks_a_rank = schedule_chunks(s, 1 + trial % 4), o.overlap = trial % 5 * 0.2;
		for (int c = 0; c < MOST; c++) {
			double *t = &chunks[c].pass_s[0];

			for (int k = 0; k < 5; k++) {
				x ^= x << 13, x ^= x >> 7, x ^= x << 17;
				t[k] = (double)(x % 1000) / 1000 * (trial % 2 || k < 3 ? 1 : 0);
			}
		}
		bound = pipeline_bound(&o);
		CU_ASSERT_FATAL(pipeline_run(&o, &r, &err));
		if (bound > r.seconds * (1 + 1e-12)) {
			printf("%s p=%d v=%d m=%d: bound %g, run %g\n", name, o.ranks, o.chunks_a_rank, o.micros, bound, r.seconds);
			CU_FAIL("a bound above the run");
		}
		if (o.ranks == 1 && !s->split)
			CU_ASSERT_DOUBLE_EQUAL(o.chunks_a_rank > 1 ? 1 : bound / r.seconds, 1, 1e-9);
		if (s->order && !s->split) {
			struct slot scratch[MOST * 2];

			CU_ASSERT_EQUAL(pipeline_held(s, o.ranks, o.chunks_a_rank, o.micros, scratch), r.in_flight);
		}
	}
	for (int i = 0; i < MOST; i++)
		chunks[i] = (struct chunk_time){ .pass_s = { 1, 1, 1 } };
	for (int p = 1; p <= 8; p++)
		for (int m = p; m <= 32; m += p)
			for (int v = 1; v <= 3; v++) {
				struct pipeline_options o = { .schedule = schedule_require("interleaved", &err), .ranks = p, .chunks_a_rank = v, .micros = m, .chunks = chunks };
				struct pipeline_result r;

				CU_ASSERT_FATAL(pipeline_run(&o, &r, &err));
				CU_ASSERT_DOUBLE_EQUAL(pipeline_bound(&o), r.seconds, 1e-9);
			}
}

CU_TestInfo suite_pipeline[] = { { "1f1b and gpipe", one_forward_one_backward },
				 { "interleaving", interleaving },
				 { "zero bubble", zero_bubble },
				 { "folded, and from both ends", folded_and_both_ends },
				 { "any number of micro-batches", any_number_of_micro_batches },
				 { "lower bounds", bounds },
				 CU_TEST_INFO_NULL };
