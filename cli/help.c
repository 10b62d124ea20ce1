#include "cli/help.h"

#include <string.h>

enum { WIDTH = 100, HEAD_WIDTH = 30 };

void help_wrap(struct str *out, const char *text, size_t indent, size_t width)
{
	size_t column = indent;

	while (*text) {
		size_t n = strcspn(text, " \n");

		if (column > indent && column + 1 + n > width) {
			str_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			str_add(out, " ");
			column++;
		}
		str_add_bytes(out, text, n);
		column += n;
		text += n;
		if (*text == '\n') {
			str_addf(out, "\n%*s", text[1] ? (int)indent : 0, "");
			column = indent;
		}
		text += *text != '\0';
	}
}

void help_option_head(const struct option *o, struct str *out)
{
	str_addf(out, "--%s%s%s", o->name, o->word ? " " : "", o->word ? o->word : "");
}

/* "  head            text", the text wrapped in a column of its own. */
static void two_columns(struct str *out, const char *head, const char *text, size_t width)
{
	size_t length = strlen(head);

	str_addf(out, "  %-*s", (int)width, head);
	if (length > width)
		str_addf(out, "\n  %*s", (int)width, "");
	str_add(out, "  ");
	help_wrap(out, text, width + 4, WIDTH);
	str_add(out, "\n");
}

static void options(const struct option_group *group, struct str *out)
{
	struct str head = { 0 }, text = { 0 };

	str_addf(out, "\n%s\n", group->title);
	for (size_t i = 0; i < group->count; i++) {
		const struct option *o = &group->options[i];

		str_clear(&head);
		str_clear(&text);
		help_option_head(o, &head);
		str_add(&text, o->help);
		if (o->fallback)
			str_addf(&text, " [%s]", o->fallback);
		two_columns(out, str_text(&head), str_text(&text), HEAD_WIDTH);
	}
	str_release(&head);
	str_release(&text);
}

static void command_lines(const struct command *const *commands, struct str *out)
{
	size_t width = 0;

	for (const struct command *const *c = commands; *c; c++)
		if (strlen((*c)->name) > width)
			width = strlen((*c)->name);
	for (const struct command *const *c = commands; *c; c++)
		two_columns(out, (*c)->name, (*c)->summary, width);
}

static void examples(const struct example *e, struct str *out)
{
	str_add(out, "\nExamples\n");
	for (; e->line; e++) {
		str_addf(out, "  %s\n      ", e->line);
		help_wrap(out, e->what, 6, WIDTH);
		str_add(out, "\n");
	}
}

void help_command(const struct command *command, const char *program, struct str *out)
{
	str_addf(out, "%s -- ", program);
	help_wrap(out, command->summary, 4, WIDTH);
	str_addf(out, "\n\nusage: %s%s%s%s%s\n", program, !command->parts ? "" : command->run ? " [PART]" : " PART", command->arguments ? " " : "",
		 command->arguments ? command->arguments : "", command->groups || command->parts ? " [options]" : "");
	if (command->details) {
		str_add(out, "\n");
		help_wrap(out, command->details, 0, WIDTH);
		str_add(out, "\n");
	}
	if (command->parts) {
		str_add(out, "\nParts\n");
		command_lines(command->parts, out);
		str_addf(out, "\n'%s PART --help' says more.\n", program);
	}
	for (const struct option_group *const *g = command->groups; g && *g; g++)
		options(*g, out);
	if (command->examples)
		examples(command->examples, out);
}

void help_overview(const struct command *const *commands, bool all, struct str *out)
{
	str_add(out, "vibee-sim -- how will this model perform on this hardware under this traffic?\n\n"
		     "usage: vibee-sim COMMAND [SCENARIO.xml] [options]\n\nCommands\n");
	command_lines(commands, out);
	str_add(out, "\nStart with\n"
		     "  vibee-sim run                       llama-3.1-8b on one H100, recorded chat traffic\n"
		     "  vibee-sim run --model llama-3.1-70b --tp 4 --workload chat --qps 2\n"
		     "  vibee-sim catalog list devices\n"
		     "\n'vibee-sim COMMAND --help' describes a command, 'vibee-sim --version' the build.\n");
	if (!all)
		return;
	str_add(out, "\nResults go to standard output, progress and errors to standard error.\n"
		     "Exit status: 0 done, 1 a check failed (an SLO, a comparison, the catalog), 2 bad usage or input, "
		     "3 files or internal.\n"
		     "VIBEE_SIM_HOME names the folder of catalogs, VIBEE_SIM_DB the database of runs; NO_COLOR turns colours off.\n");
}
