/* vibee-sim targets: the scoreboard of the technology tree. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "reports/outfile.h"
#include "validation/targets.h"

static bool targets_run(const struct call *call, struct err *err)
{
	const char *html = call_text(call, "html"), *json = call_text(call, "json");
	struct term term = term_detect(STDOUT_FILENO);
	struct scoreboard *s = arena_alloc(call->arena, sizeof(*s));
	struct str out = { 0 };
	bool ok = s != NULL;

	if (!s)
		return err_memory(err);
	ok = scoreboard_run(call_text(call, "stack"), s, call->arena, err);
	if (ok && html)
		ok = scoreboard_page(s, &out, err) && outfile_write(html, str_text(&out), out.length, err);
	str_clear(&out);
	if (ok && json)
		ok = scoreboard_json(s, &out, err) && outfile_write(json, str_text(&out), out.length, err);
	str_clear(&out);
	if (!isatty(STDOUT_FILENO) && term.width < 150)
		term.width = 150;
	if (ok && !html && !json)
		ok = scoreboard_text(s, &term, &out, err) && outfile_write("-", str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static const struct option targets_table[] = {
	{ .name = "stack", .word = "IDS", .help = "modules to use, separated by blanks, instead of searching" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON; - (or nothing): standard output" },
	{ .name = "html", .word = "FILE", .words = WORDS_FILE, .help = "as a page with the contribution of each module" },
};
static const struct option_group targets_options = OPTION_GROUP("Options", targets_table);

extern const struct command command_targets;
const struct command command_targets = {
	.studies = true, .name = "targets", .summary = "v2100 and v2200 targets: simulated, met or not, what each module brings",
	.details = "One reference job (Llama-2-7B: training on 2,048 H100, serving on one, the longest context on eight) without and with the modules of the "
		   "technology tree. The stack of modules is found by a greedy search over the tree; a target that physics refuses is reported as missed.",
	.groups = (const struct option_group *const[]){ &targets_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim targets", "the scoreboard" },
		{ "vibee-sim targets --stack 'kivi_v1821 eagle3_v1861:depth=5'", "with a stack of one's own" },
		{ NULL, NULL } },
	.run = targets_run,
};
