/* Comparisons: which cases go together, what counts, and every form they are shown in. */
#include <math.h>

#include <libxml/parser.h>

#include "reports/compare.h"
#include "reports/report_junit.h"
#include "reports/trend.h"
#include "tests/unit/scratch.h"

#define HOLDS(out, part) is_true(strstr(str_text(out), part) != NULL, part, str_text(out), __FILE__, __LINE__)

struct pair {
	struct arena *arena;
	struct side a, b;
	struct compare_options options;
	struct comparison c;
	struct err err;
};

static void pair_new(struct pair *p)
{
	*p = (struct pair){ .arena = arena_new() };
	side_init(&p->a, "A.json", p->arena);
	side_init(&p->b, "B.json", p->arena);
	compare_defaults(&p->options);
}

static struct side_case *add(struct pair *p, struct side *side, const char *name, const char *figure, double value)
{
	struct side_case *c = side_add(side, name, NULL, &p->err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_TRUE_FATAL(side_figure_add(side, c, figure, value, &p->err));
	return c;
}

static void judge(struct pair *p)
{
	CU_ASSERT_TRUE_FATAL(compare_sides(&p->a, &p->b, &p->options, p->arena, &p->c, &p->err));
}

static void verdicts(void)
{
	static const struct { const char *figure; double a, b; enum compare_verdict verdict; } cases[] = {
		{ "ttft_s.p99", 1, 1 + 9e-10, COMPARE_SAME },       { "ttft_s.p99", 1, 1 + 2e-9, COMPARE_WORSE },
		{ "ttft_s.p99", 1, 1 - 2e-9, COMPARE_BETTER },      { "output_throughput", 100, 101, COMPARE_BETTER },
		{ "output_throughput", 100, 99, COMPARE_WORSE },    { "batch_size_mean", 3, 4, COMPARE_CHANGED },
		{ "no such figure", 3, 4, COMPARE_CHANGED },        { "preemptions", 0, 0, COMPARE_SAME },
		{ "preemptions", 0, 1, COMPARE_WORSE },             { "ttft_p99", 1, 2, COMPARE_WORSE },
		{ "usd_per_1m_output_tokens", 2, 1, COMPARE_BETTER },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pair p;

		pair_new(&p);
		add(&p, &p.a, "x", cases[i].figure, cases[i].a);
		add(&p, &p.b, "y", cases[i].figure, cases[i].b);
		judge(&p);
		CU_ASSERT_EQUAL_FATAL(p.c.both, 1);    /* the only ones of both sides, whatever they are called */
		SAME_TEXT(compare_verdict_names[p.c.cases[0].figures[0].verdict], compare_verdict_names[cases[i].verdict]);
		CU_ASSERT_EQUAL(p.c.failed, cases[i].verdict == COMPARE_WORSE);
		arena_free(p.arena);
	}
}

static void tolerances(void)
{
	static const struct compare_tolerance all[] = { { NULL, 0.01 }, { "ttft_s", 0.2 }, { "ttft_s.p99", 0.05 } };
	struct pair p;
	struct side_case *a, *b;

	pair_new(&p);
	p.options.tolerances = all;
	p.options.tolerance_count = 3;
	a = add(&p, &p.a, "x", "ttft_s.p99", 1);
	b = add(&p, &p.b, "x", "ttft_s.p99", 1.1);
	CU_ASSERT_TRUE(side_figure_add(&p.a, a, "ttft_s.p50", 1, &p.err) && side_figure_add(&p.b, b, "ttft_s.p50", 1.1, &p.err));
	CU_ASSERT_TRUE(side_figure_add(&p.a, a, "tpot_s.p50", 1, &p.err) && side_figure_add(&p.b, b, "tpot_s.p50", 1.005, &p.err));
	CU_ASSERT_TRUE(side_figure_add(&p.a, a, "tpot_s.p90", 1, &p.err) && side_figure_add(&p.b, b, "tpot_s.p90", 1.02, &p.err));
	judge(&p);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[0].verdict, COMPARE_WORSE);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[1].verdict, COMPARE_SAME);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[2].verdict, COMPARE_SAME);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[3].verdict, COMPARE_WORSE);
	arena_free(p.arena);
}

