/* A comparison for machines that build: JUnit XML, and annotations of GitHub Actions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/compare.h"
#include "reports/junit.h"
#include "reports/utf8.h"

static const char *figure_name(const struct compared *f)
{
	return f->b ? f->b->name : f->a->name;
}

/* "91.7 ms -> 103 ms (+12.3 %), worse" */
static void sentence(const struct comparison *c, const struct compared *f, struct str *out)
{
	char a[COMPARE_ROOM], b[COMPARE_ROOM], change[COMPARE_ROOM], test[COMPARE_TEST_ROOM];

	str_addf(out, "%s -> %s", compare_value(a, f->a), compare_value(b, f->b));
	if (*compare_change(change, f))
		str_addf(out, " (%s)", change);
	str_addf(out, ", %s", compare_verdict_names[f->verdict]);
	if (*compare_test(test, c, f))
		str_addf(out, "; %s", test);
}

static void junit_case(const struct comparison *c, const struct compared_case *one, struct junit *j)
{
	struct str text = { 0 };

	junit_suite(j, one->name);
	if (!one->a || !one->b) {
		const char *where = one->a ? "only before" : "only after";

		if (one->failed)
			junit_failure(j, one->name, "presence", where, where);
		else
			junit_skipped(j, one->name, "presence", where);
	}
	for (size_t i = 0; i < one->count; i++) {
		const struct compared *f = &one->figures[i];

		str_clear(&text);
		sentence(c, f, &text);
		if (f->failed)
			junit_failure(j, one->name, figure_name(f), str_text(&text), str_text(&text));
		else
			junit_passed(j, one->name, figure_name(f), f->verdict == COMPARE_SAME ? NULL : str_text(&text));
	}
	str_release(&text);
}

bool compare_junit(const struct comparison *c, struct str *out, struct err *err)
{
	struct junit *j = junit_new("vibee-sim compare");
	bool ok;

	if (!j)
		return err_memory(err);
	for (size_t i = 0; i < c->count; i++)
		junit_case(c, &c->cases[i], j);
	ok = junit_write(j, out, err);
	junit_free(j);
	return ok;
}

/* A workflow command is one line: its own signs are percent-encoded, in properties also : and , (actions/toolkit, command.ts). */
static void command_text(struct str *out, const char *text, bool property)
{
	struct str clean = { 0 };

	for (size_t n; *text; text += n)
		if (utf8_next(text, &n) == 0xfffd)
			str_add(&clean, "\xef\xbf\xbd");
		else
			str_add_bytes(&clean, text, n);
	for (const char *p = str_text(&clean); *p; p++) {
		if (strchr("%\r\n", *p) || (property && strchr(":,", *p)))
			str_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
		else
			str_add_bytes(out, p, 1);
	}
	out->failed = out->failed || clean.failed;
	str_release(&clean);
}

static void command(struct str *out, const char *level, const char *file, const char *title, const char *message)
{
	str_addf(out, "::%s ", level);
	if (file) {
		str_add(out, "file=");
		command_text(out, file, true);
		str_add(out, ",");
	}
	str_add(out, "title=");
	command_text(out, title, true);
	str_add(out, "::");
	command_text(out, message, false);
	str_add(out, "\n");
}

/* GitHub shows ten annotations of a kind: one a case, its first figures as lines of the message. */
enum { FIGURES_TOLD = 10 };

static void annotate(const struct comparison *c, const struct compared_case *one, bool failed, struct str *out)
{
	struct str message = { 0 }, title = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < one->count; i++) {
		const struct compared *f = &one->figures[i];

		if (f->failed != failed || f->verdict == COMPARE_SAME || f->verdict == COMPARE_NEW)
			continue;
		if (n++ >= FIGURES_TOLD)
			continue;
		str_addf(&message, "%s%s: ", n > 1 ? "\n" : "", figure_name(f));
		sentence(c, f, &message);
	}
	if (n > FIGURES_TOLD)
		str_addf(&message, "\nand %zu more", n - FIGURES_TOLD);
	if (n) {
		str_addf(&title, "%s: %zu figure%s %s", one->name, n, n == 1 ? "" : "s",
			 !failed ? "changed" : c->options->exact ? "differ" : "worse");
		command(out, failed ? "error" : "notice", one->b->file ? one->b->file : one->a->file, str_text(&title), str_text(&message));
	}
	out->failed = out->failed || message.failed || title.failed;
	str_release(&message);
	str_release(&title);
}

bool compare_annotations(const struct comparison *c, struct str *out, struct err *err)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct compared_case *one = &c->cases[i];

		if (one->a && one->b) {
			annotate(c, one, true, out);
			annotate(c, one, false, out);
		} else {
			command(out, one->failed ? "error" : "warning", one->a ? one->a->file : one->b->file, one->name,
				one->a ? "only before: nothing to compare with" : "only after: not in what it is compared with");
		}
	}
	return !out->failed || err_memory(err);
}
