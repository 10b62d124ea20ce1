/* vibee-sim compare: two sides -- runs, studies, databases, files, scenarios simulated now, git revisions -- and histories. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "cli/git_side.h"
#include "cli/options.h"
#include "cli/run_outputs.h"
#include "cli/set_side.h"
#include "reports/compare.h"
#include "reports/metric.h"
#include "reports/trend.h"

static const char FIXED_SET[] = "tests/baseline";

static bool is_database(const char *path)
{
	char head[16] = "";
	FILE *f = fopen(path, "rb");
	bool is = f && fread(head, 1, sizeof(head), f) == sizeof(head) && memcmp(head, "SQLite format 3", 16) == 0;

	if (f)
		fclose(f);
	return is;
}

static bool of_database(struct side *side, const char *path, struct err *err)
{
	struct store *store = store_open_existing(path, err);
	bool ok = store && side_of_store(side, store, err);

	store_close(store);
	return ok;
}

/* A run of that name; else a study. When it is neither, the fault of the run is said. */
static bool of_name(const struct call *call, struct side *side, const char *name, struct err *err)
{
	const char *database = run_database(call, err);
	struct store *store = database ? store_open_existing(database, err) : NULL;
	bool study = text_starts(name, "study:"), ok;
	struct err first = { 0 }, second = { 0 };

	if (!store)
		return false;
	ok = study ? side_of_study(side, store, name + strlen("study:"), err) : side_of_run(side, store, name, &first);
	if (!ok && !study) {
		side_init(side, name, call->arena);
		ok = strspn(name, "0123456789abcdefABCDEF") == strlen(name) && side_of_study(side, store, name, &second);
		if (!ok)
			err_set(err, first.kind, "%s", first.text);
	}
	store_close(store);
	return ok;
}

static const char *set_of(const struct call *call)
{
	return call_text(call, "set") ? call_text(call, "set") : FIXED_SET;
}

static bool load(const struct call *call, struct side *side, const char *name, struct err *err)
{
	side_init(side, name, call->arena);
	if (text_starts(name, "git:"))
		return side_of_revision(side, name + strlen("git:"), set_of(call), err);
	if (paths_is_folder(name))
		return side_of_set(side, name, err);
	if (!paths_is_file(name)) {
		if (!text_starts(name, "study:") && strpbrk(name, "./"))
			return err_set(err, ERR_INPUT, "%s: no such file; expected a run, study:ID, a database, JSON, scenarios or git:REVISION", name);
		return of_name(call, side, name, err);
	}
	if (is_database(name))
		return of_database(side, name, err);
	return text_ends(name, ".xml") ? side_of_set(side, name, err) : side_of_json(side, name, err);
}

/* What A is compared with when B is not given: a revision with this program, a run with the newest one. */
static const char *other_side(const struct call *call)
{
	const char *a = call_argument(call, 0), *b = call_argument(call, 1);

	if (b)
		return b;
	return text_starts(a, "git:") ? set_of(call) : !paths_is_file(a) && !paths_is_folder(a) ? "last" : NULL;
}

/* A share as a person writes it: 0.03 or 3%. */
static bool share(const char *option, const char *text, double *out, struct err *err)
{
	size_t n = strlen(text);
	char plain[40];

	if (n > 0 && n < sizeof(plain)) {
		bool percent = text[n - 1] == '%';

		memcpy(plain, text, n + 1);
		plain[n - percent] = '\0';
		if (text_to_double(plain, out)) {
			*out /= percent ? 100 : 1;
			if (*out >= 0 && *out <= 10)
				return true;
		}
	}
	return err_set(err, ERR_INPUT, "--%s %s: expected a share such as 0.03 or 3%%", option, text);
}

/* The name, or the beginning of names, of a figure that a run or either side has. */
static bool figure_known(const char *name, const struct side *a, const struct side *b)
{
	const struct side *const sides[] = { a, b };
	size_t n = strlen(name);

	for (const struct metric *m = metrics; m->path; m++)
		if (strncmp(metric_name(m), name, n) == 0 && strchr(".", metric_name(m)[n]))
			return true;
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->count; i++)
			for (size_t k = 0; k < sides[s]->cases[i]->figure_count; k++) {
				const char *figure = sides[s]->cases[i]->figures[k].name;

				if (strncmp(figure, name, n) == 0 && (figure[n] == '\0' || figure[n] == '.'))
					return true;
			}
	return false;
}