static void exact_fails_on_anything(void)
{
	struct pair p;
	struct side_case *b;
	char text[200];

	pair_new(&p);
	p.options.exact = true;
	add(&p, &p.a, "x", "ttft_s.p99", 2);
	b = add(&p, &p.b, "x", "ttft_s.p99", 1);
	CU_ASSERT_TRUE(side_figure_add(&p.b, b, "mfu", 0.5, &p.err));          /* new: nothing to differ from */
	add(&p, &p.a, "z", "mfu", 1);
	judge(&p);
	CU_ASSERT_EQUAL(p.c.failed, 1);
	CU_ASSERT_EQUAL(p.c.only_a, 1);
	CU_ASSERT_EQUAL(p.c.counts[COMPARE_NEW], 1);
	SAME_TEXT(compare_failure(&p.c, text, sizeof(text)), "1 figure of 1 case differ, 1 case gone");
	arena_free(p.arena);
}

/* By name and inputs, whatever the order; a name that only one is left of; the rest is listed. */
static void pairs(void)
{
	static const struct key_value four[] = { { "deployment.tp", "4" } }, eight[] = { { "deployment.tp", "8" } },
				      four_more[] = { { "deployment.tp", "4.0" }, { "added.later", "1" } };
	struct pair p;
	struct side_case *c;

	pair_new(&p);
	c = add(&p, &p.a, "chat", "mfu", 4);
	c->inputs = four;
	c->input_count = 1;
	c = add(&p, &p.a, "chat", "mfu", 8);
	c->inputs = eight;
	c->input_count = 1;
	c = add(&p, &p.b, "chat", "mfu", 8);
	c->inputs = eight;
	c->input_count = 1;
	c = add(&p, &p.b, "chat", "mfu", 4);
	c->inputs = four_more;
	c->input_count = 2;
	c = add(&p, &p.a, "code", "mfu", 1);
	c->inputs = four;
	c->input_count = 1;
	c = add(&p, &p.b, "code", "mfu", 1);
	c->inputs = eight;
	c->input_count = 1;
	add(&p, &p.a, "old", "mfu", 1);
	add(&p, &p.b, "new", "mfu", 1);
	judge(&p);
	CU_ASSERT_EQUAL(p.c.both, 3);
	CU_ASSERT_EQUAL(p.c.counts[COMPARE_SAME], 3);
	CU_ASSERT_EQUAL(p.c.only_a, 1);
	CU_ASSERT_EQUAL(p.c.only_b, 1);
	arena_free(p.arena);
}

static void named_apart(void)
{
	static const struct key_value four[] = { { "model.name", "m" }, { "deployment.tp", "4" } },
				      eight[] = { { "model.name", "m" }, { "deployment.tp", "8" } };
	struct pair p;
	struct side_case *c;

	pair_new(&p);
	c = add(&p, &p.a, "chat", "mfu", 4);
	c->inputs = four;
	c->input_count = 2;
	c = add(&p, &p.a, "chat", "mfu", 8);
	c->inputs = eight;
	c->input_count = 2;
	add(&p, &p.a, "code", "mfu", 8);
	CU_ASSERT_TRUE(side_name_apart(&p.a, &p.err));
	SAME_TEXT(p.a.cases[0]->name, "chat (deployment.tp=4)");
	SAME_TEXT(p.a.cases[1]->name, "chat (deployment.tp=8)");
	SAME_TEXT(p.a.cases[2]->name, "code");
	arena_free(p.arena);
}

static void measured_with(struct pair *p, const double *a, size_t n, const double *b, size_t m)
{
	struct side_case *x, *y;

	pair_new(p);
	x = side_add(&p->a, "bench", NULL, &p->err);
	y = side_add(&p->b, "bench", NULL, &p->err);
	CU_ASSERT_TRUE_FATAL(x && y && side_samples_add(&p->a, x, "s", "s", side_unit_better("s"), a, n, &p->err) &&
			     side_samples_add(&p->b, y, "s", "s", side_unit_better("s"), b, m, &p->err));
	judge(p);
}

