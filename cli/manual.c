#include "cli/manual.h"

#include <string.h>

#include "cli/help.h"
#include "cli/version.h"

/* --- mdoc --------------------------------------------------------------------------------------------------------- */

/* Text of a line: backslashes, and dots or quotes that would start a request. */
static void roff(struct str *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		str_add(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			str_add(out, "\\e");
		else if (*text == '\n')
			str_add(out, "\n.Pp\n");
		else if (*text == '.' && text[1] == ' ' && text[2] != '\0')
			str_add(out, ".\n"), text++;   /* mdoc wants sentences to start on lines of their own */
		else if (*text == '-' && text[1] == '-' && (text[2] == ' ' || text[2] == ','))
			str_add(out, "\\(en"), text++;
		else
			str_add_bytes(out, text, 1);
	}
}

/* An argument of a macro: in quotes, as it may hold blanks, bars and brackets. */
static void roff_argument(struct str *out, const char *text)
{
	str_add(out, "\"");
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			str_add(out, *text == '"' ? "\"\"" : "\\e");
		else
			str_add_bytes(out, text, 1);
	}
	str_add(out, "\"");
}

static void man_option(const struct option *o, struct str *out)
{
	str_addf(out, ".It Fl \\-%s", o->name);
	if (o->word) {
		str_add(out, " Ar ");
		roff_argument(out, o->word);
	}
	str_add(out, "\n");
	roff(out, o->help);
	if (o->fallback) {
		str_add(out, text_ends(o->help, ".") ? "\nDefault: " : ".\nDefault: ");
		roff(out, o->fallback);
	}
	str_add(out, text_ends(o->fallback ? o->fallback : o->help, ".") ? "\n" : ".\n");
}

static void man_command(const struct command *c, const char *name, struct str *out)
{
	str_addf(out, ".Ss %s", name);
	if (c->arguments) {
		str_add(out, " ");
		roff(out, c->arguments);
	}
	str_add(out, "\n");
	roff(out, c->summary);
	str_add(out, ".\n");
	if (c->details) {
		str_add(out, ".Pp\n");
		roff(out, c->details);
		str_add(out, "\n");
	}
	if (c->groups) {
		str_add(out, ".Bl -tag -width Ds\n");
		for (const struct option_group *const *g = c->groups; *g; g++)
			for (size_t i = 0; i < (*g)->count; i++)
				man_option(&(*g)->options[i], out);
		str_add(out, ".El\n");
	}
	for (const struct command *const *p = c->parts; p && *p; p++) {
		struct str full = { 0 };

		str_addf(&full, "%s %s", name, (*p)->name);
		man_command(*p, str_text(&full), out);
		str_release(&full);
	}
}

static void man_examples(const struct command *c, struct str *out)
{
	for (const struct example *e = c->examples; e && e->line; e++) {
		roff(out, e->what);
		str_add(out, ":\n.Dl ");
		roff(out, e->line);
		str_add(out, "\n");
	}
	for (const struct command *const *p = c->parts; p && *p; p++)
		man_examples(*p, out);
}

void manual_man(const struct command *const *commands, struct str *out)
{
	str_add(out, ".Dd March 1, 2026\n.Dt VIBEE-SIM 1\n.Os\n.Sh NAME\n.Nm vibee-sim\n"
		     ".Nd simulate how a language model is served\n.Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar SCENARIO.xml\n"
		     ".Op Ar options\n.Sh DESCRIPTION\n.Nm\n"
		     "says what a language model on given hardware under given traffic will deliver: throughput, latency, memory, cost and\n"
		     "energy, and how far to trust each figure.\nResults go to standard output, progress and errors to standard error.\n"
		     ".Sh COMMANDS\nEvery command answers\n.Fl \\-help .\n");
	for (const struct command *const *c = commands; *c; c++)
		man_command(*c, (*c)->name, out);
	str_add(out, ".Sh ENVIRONMENT\n.Bl -tag -width VIBEE_SIM_HOME\n"
		     ".It Ev VIBEE_SIM_HOME\nFolder of the catalogs; else beside the program or in the installed share.\n"
		     ".It Ev VIBEE_SIM_DB\nDatabase of runs.\n.It Ev NO_COLOR\nTurns colours off.\n.El\n"
		     ".Sh FILES\n.Bl -tag -width Ds\n.It Pa ~/.local/share/vibee-sim/runs.db\nDatabase of runs.\n.El\n"
		     ".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nDone.\n.It 1\nA check failed: an SLO was missed, a comparison got worse, "
		     "a catalog has a fault.\n.It 2\nBad usage or input.\n.It 3\nA file could not be read or written, or an internal failure.\n"
		     ".El\n.Sh EXAMPLES\n");
	for (const struct command *const *c = commands; *c; c++)
		man_examples(*c, out);
	str_add(out, ".Sh SEE ALSO\n.Xr sqlite3 1\n");
}

/* --- Markdown ----------------------------------------------------------------------------------------------------- */

static void cell(struct str *out, const char *text)
{
	for (; *text; text++)
		str_add_bytes(out, *text == '|' ? "\\|" : text, *text == '|' ? 2 : 1);
}

static void reference_command(const struct command *c, const char *name, int level, struct str *out)
{
	struct str head = { 0 };

	str_addf(out, "\n%.*s `%s%s%s`\n\n%s.\n", level, "######", name, c->arguments ? " " : "", c->arguments ? c->arguments : "", c->summary);
	if (c->details)
		str_addf(out, "\n%s\n", c->details);
	for (const struct option_group *const *g = c->groups; g && *g; g++) {
		str_addf(out, "\n| %s | | default |\n| --- | --- | --- |\n", (*g)->title);
		for (size_t i = 0; i < (*g)->count; i++) {
			const struct option *o = &(*g)->options[i];

			str_clear(&head);
			help_option_head(o, &head);
			str_add(out, "| `");
			cell(out, str_text(&head));
			str_add(out, "` | ");
			cell(out, o->help);
			str_add(out, " | ");
			cell(out, o->fallback ? o->fallback : "");
			str_add(out, " |\n");
		}
	}
	for (const struct example *e = c->examples; e && e->line; e++)
		str_addf(out, "%s    %s\n", e == c->examples ? "\n" : "", e->line);
	str_release(&head);
	for (const struct command *const *p = c->parts; p && *p; p++) {
		struct str full = { 0 };

		str_addf(&full, "%s %s", name, (*p)->name);
		reference_command(*p, str_text(&full), level + 1, out);
		str_release(&full);
	}
}

void manual_reference(const struct command *const *commands, struct str *out)
{
	str_addf(out, "# vibee-sim %s: commands\n", vibee_version());
	for (const struct command *const *c = commands; *c; c++) {
		struct str full = { 0 };

		str_addf(&full, "vibee-sim %s", (*c)->name);
		reference_command(*c, str_text(&full), 2, out);
		str_release(&full);
	}
}
