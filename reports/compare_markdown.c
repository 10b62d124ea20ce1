/* A comparison as Markdown for a pull-request comment: the verdict first, what changed, the rest folded away. */
#include <math.h>

#include "reports/compare.h"
#include "reports/markdown.h"

/* GitHub takes 65,536 characters a comment. What does not fit is counted. */
enum { LINES_SHOWN = 40, LINES_FOLDED = 250 };

static void cell(struct str *out, const char *text)
{
	str_add(out, " ");
	markdown_add(out, text);
	str_add(out, " |");
}

static bool wanted(const struct compared *f, bool failed)
{
	return failed ? f->failed : !f->failed && f->a && f->b && (f->verdict != COMPARE_SAME || f->measured);
}

static size_t count(const struct comparison *c, bool failed)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->cases[i].count; k++)
			n += wanted(&c->cases[i].figures[k], failed);
	return n;
}

static void line(const struct comparison *c, const struct compared_case *one, const struct compared *f, struct str *out)
{
	char buf[COMPARE_ROOM], test[COMPARE_TEST_ROOM];

	str_add(out, "|");
	cell(out, one->name);
	cell(out, f->b ? f->b->name : f->a->name);
	cell(out, compare_value(buf, f->a));
	cell(out, compare_value(buf, f->b));
	cell(out, compare_change(buf, f));
	str_add(out, f->failed ? " **" : " ");
	str_add(out, compare_verdict_names[f->verdict]);
	str_add(out, f->failed ? "** |" : " |");
	if (c->measured) {
		cell(out, compare_test(test, c, f));
		cell(out, f->measured ? compare_interval(test, f->a, &f->interval_a) : "");
		cell(out, f->measured ? compare_interval(test, f->b, &f->interval_b) : "");
	}
	str_add(out, "\n");
}

static void lines(const struct comparison *c, bool failed, size_t most, struct str *out)
{
	size_t n = 0, all = count(c, failed);

	str_add(out, c->measured ? "| case | metric | before | after | change | | test | median before | median after |\n"
				   "|---|---|--:|--:|--:|---|---|---|---|\n" :
				   "| case | metric | before | after | change | |\n|---|---|--:|--:|--:|---|\n");
	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->cases[i].count; k++)
			if (wanted(&c->cases[i].figures[k], failed) && n++ < most)
				line(c, &c->cases[i], &c->cases[i].figures[k], out);
	if (all > most)
		str_addf(out, "\n%zu more are in the full report.\n", all - most);
	str_add(out, "\n");
}

static void inputs(const struct comparison *c, struct str *out)
{
	struct str changed = { 0 };

	for (size_t i = 0; i < c->count && changed.length < 8000; i++) {
		struct str here = { 0 };

		compare_inputs(&c->cases[i], "", "\n", &here);
		if (here.length) {
			str_add(&changed, "- ");
			markdown_add(&changed, c->cases[i].name);
			str_add(&changed, ": ");
			markdown_add(&changed, str_text(&here));       /* a line each becomes a blank each */
			str_add(&changed, "\n");
		}
		changed.failed = changed.failed || here.failed;
		str_release(&here);
	}
	if (changed.length)
		str_addf(out, "Inputs that differ:\n\n%s\n", str_text(&changed));
	out->failed = out->failed || changed.failed;
	str_release(&changed);
}

static void one_sided(const struct comparison *c, struct str *out)
{
	for (size_t i = 0; i < c->count && i < LINES_SHOWN; i++) {
		struct str line = { 0 };

		compare_one_sided(&c->cases[i], COMPARE_GONE, "figures only before: ", &line);
		compare_one_sided(&c->cases[i], COMPARE_NEW, "figures only after: ", &line);
		if (line.length) {
			str_add(out, "- ");
			markdown_add(out, c->cases[i].name);
			str_add(out, ": ");
			markdown_add(out, str_text(&line));
			str_add(out, "\n");
		}
		out->failed = out->failed || line.failed;
		str_release(&line);
	}
	str_add(out, c->counts[COMPARE_NEW] + c->counts[COMPARE_GONE] ? "\n" : "");
}

static void alone(const struct comparison *c, struct str *out)
{
	for (size_t i = 0, n = 0; i < c->count; i++)
		if ((!c->cases[i].a || !c->cases[i].b) && n++ < LINES_SHOWN) {
			str_add(out, c->cases[i].a ? "- only before: " : "- only after: ");
			markdown_add(out, c->cases[i].name);
			str_add(out, "\n");
		}
	if (c->only_a + c->only_b)
		str_add(out, "\n");
}

bool compare_markdown(const struct comparison *c, struct str *out, struct err *err)
{
	char failure[200];
	size_t rest = count(c, false) + c->counts[COMPARE_NEW] + c->counts[COMPARE_GONE];

	/* The mark lets a workflow find and replace its comment of the last time. */
	str_add(out, "<!-- vibee-sim compare -->\n### ");
	if (c->failed_cases)
		str_addf(out, "\xe2\x9d\x8c %s\n\n", compare_failure(c, failure, sizeof(failure)));
	else
		str_addf(out, "\xe2\x9c\x85 %s\n\n", c->counts[COMPARE_SAME] == 0 && c->both == 0 ? "nothing to compare" :
						   rest ? "no regression" : "no difference");
	str_addf(out, "%zu case%s compared: ", c->both, c->both == 1 ? "" : "s");
	compare_summary(c, out);
	str_add(out, ".\n\n");
	if (c->failed)
		lines(c, true, LINES_SHOWN, out);
	alone(c, out);
	inputs(c, out);
	if (rest) {
		str_addf(out, "<details><summary>%zu other difference%s%s</summary>\n\n", rest, rest == 1 ? "" : "s",
			 c->measured ? " and measured figures" : "");
		lines(c, false, LINES_FOLDED, out);
		one_sided(c, out);
		str_add(out, "</details>\n\n");
	}
	str_add(out, "<sub>before: ");
	markdown_add(out, c->a->what);
	str_add(out, "; after: ");
	markdown_add(out, c->b->what);
	str_addf(out, "; simulated figures count from %.0e (relative)", COMPARE_EXACT);
	if (c->measured)
		str_addf(out, "; measured ones from p < %g and %g %% of the median", c->options->significance, 100 * c->options->least_effect);
	str_add(out, "</sub>\n");
	return !out->failed || err_memory(err);
}
