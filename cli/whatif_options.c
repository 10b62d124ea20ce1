#include "cli/whatif_options.h"

#include <string.h>

#include "cli/study_outputs.h"

static const struct option vary_table[] = {
	{ .name = "vary", .word = "NAME=A,B,C", .help = "what to change: any attribute of a scenario by its path or last word, with=..., "
							  "model=..., workload=...; 1..8 counts, 1..64*2 doubles (repeatable)" },
	{ .name = "job", .word = "NAME", .words = WORDS_FILE, .help = "variants of a training job of the catalog (or a file) instead; options and attributes are those of 'train'" },
	{ .name = "list", .kind = OPTION_FLAG, .help = "one change at a time, not all combinations" },
	{ .name = "paired", .kind = OPTION_FLAG, .help = "first values together, second values together ..." },
	{ .name = "metric", .word = "NAME", .fallback = "output_throughput", .help = "figure of verdicts, waterfall and sensitivity: ttft_p99, tpot_p50, usd_per_1m_output_tokens ..." },
	{ .name = "columns", .word = "NAME,...", .help = "figures of the table" },
	{ .name = "waterfall", .kind = OPTION_FLAG, .help = "what each change (to its last value) contributes: alone, removed, Shapley share; 2 to 8 changes" },
	{ .name = "sensitivity", .kind = OPTION_FLAG, .help = "parameters of the base at -20 % and +20 %, and the model's own errors" },
	{ .name = "no-confidence", .kind = OPTION_FLAG, .help = "leave out how sure the differences are (fewer simulations)" },
};
const struct option_group vary_options = OPTION_GROUP("Variants", vary_table);

bool whatif_space(const struct call *call, struct space *space, struct err *err)
{
	for (size_t i = 0; i < call->setting_count; i++) {
		const struct setting *s = &call->settings[i];

		if (strcmp(s->option->name, "vary") == 0 &&
		    !space_add(space, s->value, arena_printf(call->arena, "--vary %s", s->value), call->arena, err))
			return false;
	}
	if (space->count == 0 && !call_flag(call, "sensitivity"))
		return err_set(err, ERR_INPUT, "whatif: nothing to vary; expected --vary NAME=A,B,..., for example --vary tp=1,2,4");
	return true;
}

bool whatif_options_read(const struct call *call, struct whatif_options *o, struct err *err)
{
	const char *metric = call_text(call, "metric");
	bool list = call_flag(call, "list"), paired = call_flag(call, "paired");

	if (list && paired)
		return err_set(err, ERR_INPUT, "--list and --paired: expected at most one of them");
	*o = (struct whatif_options){ .mode = list ? WHATIF_LIST : paired ? WHATIF_PAIRED : WHATIF_GRID, .threads = study_threads(call),
				      .figure = FIGURE_OUTPUT_THROUGHPUT, .confidence = !call_flag(call, "no-confidence"),
				      .waterfall = call_flag(call, "waterfall"), .sensitivity = call_flag(call, "sensitivity") };
	if (metric)
		o->figure = figure_find(metric, "--metric", err);
	return o->figure >= 0;
}

bool whatif_columns(const char *names, struct whatif_view *view, struct arena *arena, struct err *err)
{
	static const int usual[] = { FIGURE_OUTPUT_THROUGHPUT, FIGURE_TTFT_P99, FIGURE_TPOT_P50, FIGURE_E2E_P99, FIGURE_USD_PER_1M_OUTPUT,
				     FIGURE_JOULES_PER_OUTPUT };
	char *copy = names ? arena_strdup(arena, names) : NULL, *save = NULL;
	int figure = view->w->options.figure;
	bool there = false;

	for (size_t i = 0; !names && i < COUNT_OF(usual); i++)
		view->columns[view->column_count++] = usual[i];
	for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; name; name = strtok_r(NULL, ",", &save)) {
		int f = figure_find(name, "--columns", err);

		if (f < 0)
			return false;
		if (view->column_count == TABLE_FIGURES_MOST)
			return err_set(err, ERR_INPUT, "--columns: expected at most %d figures", TABLE_FIGURES_MOST);
		view->columns[view->column_count++] = f;
	}
	for (size_t i = 0; i < view->column_count; i++)
		there |= view->columns[i] == figure;
	if (!there && view->column_count < TABLE_FIGURES_MOST)
		view->columns[view->column_count++] = figure;
	return true;
}