/* Worse needs both: a test that says so and medians further apart than the least effect. */
static void measured(void)
{
	static const double base[] = { 1.00, 1.01, 0.99, 1.02, 0.98 }, slow[] = { 1.10, 1.11, 1.09, 1.12, 1.08 },
			    bit[] = { 1.021, 1.022, 1.023, 1.024, 1.025 }, wild[] = { 0.9, 1.3, 1.2, 0.8, 1.4 };
	struct pair p;
	char text[COMPARE_TEST_ROOM];

	measured_with(&p, base, 5, slow, 5);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[0].verdict, COMPARE_WORSE);
	CU_ASSERT_EQUAL(p.c.measured, 1);
	CU_ASSERT_DOUBLE_EQUAL(p.c.cases[0].figures[0].p, 2.0 / 252, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(p.c.cases[0].figures[0].change, 0.1, 1e-12);
	SAME_TEXT(compare_interval(text, p.c.cases[0].figures[0].a, &p.c.cases[0].figures[0].interval_a), "980 ms to 1.02 s (94 %, n 5)");
	arena_free(p.arena);
	measured_with(&p, slow, 5, base, 5);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[0].verdict, COMPARE_BETTER);
	arena_free(p.arena);
	measured_with(&p, base, 5, bit, 5);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[0].verdict, COMPARE_SAME);
	SAME_TEXT(compare_test(text, &p.c, &p.c.cases[0].figures[0]), "p 0.0079, below the least effect");
	arena_free(p.arena);
	measured_with(&p, base, 5, wild, 5);
	CU_ASSERT_EQUAL(p.c.cases[0].figures[0].verdict, COMPARE_SAME);
	arena_free(p.arena);
	measured_with(&p, base, 1, slow, 1);   /* two single samples prove nothing */
	CU_ASSERT_EQUAL(p.c.cases[0].figures[0].verdict, COMPARE_SAME);
	arena_free(p.arena);
}

/* A name that every form has to escape. */
static void awkward(struct pair *p)
{
	pair_new(p);
	add(p, &p->a, "a<b> & \"c\", 50%: |x|\n", "ttft_s.p99", 1)->file = "x,y:1.xml";
	add(p, &p->b, "a<b> & \"c\", 50%: |x|\n", "ttft_s.p99", 2)->file = "x,y:1.xml";
	add(p, &p->b, "only here", "ttft_s.p99", 2);
	judge(p);
}

static void well_formed(const struct str *out)
{
	xmlDoc *doc = xmlReadMemory(str_text(out), (int)out->length, "junit.xml", NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);

	CU_ASSERT_PTR_NOT_NULL(doc);
	xmlFreeDoc(doc);
}

static void junit(void)
{
	struct str out = { 0 };
	struct pair p;

	awkward(&p);
	CU_ASSERT_TRUE(compare_junit(&p.c, &out, &p.err));
	well_formed(&out);
	HOLDS(&out, "<testsuites name=\"vibee-sim compare\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\">");
	HOLDS(&out, "<failure type=\"failed\" message=\"1.00 s -&gt; 2.00 s (+100.0 %), worse\">");
	HOLDS(&out, "a&lt;b&gt; &amp; &quot;c&quot;");
	str_release(&out);
	arena_free(p.arena);
}

static void annotations(void)
{
	struct str out = { 0 };
	struct pair p;

	awkward(&p);
	CU_ASSERT_TRUE(compare_annotations(&p.c, &out, &p.err));
	SAME_TEXT(str_text(&out),
		  "::error file=x%2Cy%3A1.xml,title=a<b> & \"c\"%2C 50%25%3A |x|%0A%3A 1 figure worse::ttft_s.p99: 1.00 s -> 2.00 s (+100.0 %25), worse\n"
		  "::warning title=only here::only after: not in what it is compared with\n");
	str_release(&out);
	arena_free(p.arena);
}

static void markdown(void)
{
	struct str out = { 0 };
	struct pair p;

	awkward(&p);
	CU_ASSERT_TRUE(compare_markdown(&p.c, &out, &p.err));
	TRUE_FOR(str_text(&out), text_starts(str_text(&out), "<!-- vibee-sim compare -->\n### \xe2\x9d\x8c 1 figure of 1 case is worse\n"));
	HOLDS(&out, "| a&lt;b> &amp; \"c\", 50%: \\|x\\|  | ttft\\_s.p99 | 1.00 s | 2.00 s | +100.0 % | **worse** |\n");
	HOLDS(&out, "- only after: only here\n");
	str_release(&out);
	arena_free(p.arena);
}

