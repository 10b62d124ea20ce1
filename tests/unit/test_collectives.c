/* hardware/collectives: laws by hand, measured anchors, bounds and monotonicity over every system. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "hardware/catalog.h"
#include "hardware/collectives.h"
#include "hardware/cost.h"

static const enum op_kind kinds[] = { OP_ALL_REDUCE, OP_ALL_GATHER, OP_REDUCE_SCATTER,
				      OP_ALL_TO_ALL, OP_SEND_RECV,  OP_BROADCAST };

static double seconds(const struct system *s, enum op_kind kind, int ranks, double bytes, bool library_only)
{
	struct op op = { .kind = kind, .devices = ranks, .bytes = bytes };
	struct collective c;

	collective_price(s, &op, library_only, &c);
	return c.seconds;
}

static void bounds_and_monotone_in_bytes(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = catalog_names("hardware/systems", &count, a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t i = 0; i < count; i++) {
		const struct system *s = system_load(names[i], a, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		for (size_t k = 0; k < COUNT_OF(kinds); k++)
			for (int ranks = 2; ranks <= 128; ranks *= 2) {
				double last = 0;

				for (double bytes = 256; bytes < 2e10; bytes *= 3) {
					struct op op = { .kind = kinds[k], .devices = ranks, .bytes = bytes };
					struct collective c;
					bool ok;

					collective_price(s, &op, false, &c);
					ok = isfinite(c.seconds) && c.seconds > last &&
					     c.seconds >= op_bytes(&op) / collective_wire_bytes_s(s, &op) * (1 - 1e-12);
					if (!ok)
						printf("%s %s %d ranks %g bytes: %g s after %g (%s)\n", names[i],
						       op_kind_names[kinds[k]], ranks, bytes, c.seconds, last,
						       c.algorithm);
					CU_ASSERT_TRUE(ok);
					last = c.seconds;
				}
			}
	}
	arena_free(a);
}

/* On a switch more ranks do not make the same buffer cheaper; but adding in the switch gains on the ring from 4 to 8
 * ranks (measured on H100 at 512 MiB: 2300 us with 4, 2111 with 8). */
static void monotone_in_ranks_on_a_switch(void)
{
	static const char *const systems[] = { "dgx-a100", "dgx-h100", "dgx-b200", "gb200-nvl72" };
	struct arena *a = arena_new();
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT_OF(systems); i++) {
		const struct system *s = system_load(systems[i], a, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		for (size_t k = 0; k < 4; k++)
			for (double bytes = 1024; bytes < 1e9; bytes *= 8) {
				double last = 0, gain = s->scale_up.reduces && kinds[k] == OP_ALL_REDUCE ? 0.9 : 1;

				for (int ranks = 2; ranks <= system_domain(s); ranks *= 2) {
					double t = seconds(s, kinds[k], ranks, bytes, true);

					if (t < last * gain)
						printf("%s %s %g bytes: %d ranks %g s after %g\n", systems[i],
						       op_kind_names[kinds[k]], bytes, ranks, t, last);
					CU_ASSERT_TRUE(t >= last * gain);
					last = t;
				}
			}
	}
	arena_free(a);
}

/* base 5 us + 6 hops of 1 us, and 1.5 x 0.2 MB over 100 GB/s x 0.8 x (1 - 0.5 / 4) x 0.5 in the low-latency protocol. */
static void a_ring_by_hand(void)
{
	static const char text[] =
		"<system name=\"x\" device=\"l4\" devices_per_node=\"8\" source=\"test\"><scale_up topology=\"switch\" "
		"gb_s=\"100\" domain=\"8\" base_us=\"5\" hop_us=\"1\" efficiency=\"0.8\" source=\"test\"/></system>";
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct system s;

	CU_ASSERT_TRUE_FATAL(schema_load_text("test", text, sizeof(text) - 1, &system_element, &s, a, &err));
	CU_ASSERT_DOUBLE_EQUAL(seconds(&s, OP_ALL_REDUCE, 4, 2e5, true), 11e-6 + 3e5 / (100e9 * 0.7 * 0.5), 1e-12);
	/* a large one takes the bulk protocol: 40 us more, twice the rate */
	CU_ASSERT_DOUBLE_EQUAL(seconds(&s, OP_ALL_REDUCE, 4, 2e9, true), 51e-6 + 3e9 / (100e9 * 0.7), 1e-9);
	CU_ASSERT_EQUAL(seconds(&s, OP_ALL_REDUCE, 1, 2e9, true), 0);
	CU_ASSERT_EQUAL(seconds(&s, OP_ALL_REDUCE, 4, 0, true), 0);
	arena_free(a);
}