/* One of "0.01", "ttft_s.p99=0.05", "ttft_s=1%". */
static bool tolerance(const struct call *call, const char *text, const struct side *a, const struct side *b, struct compare_tolerance *out,
		      struct err *err)
{
	const char *equals = strchr(text, '=');

	if (!share("tolerance", equals ? equals + 1 : text, &out->relative, err))
		return false;
	out->figure = equals ? arena_printf(call->arena, "%.*s", (int)(equals - text), text) : NULL;
	if (equals && !out->figure)
		return err_memory(err);
	if (out->figure && !figure_known(out->figure, a, b)) {
		const char *near = metric_nearest(out->figure);

		return err_set(err, ERR_INPUT, "--tolerance %s: no such metric%s%s%s", text, near ? "; did you mean '" : "", near ? near : "",
			       near ? "'?" : "");
	}
	return true;
}

static bool choose_options(const struct call *call, const struct side *a, const struct side *b, struct compare_options *out, struct err *err)
{
	struct compare_tolerance *all = arena_alloc(call->arena, (call->setting_count + 1) * sizeof(*all));
	const char *least = call_text(call, "least-effect");

	compare_defaults(out);
	if (!all)
		return err_memory(err);
	for (size_t i = 0; i < call->setting_count; i++)
		if (strcmp(call->settings[i].option->name, "tolerance") == 0 &&
		    !tolerance(call, call->settings[i].value, a, b, &all[out->tolerance_count++], err))
			return false;
	out->tolerances = all;
	out->exact = call_flag(call, "exact");
	out->significance = call_number(call, "significance", out->significance);
	return !least || share("least-effect", least, &out->least_effect, err);
}

/* The forms a comparison, or a history, has; both are written by the same options. */
struct forms {
	bool (*text)(const void *what, const struct call *call, struct str *out, struct err *err);
	bool (*json)(const void *what, struct str *out, struct err *err);
	bool (*markdown)(const void *what, struct str *out, struct err *err);
	bool (*html)(const void *what, struct str *out, struct err *err);
	bool (*junit)(const void *what, struct str *out, struct err *err);     /* NULL: has none */
	bool (*annotations)(const void *what, struct str *out, struct err *err);
};

static bool write_form(bool (*fill)(const void *what, struct str *out, struct err *err), const void *what, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = fill(what, &out, err) && paths_write_str(path, &out, err);

	str_release(&out);
	return ok;
}

static bool write_text(const struct forms *f, const void *what, const struct call *call, struct err *err)
{
	struct str out = { 0 };
	bool ok = f->text(what, call, &out, err) && paths_write_str("-", &out, err);

	str_release(&out);
	return ok;
}

static const char *const form_options[] = { "json", "markdown", "html", "junit" };

/* Two results on standard output could not be told apart. */
static bool check_forms(const struct call *call, bool *text, struct err *err)
{
	const char *first = NULL;

	for (size_t i = 0; i < COUNT_OF(form_options); i++) {
		const char *file = call_text(call, form_options[i]);

		if (!file || strcmp(file, "-") != 0)
			continue;
		if (first)
			return err_set(err, ERR_INPUT, "--%s and --%s: both to standard output; expected at most one there", first, form_options[i]);
		first = form_options[i];
	}
	*text = !first && !call_flag(call, "quiet");
	return true;
}

static bool write_forms(const struct forms *f, const void *what, const struct call *call, bool text, struct err *err)
{
	bool (*const fills[])(const void *what, struct str *out, struct err *err) = { f->json, f->markdown, f->html, f->junit };

	if (text && !write_text(f, what, call, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(form_options); i++) {
		const char *file = call_text(call, form_options[i]);

		if (file && !fills[i])
			return err_set(err, ERR_INPUT, "--%s: a history has no such form", form_options[i]);
		if (file && !write_form(fills[i], what, file, err))
			return false;
	}
	return !call_flag(call, "annotations") || !f->annotations || write_form(f->annotations, what, "-", err);
}

static bool comparison_text(const void *what, const struct call *call, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);

	if (!isatty(STDOUT_FILENO) && term.width < 200)
		term.width = 200;
	return compare_text(what, &term, call_flag(call, "all"), out, err);
}