/* However many figures differ, a comment stays below what GitHub takes. */
static void markdown_is_bounded(void)
{
	struct str out = { 0 };
	struct pair p;

	pair_new(&p);
	for (int i = 0; i < 1000; i++) {
		char name[64];

		snprintf(name, sizeof(name), "a scenario with a rather long name, number %d", i);
		add(&p, &p.a, name, "ttft_s.p99", 1);
		CU_ASSERT_TRUE(side_figure_add(&p.a, p.a.cases[i], "batch_size_mean", 1, &p.err));
		add(&p, &p.b, name, "ttft_s.p99", 2);
		CU_ASSERT_TRUE(side_figure_add(&p.b, p.b.cases[i], "batch_size_mean", 2, &p.err));
	}
	judge(&p);
	CU_ASSERT_TRUE(compare_markdown(&p.c, &out, &p.err));
	CU_ASSERT(out.length < 65536);
	HOLDS(&out, "960 more are in the full report.");
	str_release(&out);
	arena_free(p.arena);
}

/* What is kept reads back as the same side. */
static void kept(void)
{
	static const struct key_value inputs[] = { { "deployment.tp", "4" }, { "title", "x \"y\"" } };
	static const double samples[] = { 3, 1, 2 };
	struct str out = { 0 };
	struct pair p;
	struct side_case *c;

	pair_new(&p);
	c = add(&p, &p.a, "chat", "ttft_s.p99", 0.1);
	c->inputs = inputs;
	c->input_count = 2;
	c->file = "chat.xml";
	CU_ASSERT_TRUE(side_figure_add(&p.a, c, "mfu", 1.0 / 3, &p.err) && side_samples_add(&p.a, c, "s", "s", -1, samples, 3, &p.err));
	CU_ASSERT_TRUE(side_json(&p.a, &out, &p.err));
	CU_ASSERT_TRUE_FATAL(side_of_json_text(&p.b, "kept.json", str_text(&out), out.length, &p.err));
	judge(&p);
	CU_ASSERT_EQUAL(p.c.both, 1);
	CU_ASSERT_EQUAL(p.c.counts[COMPARE_SAME], 3);
	CU_ASSERT_EQUAL(p.b.cases[0]->figures[1].value, 1.0 / 3);
	CU_ASSERT_EQUAL(p.b.cases[0]->figures[2].better, -1);
	CU_ASSERT_EQUAL(p.b.cases[0]->figures[2].value, 2);
	SAME_TEXT(side_input(p.b.cases[0], "title"), "x \"y\"");
	SAME_TEXT(p.b.cases[0]->file, "chat.xml");
	str_release(&out);
	arena_free(p.arena);
}

