#include "reports/junit.h"

#include <string.h>

#include "base/mem.h"
#include "reports/markup.h"

struct tally {
	size_t tests, failures, skipped;
};

struct junit {
	struct str name, suites, suite_name, cases;
	struct tally suite, all;
	bool open;
};

struct junit *junit_new(const char *name)
{
	struct junit *j = mem_calloc(1, sizeof(*j));

	if (j)
		str_add(&j->name, name);
	return j;
}

void junit_free(struct junit *j)
{
	if (!j)
		return;
	str_release(&j->name);
	str_release(&j->suites);
	str_release(&j->suite_name);
	str_release(&j->cases);
	mem_free(j);
}

static void attribute(struct str *out, const char *name, const char *value)
{
	str_addf(out, " %s=\"", name);
	markup_add(out, value);
	str_add(out, "\"");
}

/* Escaped line by line: markup_add makes blanks of what ends a line. */
static void content(struct str *out, const char *text)
{
	char line[512];

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n >= sizeof(line))
			n = sizeof(line) - 1;
		memcpy(line, text, n);
		line[n] = '\0';
		markup_add(out, line);
		str_add(out, text[n] == '\n' && text[n + 1] ? "\n" : "");
	}
}

static void tally_add(struct str *out, const struct tally *t)
{
	str_addf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\"", t->tests, t->failures, t->skipped);
}

static void end_suite(struct junit *j)
{
	if (!j->open)
		return;
	str_add(&j->suites, "  <testsuite");
	attribute(&j->suites, "name", str_text(&j->suite_name));
	tally_add(&j->suites, &j->suite);
	str_add(&j->suites, ">\n");
	str_add(&j->suites, str_text(&j->cases));
	str_add(&j->suites, "  </testsuite>\n");
	j->all.tests += j->suite.tests;
	j->all.failures += j->suite.failures;
	j->all.skipped += j->suite.skipped;
	j->suite = (struct tally){ 0 };
	j->open = false;
}

void junit_suite(struct junit *j, const char *name)
{
	end_suite(j);
	str_clear(&j->suite_name);
	str_clear(&j->cases);
	str_add(&j->suite_name, name);
	j->open = true;
}

static void begin_case(struct junit *j, const char *class_name, const char *name)
{
	str_add(&j->cases, "    <testcase");
	attribute(&j->cases, "classname", class_name);
	attribute(&j->cases, "name", name);
	j->suite.tests++;
}

void junit_passed(struct junit *j, const char *class_name, const char *name, const char *output)
{
	begin_case(j, class_name, name);
	if (!output) {
		str_add(&j->cases, "/>\n");
		return;
	}
	str_add(&j->cases, "><system-out>");
	content(&j->cases, output);
	str_add(&j->cases, "</system-out></testcase>\n");
}

void junit_failure(struct junit *j, const char *class_name, const char *name, const char *message, const char *details)
{
	begin_case(j, class_name, name);
	str_add(&j->cases, "><failure type=\"failed\"");
	attribute(&j->cases, "message", message);
	str_add(&j->cases, ">");
	content(&j->cases, details);
	str_add(&j->cases, "</failure></testcase>\n");
	j->suite.failures++;
}

void junit_skipped(struct junit *j, const char *class_name, const char *name, const char *message)
{
	begin_case(j, class_name, name);
	str_add(&j->cases, "><skipped");
	attribute(&j->cases, "message", message);
	str_add(&j->cases, "/></testcase>\n");
	j->suite.skipped++;
}

bool junit_write(struct junit *j, struct str *out, struct err *err)
{
	end_suite(j);
	str_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	attribute(out, "name", str_text(&j->name));
	tally_add(out, &j->all);
	str_add(out, ">\n");
	str_add(out, str_text(&j->suites));
	str_add(out, "</testsuites>\n");
	return !(out->failed || j->name.failed || j->suites.failed || j->suite_name.failed || j->cases.failed) || err_memory(err);
}