#define FORM(name) \
	static bool name##_form(const void *what, struct str *out, struct err *err) { return name(what, out, err); }
FORM(compare_json)
FORM(compare_markdown)
FORM(compare_html)
FORM(compare_junit)
FORM(compare_annotations)
FORM(trend_json)
FORM(trend_markdown)
FORM(trend_html)

static bool history_text(const void *what, const struct call *call, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);

	(void)call;
	if (!isatty(STDOUT_FILENO) && term.width < 200)
		term.width = 200;
	return trend_text(what, &term, out, err);
}

static bool save(const struct call *call, const struct side *side, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = side_json(side, &out, err) && paths_write_str(path, &out, err);

	(void)call;
	str_release(&out);
	return ok;
}

static bool compare_two(const struct call *call, const struct side *a, bool text, struct err *err)
{
	static const struct forms forms = { comparison_text,   compare_json_form,  compare_markdown_form,
					    compare_html_form, compare_junit_form, compare_annotations_form };
	struct compare_options options;
	struct comparison c;
	struct side b;
	char failure[200];

	if (!load(call, &b, other_side(call), err) || !choose_options(call, a, &b, &options, err) ||
	    !compare_sides(a, &b, &options, call->arena, &c, err))
		return false;
	if (call_text(call, "save") && !save(call, &b, call_text(call, "save"), err))
		return false;
	if (!write_forms(&forms, &c, call, text, err))
		return false;
	if (c.both == 0)
		return err_set(err, ERR_INPUT, "%s and %s have no case in common; nothing was compared", a->name, b.name);
	return c.failed_cases == 0 || err_set(err, ERR_CHECK, "%s in %s than in %s", compare_failure(&c, failure, sizeof(failure)), b.name, a->name);
}

static bool show_history(const struct call *call, const char *figure, struct err *err)
{
	static const struct forms forms = { history_text, trend_json_form, trend_markdown_form, trend_html_form, NULL, NULL };
	const char *database = run_database(call, err);
	struct store *store = database ? store_open_existing(database, err) : NULL;
	struct trend trend;
	struct side history;
	bool text, ok = store && check_forms(call, &text, err);

	side_init(&history, figure, call->arena);
	ok = ok && side_of_history(&history, store, figure, call_text(call, "scenario"), call_int(call, "last", 1000), err);
	store_close(store);
	if (ok && history.count == 0) {
		const char *near = metric_find(figure) ? NULL : metric_nearest(figure);

		return err_set(err, ERR_INPUT, "--trend %s: no run has it%s%s%s", figure, near ? "; did you mean '" : "", near ? near : "",
			       near ? "'?" : "");
	}
	return ok && trend_of(&history, figure, call->arena, &trend, err) && write_forms(&forms, &trend, call, text, err);
}

static bool compare_run(const struct call *call, struct err *err)
{
	const char *trend = call_text(call, "trend"), *file = call_text(call, "save");
	struct side a;

	bool text;

	if (trend && call->argument_count > 0)
		return err_set(err, ERR_INPUT, "--trend %s: takes no A and B; --db names the database, --scenario the runs", trend);
	if (trend)
		return show_history(call, trend, err);
	if (call->argument_count == 0)
		return err_set(err, ERR_INPUT, "compare: expected A and B, A --save FILE, or --trend METRIC");
	if (!(file && call->argument_count == 1) && !other_side(call))
		return err_set(err, ERR_INPUT, "compare %s: expected also B, what to compare with; or --save FILE", call_argument(call, 0));
	if (!check_forms(call, &text, err) || !load(call, &a, call_argument(call, 0), err))
		return false;
	return file && call->argument_count == 1 ? save(call, &a, file, err) : compare_two(call, &a, text, err);
}