static void refuses_json(void)
{
	static const struct { const char *text, *says; } cases[] = {
		{ "{", "x.json:1: not JSON: " },
		{ "{}", "x.json: no \"schema\"; expected JSON that run, train, " },
		{ "{\"schema\":\"vibee.rum/1\"}", "x.json: schema \"vibee.rum/1\" cannot be compared; expected vibee.run/1" },
		{ "[]", "x.json: holds nothing to compare" },
		{ "{\"schema\":\"vibee.whatif/1\",\"variants\":[1,{\"metrics\":{}}]}", "x.json: holds nothing to compare" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pair p;

		pair_new(&p);
		CU_ASSERT_FALSE(side_of_json_text(&p.a, "x.json", cases[i].text, strlen(cases[i].text), &p.err));
		CU_ASSERT_EQUAL(p.err.kind, ERR_INPUT);
		TRUE_FOR(p.err.text, text_starts(p.err.text, cases[i].says));
		arena_free(p.arena);
	}
}

/* What each command's JSON comes to: cases, and one figure of the first. */
static void reads_json(void)
{
	static const struct { const char *text; size_t cases; const char *name, *figure; double value; int better; } documents[] = {
		{ "{\"schema\":\"vibee.run/1\",\"title\":\"x\",\"slos_met\":false,\"metrics\":{\"ttft_s\":{\"p99\":2}}}", 1, "x", "ttft_s.p99", 2, -1 },
		{ "{\"schema\":\"vibee.run/1\",\"title\":\"x\",\"slos_met\":false,\"metrics\":{}}", 1, "x", "slos_met", 0, 1 },
		{ "[{\"schema\":\"vibee.run/1\",\"title\":\"x\",\"metrics\":{\"mfu\":0.5}},{\"schema\":\"vibee.run/1\",\"title\":\"y\"}]", 2, "x", "mfu", 0.5, 1 },
		{ "{\"schema\":\"vibee.train/1\",\"title\":\"j\",\"step_s\":3,\"sim\":{\"events\":9}}", 1, "j", "training.step_s", 3, -1 },
		{ "{\"schema\":\"vibee.train/1\",\"title\":\"j\",\"memory\":{\"weights\":7}}", 1, "j", "memory.weights_bytes", 7, 0 },
		{ "{\"schema\":\"vibee.bench/1\",\"benches\":[{\"name\":\"b\",\"unit\":\"s\",\"samples\":[3,1,2]}]}", 1, "bench b", "s", 2, -1 },
		{ "{\"schema\":\"vibee.whatif/1\",\"variants\":[{\"label\":\"tp=2\",\"slos_met\":true,\"metrics\":{\"ttft_p99\":4}}]}", 1, "tp=2", "ttft_p99", 4, -1 },
		{ "{\"schema\":\"vibee.search/1\",\"best\":[{\"label\":\"tp=2\",\"metrics\":{\"usd_per_hour\":4}}]}", 1, "tp=2", "usd_per_hour", 4, -1 },
		{ "{\"schema\":\"vibee.validate/1\",\"summary\":[{\"group\":\"g\",\"median_abs_rel_error\":0.1,\"met\":true}]}", 1, "g", "median_abs_rel_error", 0.1, -1 },
	};

	for (size_t i = 0; i < COUNT_OF(documents); i++) {
		const struct side_figure *found = NULL;
		struct pair p;

		pair_new(&p);
		CU_ASSERT_TRUE(side_of_json_text(&p.a, "x.json", documents[i].text, strlen(documents[i].text), &p.err));
		SAME_TEXT(p.err.text, "");
		CU_ASSERT_EQUAL_FATAL(p.a.count, documents[i].cases);
		SAME_TEXT(p.a.cases[0]->name, documents[i].name);
		for (size_t k = 0; k < p.a.cases[0]->figure_count; k++)
			if (strcmp(p.a.cases[0]->figures[k].name, documents[i].figure) == 0)
				found = &p.a.cases[0]->figures[k];
		TRUE_FOR(documents[i].text, found && found->value == documents[i].value && found->better == documents[i].better);
		arena_free(p.arena);
	}
}

/* A training run has no latencies: the zeros that a result holds for them are no figures. */
static void training_has_no_latencies(void)
{
	struct result r = { .training = { .step_s = 2 }, .devices = 8 };
	struct side_case *c;
	struct pair p;

	pair_new(&p);
	c = side_add(&p.a, "job", NULL, &p.err);
	CU_ASSERT_TRUE_FATAL(c && side_result_add(&p.a, c, &r, &p.err));
	for (size_t i = 0; i < c->figure_count; i++)
		TRUE_FOR(c->figures[i].name, !text_starts(c->figures[i].name, "ttft_s"));
	CU_ASSERT(c->figure_count > 2);
	arena_free(p.arena);
}

static void junit_of_reports(void)
{
	static const struct slo_row slos[] = { { "ttft_p99", 0.5, 0.61, false }, { "tpot_p99", 0.05, 0.04, true } };
	struct result r = { .title = "a & b", .slos = slos, .slo_count = 2 }, plain = { 0 };
	struct str out = { 0 };
	struct side_case *none;
	struct pair p;

	pair_new(&p);
	CU_ASSERT_TRUE(run_junit(&r, &out, &p.err));
	well_formed(&out);
	HOLDS(&out, "tests=\"2\" failures=\"1\"");
	HOLDS(&out, "<testcase classname=\"a &amp; b\" name=\"ttft_p99\"><failure type=\"failed\" message=\"610 ms, target 500 ms\">");
	str_clear(&out);
	CU_ASSERT_TRUE(run_junit(&plain, &out, &p.err));
	HOLDS(&out, "tests=\"1\" failures=\"0\"");
	str_clear(&out);
	p.a.what = "study 1";
	CU_ASSERT_TRUE(side_figure_add(&p.a, add(&p, &p.a, "missed", "ttft_p99", 1), SIDE_SLOS_MET, 0, &p.err));
	CU_ASSERT_TRUE(side_figure_add(&p.a, add(&p, &p.a, "met", "ttft_p99", 1), SIDE_SLOS_MET, 1, &p.err));
	CU_ASSERT_TRUE(side_figure_add(&p.a, add(&p, &p.a, "bars", "median_abs_rel_error", 1), SIDE_BARS_MET, 0, &p.err));
	none = side_add(&p.a, "does not fit", NULL, &p.err);
	CU_ASSERT_TRUE(none && side_figure_add(&p.a, none, SIDE_SLOS_MET, 0, &p.err));
	CU_ASSERT_TRUE(study_junit(&p.a, &out, &p.err));
	well_formed(&out);
	HOLDS(&out, "tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"1\"");
	HOLDS(&out, "name=\"missed\"><failure type=\"failed\" message=\"an SLO was missed\">");
	str_release(&out);
	arena_free(p.arena);
}

static void sparklines(void)
{
	static const double ramp[] = { 0, 1, 2, 3, 4, 5, 6, 7 }, flat[] = { 5, 5 };
	struct str out = { 0 };

	trend_sparkline(&out, ramp, 8, 40, true);
	SAME_TEXT(str_text(&out), "\xe2\x96\x81\xe2\x96\x82\xe2\x96\x83\xe2\x96\x84\xe2\x96\x85\xe2\x96\x86\xe2\x96\x87\xe2\x96\x88");
	str_clear(&out);
	trend_sparkline(&out, ramp, 8, 4, false);      /* the last of every two */
	SAME_TEXT(str_text(&out), ".~+#");
	str_clear(&out);
	trend_sparkline(&out, flat, 2, 40, false);
	SAME_TEXT(str_text(&out), "~~");
	str_release(&out);
}

static void histories(void)
{
	static const struct key_value four[] = { { "deployment.tp", "4" } }, eight[] = { { "deployment.tp", "8" } };
	struct trend t;
	struct pair p;

	pair_new(&p);
	for (int i = 0; i < 24; i++) {
		struct side_case *c = add(&p, &p.a, "chat", "ttft_s.p99", i < 12 ? 1 : i % 2 ? 2 : 3);

		c->inputs = i % 2 ? four : eight;
		c->input_count = 1;
	}
	add(&p, &p.a, "code", "ttft_s.p99", 1);
	CU_ASSERT_TRUE(trend_of(&p.a, "ttft_s.p99", p.arena, &t, &p.err));
	CU_ASSERT_EQUAL_FATAL(t.count, 2);
	CU_ASSERT_EQUAL(t.left_off, 1);
	SAME_TEXT(t.series[0].name, "chat (deployment.tp=8)");
	CU_ASSERT_EQUAL(t.series[0].count, 12);
	CU_ASSERT_EQUAL(t.series[0].change.at, 6);
	CU_ASSERT_EQUAL(t.series[0].before, 1);
	CU_ASSERT_EQUAL(t.series[0].after, 3);
	CU_ASSERT(t.series[0].change.p < 0.01);        /* 2 / C(12, 6) = 0.0022 */
	arena_free(p.arena);
}

CU_TestInfo suite_compare[] = {
	{ "verdicts", verdicts },
	{ "tolerances", tolerances },
	{ "exact", exact_fails_on_anything },
	{ "pairs", pairs },
	{ "named apart", named_apart },
	{ "measured figures", measured },
	{ "JUnit", junit },
	{ "annotations", annotations },
	{ "Markdown", markdown },
	{ "Markdown fits a comment", markdown_is_bounded },
	{ "kept figures", kept },
	{ "refuses JSON", refuses_json },
	{ "reads JSON of commands", reads_json },
	{ "training has no latencies", training_has_no_latencies },
	{ "JUnit of reports", junit_of_reports },
	{ "sparklines", sparklines },
	{ "histories", histories },
	CU_TEST_INFO_NULL,
};
