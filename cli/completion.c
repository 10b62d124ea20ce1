/* Bash completion: commands and options are written into the script, catalog names are asked for when they are needed,
 * so that a new XML file is offered at once. */
#include <string.h>

#include "cli/catalog_kinds.h"
#include "cli/manual.h"

/* The catalog that holds the words of an argument; NULL for files and the like. */
static const char *catalog_of(enum words words)
{
	static const char *const names[WORDS_COUNT] = {
		[WORDS_DEVICES] = "devices", [WORDS_SYSTEMS] = "systems", [WORDS_STACKS] = "stacks", [WORDS_TRAINING_STACKS] = "training-stacks", [WORDS_MODELS] = "models",
		[WORDS_WORKLOADS] = "workloads", [WORDS_SCHEDULERS] = "schedulers", [WORDS_ROUTERS] = "routers",
		[WORDS_TECHNIQUES] = "techniques", [WORDS_DTYPES] = "dtypes", [WORDS_OPERATORS] = "operators",
	};

	return names[words];
}

/* Shell code that fills COMPREPLY for these words. */
static void reply(struct str *out, enum words words)
{
	if (catalog_of(words))
		str_addf(out, "__vibee_words \"$($1 catalog list %s --names 2>/dev/null)\" \"$cur\"; return", catalog_of(words));
	else if (words == WORDS_RUNS)
		str_add(out, "__vibee_words \"last $($1 db list 2>/dev/null | awk 'NR > 2 { print $1 }')\" \"$cur\"; return");
	else if (words == WORDS_FILE)
		str_add(out, "COMPREPLY=($(compgen -f -- \"$cur\")); compopt -o filenames 2>/dev/null; return");
	else
		str_add(out, "return");
}

/* Every option is completed alike in all commands: the first of a name decides. */
static void option_cases(const struct command *c, struct str *out, struct str *seen)
{
	for (const struct option_group *const *g = c->groups; g && *g; g++)
		for (size_t i = 0; i < (*g)->count; i++) {
			const struct option *o = &(*g)->options[i];
			struct str mark = { 0 };

			str_addf(&mark, " --%s ", o->name);
			if (o->word && !strstr(str_text(seen), str_text(&mark))) {
				str_add(seen, str_text(&mark));
				str_addf(out, "\t--%s) ", o->name);
				reply(out, o->words);
				str_add(out, " ;;\n");
			}
			str_release(&mark);
		}
	for (const struct command *const *p = c->parts; p && *p; p++)
		option_cases(*p, out, seen);
}

static void command_case(const struct command *c, const char *name, struct str *out)
{
	str_addf(out, "\t\"%s\") options=\"--help", name);
	for (const struct option_group *const *g = c->groups; g && *g; g++)
		for (size_t i = 0; i < (*g)->count; i++)
			str_addf(out, " --%s", (*g)->options[i].name);
	str_add(out, "\"; words=\"");
	for (const struct command *const *p = c->parts; p && *p; p++)
		str_addf(out, "%s%s", p == c->parts ? "" : " ", (*p)->name);
	if (c->words == WORDS_KINDS)
		for (const struct kind *k = kinds; k->name; k++)
			str_addf(out, "%s%s", k == kinds ? "" : " ", k->name);
	str_add(out, "\"; catalog=\"");
	str_add(out, catalog_of(c->words) ? catalog_of(c->words) : c->words == WORDS_RUNS ? "runs" : "");
	str_add(out, "\" ;;\n");
	for (const struct command *const *p = c->parts; p && *p; p++) {
		struct str full = { 0 };

		str_addf(&full, "%s %s", name, (*p)->name);
		command_case(*p, str_text(&full), out);
		str_release(&full);
	}
}

void manual_completion(const struct command *const *commands, struct str *out)
{
	struct str seen = { 0 }, parted = { 0 };

	str_add(out, "# bash completion for vibee-sim; made by 'vibee-sim help --completion'\n"
		     "__vibee_words() { COMPREPLY=($(compgen -W \"$1\" -- \"$2\")); }\n"
		     "_vibee_sim() {\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} options words catalog\n"
		     "\tCOMPREPLY=()\n"
		     "\tif [ \"$COMP_CWORD\" = 1 ]; then __vibee_words \"--help --version");
	for (const struct command *const *c = commands; *c; c++) {
		str_addf(out, " %s", (*c)->name);
		if ((*c)->parts)
			str_addf(&parted, "%s%s", parted.length ? "|" : "", (*c)->name);
	}
	str_add(out, "\" \"$cur\"; return; fi\n"
		     "\tif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; elif [ \"$cur\" = = ]; then cur=; fi\n"
		     "\tcase $prev in\n");
	for (const struct command *const *c = commands; *c; c++)
		option_cases(*c, out, &seen);
	str_addf(out, "\tesac\n\tcase $command in %s) [ \"$COMP_CWORD\" -gt 2 ] && command=\"$command ${COMP_WORDS[2]}\" ;; esac\n"
		      "\tcase $command in\n", str_text(&parted));
	for (const struct command *const *c = commands; *c; c++)
		command_case(*c, (*c)->name, out);
	str_add(out, "\tesac\n"
		     "\tcase $cur in -*) __vibee_words \"$options\" \"$cur\"; return ;; esac\n"
		     "\tcase $catalog in\n"
		     "\truns) __vibee_words \"last $($1 db list 2>/dev/null | awk 'NR > 2 { print $1 }')\" \"$cur\" ;;\n"
		     "\t?*) __vibee_words \"$($1 catalog list \"$catalog\" --names 2>/dev/null)\" \"$cur\" ;;\n"
		     "\t*) [ -n \"$words\" ] && __vibee_words \"$words\" \"$cur\" ;;\n"
		     "\tesac\n"
		     "\t[ ${#COMPREPLY[@]} -gt 0 ] || { COMPREPLY=($(compgen -f -- \"$cur\")); compopt -o filenames 2>/dev/null; }\n"
		     "}\ncomplete -F _vibee_sim vibee-sim\n");
	str_release(&seen);
	str_release(&parted);
}