#define FILE_OPTION(name_, help_) { .name = name_, .word = "FILE", .words = WORDS_FILE, .output = true, .help = help_ }
static const struct option compare_table[] = {
	{ .name = "tolerance", .word = "[METRIC=]F", .fallback = "1e-9",
	  .help = "relative difference that does not count; ttft_s=1% holds for all of ttft_s (repeatable, the last that fits counts)" },
	{ .name = "exact", .kind = OPTION_FLAG, .help = "exit status 1 also when something is better or merely different, or gone" },
	{ .name = "least-effect", .word = "F", .fallback = "3%", .help = "of measured figures: the difference of medians that counts" },
	{ .name = "significance", .word = "P", .kind = OPTION_NUMBER, .least = 1e-6, .most = 0.5, .fallback = "0.05", .help = "of measured figures: p below it counts" },
	{ .name = "all", .kind = OPTION_FLAG, .help = "also metrics that are the same" },
	{ .name = "set", .word = "DIR", .words = WORDS_FILE, .fallback = "tests/baseline", .help = "what git:REVISION simulates: scenarios of a folder, or one" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs and studies" },
};
static const struct option output_table[] = {
	FILE_OPTION("markdown", "for a pull-request comment"), { .name = "junit", .word = "FILE.xml", .words = WORDS_FILE, .output = true, .help = "JUnit XML, a test case for every figure" },
	FILE_OPTION("html", "one self-contained page"), FILE_OPTION("json", "schema vibee.compare/1; - (or nothing): standard output"),
	{ .name = "annotations", .kind = OPTION_FLAG, .help = "::error and ::notice lines for GitHub Actions, after the text" },
	FILE_OPTION("save", "keep the figures of the last side named, to compare with later"),
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no text on standard output" },
};
static const struct option trend_table[] = {
	{ .name = "trend", .word = "METRIC", .help = "its history over the runs kept: sparkline, change point, table" },
	{ .name = "scenario", .word = "TEXT", .help = "only runs whose title has this part" },
	{ .name = "last", .word = "N", .kind = OPTION_INT, .least = 2, .most = 1e6, .fallback = "1000", .help = "only the newest N runs" },
};
static const struct option_group compare_options = OPTION_GROUP("Options", compare_table);
static const struct option_group form_group = OPTION_GROUP("Output", output_table);
static const struct option_group trend_options = OPTION_GROUP("History", trend_table);

const struct command command_compare = {
	.studies = true, .name = "compare", .summary = "two runs, studies, databases, files or revisions; exit status 1 when something got worse",
	.arguments = "[A [B]]", .arguments_most = 2, .words = WORDS_RUNS,
	.details = "A and B are each: a run (the beginning of its id, 'last', 'last~N'), a study (study:ID, study:last), a database file (the newest "
		   "run of each scenario), JSON that a command wrote, a folder of scenarios or one of them (simulated now), or git:REVISION (built "
		   "from the repository around this folder, then asked to simulate --set). B is 'last' without one, and after git:REVISION this program. "
		   "Simulated figures are exact: what differs by more than 1e-9 is listed, and is better or worse by the metric's own direction. Measured "
		   "ones (bench) differ when Mann and Whitney's test says so and the medians are further apart than --least-effect. How fast "
		   "the simulator ran never counts. Cases are paired by title and inputs; those on one side only are listed.",
	.groups = (const struct option_group *const[]){ &compare_options, &form_group, &trend_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim compare last~1 last", "what the last change did" },
		{ "vibee-sim compare 3f9a 77b0 --tolerance 0.01 --tolerance ttft_s=5%", "forgive one percent, five of times to first token" },
		{ "vibee-sim compare scenarios --save baseline.json", "keep what a folder of scenarios gives today" },
		{ "vibee-sim compare baseline.json scenarios --markdown comment.md --junit junit.xml --annotations", "in CI: against that" },
		{ "vibee-sim compare git:main --set scenarios", "the program of another branch against this one" },
		{ "vibee-sim compare --trend ttft_s.p99 --scenario chat --html trend.html", "a history, with a chart" },
		{ NULL, NULL } },
	.run = compare_run,
};