/* Medians of public tables: within 25 % each. */
static void lands_near_measurements(void)
{
	static const struct {
		const char *system;
		enum op_kind kind;
		int ranks;
		double bytes, us;
		bool library;
	} points[] = {
		{ "dgx-h100", OP_ALL_REDUCE, 8, 1024, 15.6, true },
		{ "dgx-h100", OP_ALL_REDUCE, 8, 1048576, 25.4, true },
		{ "dgx-h100", OP_ALL_REDUCE, 8, 16777216, 121.9, true },
		{ "dgx-h100", OP_ALL_REDUCE, 8, 536870912, 2111, true },
		{ "dgx-h100", OP_ALL_REDUCE, 2, 536870912, 1686, true },
		{ "dgx-h100", OP_ALL_GATHER, 8, 536870912, 1402, true },
		{ "dgx-h100", OP_ALL_REDUCE, 8, 8192, 5.1, false },
		{ "dgx-h100", OP_ALL_REDUCE, 8, 4194304, 30.8, false },
		{ "dgx-a100", OP_ALL_REDUCE, 8, 1024, 21.8, true },
		{ "dgx-a100", OP_ALL_REDUCE, 4, 67108864, 544, true },
		{ "dgx-b200", OP_ALL_REDUCE, 8, 1024, 25.2, true },
		{ "dgx-b200", OP_ALL_REDUCE, 8, 536870912, 1335, true },
		/* Vidur's profiles: pairs of A100, four of them over the host bus */
		{ "a100-pairwise", OP_ALL_REDUCE, 2, 67108864, 386, true },
		{ "a100-pairwise", OP_ALL_REDUCE, 4, 67108864, 4421, true },
		/* mesh: 47.7 GB/s bus rate with 2 devices, 312.9 with 8 (ml-engineering, network) */
		{ "mi300x-8", OP_ALL_REDUCE, 2, 4294967296, 90040, true },
		{ "mi300x-8", OP_ALL_REDUCE, 8, 4294967296, 24021, true },
	};
	struct arena *a = arena_new();
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT_OF(points); i++) {
		const struct system *s = system_load(points[i].system, a, &err);
		double us;

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		us = seconds(s, points[i].kind, points[i].ranks, points[i].bytes, points[i].library) * 1e6;
		if (fabs(us / points[i].us - 1) > 0.25)
			printf("%s %s %d ranks %g bytes: %.1f us, measured %.1f\n", points[i].system,
			       op_kind_names[points[i].kind], points[i].ranks, points[i].bytes, us, points[i].us);
		CU_ASSERT_TRUE(fabs(us / points[i].us - 1) < 0.25);
	}
	arena_free(a);
}

static void algorithms_are_chosen(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct system *s = system_load("dgx-h100", a, &err);
	struct op op = { .kind = OP_ALL_REDUCE, .devices = 8, .bytes = 8192 };
	struct collective c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	collective_price(s, &op, false, &c);
	CU_ASSERT_STRING_EQUAL(c.algorithm, "direct");
	op.bytes = 2e6;
	collective_price(s, &op, false, &c);
	CU_ASSERT_STRING_EQUAL(c.algorithm, "direct two-step");
	op.bytes = 1e9;
	collective_price(s, &op, false, &c);
	CU_ASSERT_STRING_EQUAL(c.algorithm, "in-switch");
	CU_ASSERT_TRUE(c.calibrated && !c.across_nodes);
	op.devices = 16;
	op.devices_per_node = 8;
	collective_price(s, &op, false, &c);
	CU_ASSERT_STRING_EQUAL(c.algorithm, "hierarchical");
	CU_ASSERT_TRUE(!c.calibrated && c.across_nodes);
	arena_free(a);
}

/* Sending between nodes is slower than inside; 16 ranks without a hint do not fit a domain of 8. */
static void ranks_beyond_the_domain_leave_it(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct system *s = system_load("dgx-h100", a, &err);
	struct cost_model *cm =
		cost_model_new(&(struct cost_options){ .system = s, .best_provider = PROVIDER_ANALYTIC }, &err);
	struct op op = { .kind = OP_SEND_RECV, .devices = 2, .bytes = 64 << 20 };
	struct op_cost in, out;

	CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
	cost_op(cm, &op, &in);
	op.devices_per_node = 1;
	cost_op(cm, &op, &out);
	CU_ASSERT_TRUE(out.seconds > 4 * in.seconds);
	op = (struct op){ .kind = OP_ALL_REDUCE, .devices = 16, .bytes = 1e9 };
	cost_op(cm, &op, &out);
	op.devices = 8;
	cost_op(cm, &op, &in);
	CU_ASSERT_TRUE(out.seconds > 1.2 * in.seconds);
	CU_ASSERT_EQUAL(out.bound, BOUND_NETWORK);
	cost_model_free(cm);
	arena_free(a);
}

