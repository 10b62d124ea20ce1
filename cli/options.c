#include "cli/options.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

enum { OPTIONS_MOST = 128 };

const struct option *option_find(const struct command *command, const char *name)
{
	for (const struct option_group *const *g = command->groups; g && *g; g++)
		for (size_t i = 0; i < (*g)->count; i++)
			if (strcmp((*g)->options[i].name, name) == 0)
				return &(*g)->options[i];
	return NULL;
}

static bool unknown_option(const struct command *command, const char *program, const char *typed, struct err *err)
{
	const char *names[OPTIONS_MOST] = { "help" }, *near, *bare = typed + strspn(typed, "-");
	size_t n = 1;

	for (const struct option_group *const *g = command->groups; g && *g; g++)
		for (size_t i = 0; i < (*g)->count && n < COUNT_OF(names); i++)
			names[n++] = (*g)->options[i].name;
	near = text_nearest(bare, names, n);
	if (near)
		return err_set(err, ERR_INPUT, "unknown option '%s'; did you mean '--%s'?", typed, near);
	return err_set(err, ERR_INPUT, "unknown option '%s'; '%s --help' lists them", typed, program);
}

static bool check_number(const struct option *o, const char *value, struct err *err)
{
	double v = 0;
	int64_t whole = 0;
	bool limited = o->least != 0 || o->most != 0;
	bool ok = o->kind == OPTION_INT ? text_to_int64(value, &whole) : text_to_double(value, &v);
	const char *what = o->kind == OPTION_INT ? "a whole number" : "a number";

	if (o->kind == OPTION_INT)
		v = (double)whole;
	if (ok && (!limited || (v >= o->least && v <= o->most)))
		return true;
	if (limited)
		return err_set(err, ERR_INPUT, "--%s=%.80s: expected %s, %.12g to %.12g", o->name, value, what, o->least, o->most);
	return err_set(err, ERR_INPUT, "--%s=%.80s: expected %s", o->name, value, what);
}

static bool is_option(const char *text)
{
	return text[0] == '-' && text[1] != '\0' && !(text[1] >= '0' && text[1] <= '9') && text[1] != '.';
}

/* The words of one command line and how far they are read. */
struct words_left {
	int argc, at;
	char **argv;
};

/* Reads the option that stands at words->at, and its value. */
static bool parse_option(struct call *call, struct words_left *words, struct err *err)
{
	const char *typed = words->argv[words->at++], *value = strchr(typed, '='), *next;
	size_t length = value ? (size_t)(value - typed) : strlen(typed);
	const struct option *o = NULL;
	char *name = arena_printf(call->arena, "%.*s", (int)length, typed);

	if (!name)
		return err_memory(err);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		call->help = true;
		return true;
	}
	if (text_starts(name, "--"))
		o = option_find(call->command, name + 2);
	if (!o)
		return unknown_option(call->command, call->program, name, err);
	if (value)
		value++;
	if (!o->word) {
		if (value)
			return err_set(err, ERR_INPUT, "%s: takes no value", name);
		value = "yes";
	} else if (!value) {
		next = words->at < words->argc ? words->argv[words->at] : NULL;
		if (next && !is_option(next)) {
			value = next;
			words->at++;
		} else if (o->output) {
			value = "-";
		} else {
			return err_set(err, ERR_INPUT, "%s: needs a value: %s", name, o->word);
		}
	}
	if ((o->kind == OPTION_INT || o->kind == OPTION_NUMBER) && !o->path && !check_number(o, value, err))
		return false;
	if (o->output && text_ends(value, ".xml") && !text_ends(o->word, ".xml"))
		return err_set(err, ERR_INPUT, "%s=%s: would write over an XML file; '-' is standard output", name, value);
	call->settings[call->setting_count++] = (struct setting){ o, value };
	return true;
}

static bool check_arguments(const struct call *call, struct err *err)
{
	const struct command *c = call->command;

	if (call->argument_count < c->arguments_least)
		return err_set(err, ERR_INPUT, "%s: expected %s; see '%s --help'", c->name, c->arguments, call->program);
	if (call->argument_count > c->arguments_most)
		return err_set(err, ERR_INPUT, "%s: unexpected '%s'; expected %s", c->name,
			       call->arguments[c->arguments_most], c->arguments ? c->arguments : "no arguments");
	return true;
}

bool options_parse(const struct command *command, const char *program, int argc, char **argv, struct call *out,
		   struct arena *arena, struct err *err)
{
	struct words_left words = { argc, 0, argv };
	bool ended = false;

	*out = (struct call){ .command = command, .program = program, .words = argv, .word_count = argc, .arena = arena };
	out->arguments = arena_alloc(arena, ((size_t)argc + 1) * sizeof(*out->arguments));
	out->settings = arena_alloc(arena, ((size_t)argc + 1) * sizeof(*out->settings));
	if (!out->arguments || !out->settings)
		return err_memory(err);
	while (words.at < argc) {
		const char *word = argv[words.at];

		if (!ended && strcmp(word, "--") == 0) {
			ended = true;
			words.at++;
		} else if (!ended && is_option(word)) {
			if (!parse_option(out, &words, err))
				return false;
		} else {
			out->arguments[out->argument_count++] = word;
			words.at++;
		}
	}
	return out->help || check_arguments(out, err);
}

static const struct setting *last_setting(const struct call *call, const char *name)
{
	assert(option_find(call->command, name));
	for (size_t i = call->setting_count; i-- > 0;)
		if (strcmp(call->settings[i].option->name, name) == 0)
			return &call->settings[i];
	return NULL;
}

const char *call_text(const struct call *call, const char *name)
{
	const struct setting *s = last_setting(call, name);

	return s ? s->value : NULL;
}

bool call_flag(const struct call *call, const char *name)
{
	return last_setting(call, name) != NULL;
}

int64_t call_int(const struct call *call, const char *name, int64_t fallback)
{
	const struct setting *s = last_setting(call, name);
	int64_t v = fallback;

	return s && text_to_int64(s->value, &v) ? v : fallback;
}

double call_number(const struct call *call, const char *name, double fallback)
{
	const struct setting *s = last_setting(call, name);
	double v = fallback;

	return s && text_to_double(s->value, &v) ? v : fallback;
}

const char *call_argument(const struct call *call, size_t n)
{
	return n < call->argument_count ? call->arguments[n] : NULL;
}

const char *call_line(const struct call *call)
{
	struct str out = { 0 };
	const char *copy;

	str_add(&out, call->program);
	for (int i = 0; i < call->word_count; i++) {
		const char *word = call->words[i];
		bool plain = *word && !word[strcspn(word, " \t\n'\"\\$&|;<>()*?[]{}~`!#")];

		str_add(&out, plain ? " " : " '");
		for (const char *p = word; *p; p++)
			if (*p == '\'')
				str_add(&out, "'\\''");
			else
				str_add_bytes(&out, p, 1);
		str_add(&out, plain ? "" : "'");
	}
	copy = arena_strdup(call->arena, str_text(&out));
	str_release(&out);
	return copy ? copy : call->program;
}
