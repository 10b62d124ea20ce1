#include "reports/report_junit.h"

#include <stdio.h>
#include <string.h>

#include "reports/compare.h"
#include "reports/junit.h"

bool run_junit(const struct result *r, struct str *out, struct err *err)
{
	const char *title = r->title ? r->title : "run";
	struct junit *j = junit_new("vibee-sim report");
	char line[160], a[32], b[32];
	bool ok;

	if (!j)
		return err_memory(err);
	junit_suite(j, title);
	if (r->slo_count == 0)
		junit_passed(j, title, "simulated", NULL);
	for (size_t i = 0; i < r->slo_count; i++) {
		const struct slo_row *slo = &r->slos[i];

		snprintf(line, sizeof(line), "%s, target %s", human_seconds(a, slo->value_s), human_seconds(b, slo->target_s));
		if (slo->met)
			junit_passed(j, title, slo->name, line);
		else
			junit_failure(j, title, slo->name, line, line);
	}
	ok = junit_write(j, out, err);
	junit_free(j);
	return ok;
}

static const struct side_figure *named(const struct side_case *c, const char *name)
{
	for (size_t i = 0; i < c->figure_count; i++)
		if (strcmp(c->figures[i].name, name) == 0)
			return &c->figures[i];
	return NULL;
}

static void study_case(struct junit *j, const struct side *study, const struct side_case *c, struct str *figures)
{
	static const char *const asked[] = { SIDE_SLOS_MET, SIDE_BARS_MET };
	const char *missed = NULL;
	char buf[COMPARE_ROOM];

	str_clear(figures);
	for (size_t i = 0; i < c->figure_count; i++)
		str_addf(figures, "%s %s\n", c->figures[i].name, compare_value(buf, &c->figures[i]));
	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		const struct side_figure *f = named(c, asked[i]);

		if (f && f->value == 0)
			missed = i == 0 ? "an SLO was missed" : "outside the bars";
	}
	if (c->figure_count == 0 || (c->figure_count == 1 && named(c, SIDE_SLOS_MET)))
		junit_skipped(j, study->what, c->name, "not simulated");
	else if (missed)
		junit_failure(j, study->what, c->name, missed, str_text(figures));
	else
		junit_passed(j, study->what, c->name, str_text(figures));
}

bool study_junit(const struct side *study, struct str *out, struct err *err)
{
	struct junit *j = junit_new("vibee-sim report");
	struct str figures = { 0 };
	bool ok;

	if (!j)
		return err_memory(err);
	junit_suite(j, study->what);
	for (size_t i = 0; i < study->count; i++)
		study_case(j, study, study->cases[i], &figures);
	ok = junit_write(j, out, err) && (!figures.failed || err_memory(err));
	str_release(&figures);
	junit_free(j);
	return ok;
}