/* Wires of 100 GB/s one way in a 3D torus of 16 x 16 x 16, each step 1 us after 1 us, all of the wires used. */
static const char torus3d[] =
	"<system name=\"x\" device=\"tpu-v5p\" devices_per_node=\"4\" source=\"test\"><scale_up topology=\"torus3d\" "
	"gb_s=\"600\" domain=\"4096\" base_us=\"1\" hop_us=\"1\" efficiency=\"1\" source=\"test\"/></system>";
static const char torus2d[] =
	"<system name=\"x\" device=\"tpu-v6e\" devices_per_node=\"4\" source=\"test\"><scale_up topology=\"torus2d\" "
	"gb_s=\"400\" domain=\"256\" base_us=\"1\" hop_us=\"1\" efficiency=\"1\" source=\"test\"/></system>";
static const char ring[] =
	"<system name=\"x\" device=\"l4\" devices_per_node=\"8\" source=\"test\"><scale_up topology=\"ring\" "
	"gb_s=\"200\" domain=\"8\" base_us=\"1\" hop_us=\"1\" efficiency=\"1\" source=\"test\"/></system>";

/* All-reduce: 2(n-1)/n V over the wires of a corner of the slice, 2 (side - 1) steps along each axis. All-to-all: X/8 V
 * over one wire where the longest axis X is closed, X/4 V where it is open: the cut through its middle. */
