#include "cli/study_outputs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "cli/run_outputs.h"
#include "reports/format.h"
#include "reports/table.h"
#include "sim/plan/workers.h"

static const struct option table[] = {
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the study as JSON; - (or nothing): standard output" },
	{ .name = "csv", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the table as CSV, full precision" },
	{ .name = "svg", .word = "FILE.svg", .words = WORDS_FILE, .output = true, .help = "the plots, each with its name added to FILE" },
	{ .name = "html", .word = "FILE.html", .words = WORDS_FILE, .output = true, .help = "one self-contained page" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no table on standard output, no progress" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of studies" },
	{ .name = "no-store", .kind = OPTION_FLAG, .help = "do not keep the study" },
};
const struct option_group study_output_options = OPTION_GROUP("Output", table);

char *figure_text(char *buf, int figure, double value)
{
	struct metric m = { .unit = figures[figure].unit };

	if (strcmp(m.unit, "tokens/s") == 0 || strcmp(m.unit, "1/s") == 0)
		m.unit = "";
	return format_metric(buf, &m, value);
}

char *delta_text(char *buf, double value, double base)
{
	double change = value / base - 1;

	*buf = '\0';
	if (!isfinite(change))
		return buf;
	snprintf(buf, FIGURE_ROOM, fabs(change) >= 9.995 ? "x %.1f" : fabs(change) >= 0.0995 ? "%+.0f %%" : "%+.1f %%",
		 fabs(change) >= 9.995 ? 1 + change : 100 * change);
	return buf;
}

int delta_style(int figure, double value, double base)
{
	double change = (value / base - 1) * figures[figure].better;

	return !isfinite(change) || fabs(change) < 1e-4 ? STYLE_FAINT : change > 0 ? STYLE_GOOD : STYLE_BAD;
}

void outcome_json(struct json *j, const char *key, const struct outcome *o)
{
	json_object(j, key);
	for (int i = 0; i < FIGURES; i++)
		if (!isnan(o->value[i]))
			json_number(j, figures[i].name, o->value[i]);
	json_end(j);
}

bool study_write(const char *path, struct str *text, bool ok, struct err *err)
{
	if (ok && text->failed)
		ok = err_memory(err);
	ok = ok && paths_write_str(path, text, err);
	str_release(text);
	return ok;
}

int study_threads(const struct call *call)
{
	return (int)call_int(call, "threads", workers_processors());
}

bool study_keep(const struct call *call, const char *kind, const char *title, const char *document, const struct study_row *rows, size_t count,
		char id[33], const char **database, struct err *err)
{
	struct run_origin origin;
	struct store *store;
	bool ok;

	*database = NULL;
	if (call_flag(call, "no-store"))
		return true;
	*database = run_database(call, err);
	store = *database ? store_open(*database, err) : NULL;
	run_origin_here(call, &origin);
	ok = store && store_put_study(store, kind, &origin, title, document, rows, count, id, err);
	store_close(store);
	return ok;
}

const char *study_file(const struct call *call, const char *path, const char *part)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	int stem = dot && (!slash || dot > slash) ? (int)(dot - path) : (int)strlen(path);

	return arena_printf(call->arena, "%.*s-%s%s", stem, path, part, path[stem] ? path + stem : ".svg");
}
