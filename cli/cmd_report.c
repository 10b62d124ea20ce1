/* vibee-sim report: a kept run as text, HTML, Markdown or JSON. */
#include "cli/options.h"
#include "cli/run_outputs.h"

static const struct option report_table[] = {
	{ .name = "html", .word = "FILE.html", .words = WORDS_FILE, .output = true, .help = "one self-contained page" },
	{ .name = "markdown", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "for issues and notebooks" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "schema vibee.run/1" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
};
static const struct option_group report_options = OPTION_GROUP("Options", report_table);

const struct command command_report = {
	.name = "report", .summary = "show a kept run as text, HTML, Markdown or JSON", .arguments = "[RUN]", .arguments_most = 1, .words = WORDS_RUNS,
	.details = "RUN is the beginning of an id ('vibee-sim db list' shows them), 'last' -- also without one --, or 'last~N' for the N-th "
		   "before it. Without options the text goes to standard output; a file left out or - is standard output, too.",
	.groups = (const struct option_group *const[]){ &report_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim report", "the newest run" },
		{ "vibee-sim report 3f9a --html run.html --markdown run.md", "another one, to files" },
		{ NULL, NULL } },
	.run = show_stored_run,
};