static void rings_and_tori_by_hand(void)
{
	static const struct {
		const char *text;
		int ranks, wires, steps;
		double crossing;               /* V that the busiest wire carries in an all-to-all */
	} cases[] = {
		{ torus3d, 2, 1, 1, 0.5 },     /* 2 x 1 x 1 */
		{ torus3d, 3, 1, 2, 2.0 / 3 }, /* a chain of 3: its ends send 2/3 V past the middle */
		{ torus3d, 4, 2, 2, 0.5 },     /* 2 x 2 x 1 */
		{ torus3d, 8, 3, 3, 0.5 },
		{ torus3d, 16, 3, 5, 1 },      /* 2 x 2 x 4, open: v5p closes whole cubes of 64 */
		{ torus3d, 32, 3, 7, 1 },
		{ torus3d, 64, 6, 9, 0.5 },    /* 4 x 4 x 4, closed */
		{ torus3d, 512, 6, 21, 1 },
		{ torus3d, 4096, 6, 45, 2 },
		{ torus2d, 8, 2, 4, 1 },       /* 2 x 4 */
		{ torus2d, 16, 2, 6, 1 },
		{ torus2d, 256, 4, 30, 2 },    /* the whole pod is closed */
		{ ring, 4, 1, 3, 1 },          /* half of a ring is a chain */
		{ ring, 8, 2, 7, 1 },
	};
	const double v = 64e9, wire = 100e9;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct system s;
		const char *text = cases[i].text;
		bool protocols = text == ring;  /* a library's bulk protocol starts 40 us later */
		double n = cases[i].ranks, part = (n - 1) / n * v / (wire * cases[i].wires), start = protocols ? 41e-6 : 1e-6;

		CU_ASSERT_TRUE_FATAL(schema_load_text("test", text, strlen(text), &system_element, &s, a, &err));
		CU_ASSERT_DOUBLE_EQUAL(seconds(&s, OP_ALL_REDUCE, cases[i].ranks, v, true), start + 2e-6 * cases[i].steps + 2 * part, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(seconds(&s, OP_ALL_GATHER, cases[i].ranks, v, true), start + 1e-6 * cases[i].steps + part / 0.92, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(seconds(&s, OP_REDUCE_SCATTER, cases[i].ranks, v, true),
				       seconds(&s, OP_ALL_GATHER, cases[i].ranks, v, true), 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(seconds(&s, OP_ALL_TO_ALL, cases[i].ranks, v, true),
				       start + 1e-6 * cases[i].steps + fmax(part, cases[i].crossing * v / wire), 1e-9);
		arena_free(a);
	}
}

/* 2 to 64 nodes of 8 over interfaces of 25 GB/s: each carries 2(k-1)/k of an eighth, under which the wires inside hide. */
static void nodes_by_hand(void)
{
	static const char text[] =
		"<system name=\"x\" device=\"l4\" devices_per_node=\"8\" source=\"test\">"
		"<scale_up topology=\"switch\" gb_s=\"400\" domain=\"8\" base_us=\"5\" hop_us=\"1\" efficiency=\"0.8\" source=\"test\"/>"
		"<scale_out topology=\"switch\" gb_s=\"25\" base_us=\"10\" hop_us=\"8\" efficiency=\"0.9\" source=\"test\"/></system>";
	const double v = 8e9, in = 400e9 * 0.8 * (1 - 0.5 / 8) * 0.92, out = 25e9 * 0.9;
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct system s;

	CU_ASSERT_TRUE_FATAL(schema_load_text("test", text, sizeof(text) - 1, &system_element, &s, a, &err));
	for (int k = 2; k <= 64; k *= 2) {
		double share = (k - 1.0) / k, inside = 7.0 / 8 * v / in, phase = 5e-6 + 7e-6 + 40e-6;
		double all_reduce = seconds(&s, OP_ALL_REDUCE, 8 * k, v, true), gather = seconds(&s, OP_ALL_GATHER, 8 * k, v, true);
		double steps = 2 * (k - 1), exchange = seconds(&s, OP_ALL_TO_ALL, 8 * k, v, true);

		/* a ring's steps where it is the cheaper one, else at most those of a tree */
		CU_ASSERT_TRUE(all_reduce >= fmax(2 * inside, 2 * share * v / 8 / out) + 2 * phase);
		CU_ASSERT_TRUE(all_reduce <= fmax(2 * inside, 2 * share * v / 8 / out) + 2 * phase + 160e-6 + 8e-6 * steps + 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(gather, fmax(inside, share * v / 8 / (out * 0.92)) + phase + 160e-6 + 8e-6 * (k - 1), 1e-9);
		CU_ASSERT_TRUE(exchange >= share * v / out);
		CU_ASSERT_TRUE(exchange <= 1.15 * share * v / out + 1e-3);
	}
	arena_free(a);
}

/* Least time by what must leave one device, or one domain through its interfaces, whatever the algorithm. */
static double least_seconds(const struct system *s, enum op_kind kind, double n, double g, double v)
{
	double k = ceil(n / g), wires = s->scale_up.bytes_s, nics = g * s->scale_out.bytes_s;
	bool adds = s->scale_up.reduces && kind == OP_ALL_REDUCE;

	if (!(wires > 0) || (k > 1 && !(nics > 0)))
		return 0;
	if (k <= 1)
		return kind == OP_ALL_REDUCE ? (adds ? 1 : 2 * (n - 1) / n) * v / wires : kind == OP_BROADCAST ? v / wires : (n - 1) / n * v / wires;
	switch (kind) {
	case OP_ALL_REDUCE: return 2 * (k - 1) / k * v / nics;
	case OP_ALL_GATHER: case OP_REDUCE_SCATTER: return (k - 1) / k * v / nics;
	case OP_ALL_TO_ALL: return g * v * (k - 1) / k / nics;
	default: return v / nics;
	}
}

static void nothing_beats_its_bound(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = catalog_names("hardware/systems", &count, a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t i = 0; i < count; i++) {
		const struct system *s = system_load(names[i], a, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		if (s->scale_up.topology == TOPOLOGY_PAIR)
			continue;              /* two kinds of wires */
		for (size_t k = 0; k < COUNT_OF(kinds); k++) {
			double domain = (double)system_domain(s);

			if (kinds[k] == OP_SEND_RECV)
				continue;
			for (int ranks = 2; ranks <= 512; ranks += ranks < 16 ? 1 : ranks) {
				double g = fmin(ranks, domain);

				if (ranks > domain && fmod(ranks, domain) > 0)
					continue;
				for (double bytes = 1024; bytes < 1e11; bytes *= 1024) {
					double t = seconds(s, kinds[k], ranks, bytes, false), least = least_seconds(s, kinds[k], ranks, g, bytes);

					if (t < least)
						printf("%s %s %d ranks %g bytes: %g s, at least %g\n", names[i], op_kind_names[kinds[k]], ranks, bytes, t, least);
					CU_ASSERT_TRUE(t >= least);
				}
			}
		}
	}
	arena_free(a);
}

CU_TestInfo suite_collectives[] = {
	{ "rings and tori by hand", rings_and_tori_by_hand },
	{ "2 to 64 nodes by hand", nodes_by_hand },
	{ "nothing beats its bound", nothing_beats_its_bound },
	{ "bounds and monotone in bytes over every system", bounds_and_monotone_in_bytes },
	{ "monotone in ranks on a switch", monotone_in_ranks_on_a_switch },
	{ "a ring by hand", a_ring_by_hand },
	{ "lands near measurements", lands_near_measurements },
	{ "algorithms are chosen", algorithms_are_chosen },
	{ "ranks beyond the domain leave it", ranks_beyond_the_domain_leave_it },
	CU_TEST_INFO_NULL
};
