/* vibee-sim help: what there is; the manual page, the reference and the shell completion. */
#include <string.h>

#include "base/paths.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/manual.h"

/* "help catalog list": the command that these words name. */
static bool help_for(const struct call *call, struct str *out, struct err *err)
{
	const struct command *const *list = commands, *found = NULL;
	const char *program = "vibee-sim";

	for (size_t i = 0; i < call->argument_count; i++) {
		const char *names[64], *near;
		size_t n = 0;

		found = NULL;
		for (; list && list[n] && n < COUNT_OF(names); n++) {
			names[n] = list[n]->name;
			found = strcmp(names[n], call->arguments[i]) == 0 ? list[n] : found;
		}
		near = text_nearest(call->arguments[i], names, n);
		if (!found)
			return err_set(err, ERR_INPUT, "unknown command '%s'%s%s%s", call->arguments[i],
				       near ? "; did you mean '" : "; 'vibee-sim help' lists them", near ? near : "", near ? "'?" : "");
		program = arena_printf(call->arena, "%s %s", program, found->name);
		if (!program)
			return err_memory(err);
		list = found->parts;
	}
	help_command(found, program, out);
	return true;
}

static bool help_run(const struct call *call, struct err *err)
{
	struct str out = { 0 };
	bool ok = true;

	if (call_flag(call, "man"))
		manual_man(commands, &out);
	else if (call_flag(call, "reference"))
		manual_reference(commands, &out);
	else if (call_flag(call, "completion"))
		manual_completion(commands, &out);
	else if (call->argument_count > 0)
		ok = help_for(call, &out, err);
	else
		help_overview(commands, true, &out);
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static const struct option help_table[] = {
	{ .name = "man", .kind = OPTION_FLAG, .help = "the manual page, for man -l" },
	{ .name = "completion", .kind = OPTION_FLAG, .help = "bash completion, to be sourced" },
	{ .name = "reference", .kind = OPTION_FLAG, .help = "all commands and options as Markdown" },
};
static const struct option_group help_options = OPTION_GROUP("Options", help_table);

const struct command command_help = {
	.name = "help", .summary = "describe the program or a command; manual page, shell completion", .arguments = "[COMMAND ...]",
	.arguments_most = 3, .groups = (const struct option_group *const[]){ &help_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim help catalog list", "one command" },
		{ "source <(vibee-sim help --completion)", "completion in this shell" },
		{ "vibee-sim help --man | man -l -", "the manual" },
		{ NULL, NULL } },
	.run = help_run,
};
