/* The command line: what parses, what is refused and how; and that every command's table is sound. */
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/arena.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "cli/options.h"
#include "sim/scenario.h"
#include "sim/train/job.h"

static const struct option table[] = {
	{ .name = "tp", .word = "N", .path = "deployment.tp", .help = "tensor parallel degree" },
	{ .name = "count", .word = "N", .kind = OPTION_INT, .least = 1, .most = 100, .help = "a whole number" },
	{ .name = "share", .word = "F", .kind = OPTION_NUMBER, .help = "a number" },
	{ .name = "json", .word = "FILE", .output = true, .help = "a file" },
	{ .name = "out", .word = "FILE.xml", .output = true, .help = "an XML file" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "a flag" },
};
static const struct option_group group = OPTION_GROUP("Options", table);
static const struct command command = {
	.name = "try", .summary = "a command", .arguments = "A [B]", .arguments_least = 1, .arguments_most = 2,
	.groups = (const struct option_group *const[]){ &group, NULL },
};

enum { WORDS_MOST = 12 };

/* Splits at blanks and parses. */
static bool parse(const char *line, struct call *call, struct arena *arena, struct err *err)
{
	char *copy = arena_strdup(arena, line), **words = arena_alloc(arena, WORDS_MOST * sizeof(*words));
	int n = 0;

	*err = (struct err){ 0 };
	for (char *at = strtok(copy, " "); at && n < WORDS_MOST; at = strtok(NULL, " "))
		words[n++] = at;
	return options_parse(&command, "vibee-sim try", n, words, call, arena, err);
}

static void parses(void)
{
	struct arena *arena = arena_new();
	struct call c;
	struct err err;

	CU_ASSERT_TRUE(parse("one --tp 2 --tp=4 two --quiet --count 7 --share -1.5", &c, arena, &err));
	CU_ASSERT_STRING_EQUAL(call_text(&c, "tp"), "4");
	CU_ASSERT_TRUE(call_flag(&c, "quiet"));
	CU_ASSERT_EQUAL(call_int(&c, "count", 1), 7);
	CU_ASSERT_EQUAL(call_number(&c, "share", 0), -1.5);
	CU_ASSERT_STRING_EQUAL(call_argument(&c, 0), "one");
	CU_ASSERT_STRING_EQUAL(call_argument(&c, 1), "two");
	CU_ASSERT_PTR_NULL(call_argument(&c, 2));
	CU_ASSERT_STRING_EQUAL(call_line(&c), "vibee-sim try one --tp 2 --tp=4 two --quiet --count 7 --share -1.5");

	CU_ASSERT_TRUE(parse("one", &c, arena, &err));
	CU_ASSERT_PTR_NULL(call_text(&c, "tp"));
	CU_ASSERT_FALSE(call_flag(&c, "quiet"));
	CU_ASSERT_EQUAL(call_int(&c, "count", 3), 3);

	CU_ASSERT_TRUE(parse("-- --tp", &c, arena, &err));      /* after --, nothing is an option */
	CU_ASSERT_STRING_EQUAL(call_argument(&c, 0), "--tp");
	CU_ASSERT_TRUE(parse("-", &c, arena, &err));            /* standard input */
	CU_ASSERT_STRING_EQUAL(call_argument(&c, 0), "-");
	CU_ASSERT_TRUE(parse("--help", &c, arena, &err));       /* whatever else is missing */
	CU_ASSERT_TRUE(c.help);
	arena_free(arena);
}

/* An output file may be left out, also before another option: then it is standard output. */
static void output_may_be_left_out(void)
{
	static const struct { const char *line, *file; } cases[] = {
		{ "one --json", "-" }, { "one --json --quiet", "-" }, { "one --json -", "-" }, { "one --json a.json", "a.json" },
		{ "one --json=a.json --json=-", "-" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *arena = arena_new();
		struct call c;
		struct err err;

		CU_ASSERT_TRUE(parse(cases[i].line, &c, arena, &err));
		CU_ASSERT_STRING_EQUAL(call_text(&c, "json"), cases[i].file);
		arena_free(arena);
	}
}

static void refuses(void)
{
	static const struct { const char *line, *says; } cases[] = {
		{ "one --tq 2", "unknown option '--tq'; did you mean '--tp'?" },
		{ "one --zzzzzz", "unknown option '--zzzzzz'; 'vibee-sim try --help' lists them" },
		{ "one -tp 2", "unknown option '-tp'; did you mean '--tp'?" },
		{ "one --tp", "--tp: needs a value: N" },
		{ "one --tp --quiet", "--tp: needs a value: N" },
		{ "one --quiet=yes", "--quiet: takes no value" },
		{ "one --count many", "--count=many: expected a whole number, 1 to 100" },
		{ "one --count 101", "--count=101: expected a whole number, 1 to 100" },
		{ "one --share x", "--share=x: expected a number" },
		{ "one --json scenario.xml", "--json=scenario.xml: would write over an XML file; '-' is standard output" },
		{ "", "try: expected A [B]; see 'vibee-sim try --help'" },
		{ "a b c", "try: unexpected 'c'; expected A [B]" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *arena = arena_new();
		struct call c;
		struct err err;

		CU_ASSERT_FALSE(parse(cases[i].line, &c, arena, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		CU_ASSERT_STRING_EQUAL(err.text, cases[i].says);
		arena_free(arena);
	}
	{
		struct arena *arena = arena_new();
		struct call c;
		struct err err;

		CU_ASSERT_TRUE(parse("one --out model.xml", &c, arena, &err));         /* that one is for XML */
		arena_free(arena);
	}
}

static void quotes_the_command_line(void)
{
	char *words[] = { (char[]){ "a b" }, (char[]){ "it's" }, (char[]){ "" }, (char[]){ "plain" } };
	struct call c = { .program = "p", .words = words, .word_count = 4, .arena = arena_new() };

	CU_ASSERT_STRING_EQUAL(call_line(&c), "p 'a b' 'it'\\''s' '' plain");
	arena_free(c.arena);
}

/* One command and its parts: names are unique, every option helps, paths exist in the scenario. */
static void check_command(const struct command *c)
{
	struct str text = { 0 };

	CU_ASSERT_PTR_NOT_NULL(c->name);
	CU_ASSERT_PTR_NOT_NULL(c->summary);
	CU_ASSERT_PTR_NOT_NULL(c->examples);
		CU_ASSERT_TRUE(c->run != NULL || c->parts != NULL);     /* both: what happens without a part */
	CU_ASSERT_TRUE(c->arguments_most == 0 || c->arguments != NULL);
	for (const struct option_group *const *g = c->groups; g && *g; g++)
		for (size_t i = 0; i < (*g)->count; i++) {
			const struct option *o = &(*g)->options[i];

			CU_ASSERT_PTR_NOT_NULL(o->help);
			CU_ASSERT_TRUE(option_find(c, o->name) == o);          /* no name twice */
			CU_ASSERT_TRUE((o->kind == OPTION_FLAG) == (o->word == NULL));
			CU_ASSERT_TRUE(!text_ends(o->help, ".") || text_ends(o->help, "..."));
		}
	help_command(c, c->name, &text);
	CU_ASSERT_TRUE(strstr(str_text(&text), c->summary) || strlen(c->summary) > 60);
	str_release(&text);
	for (const struct command *const *p = c->parts; p && *p; p++)
		check_command(*p);
}

static void tables_are_sound(void)
{
	for (const struct command *const *c = commands; *c; c++)
		check_command(*c);
}

/* Every option that sets an attribute of a scenario, or of a training job, names one that exists. */
static void paths_exist(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct scenario *sc = scenario_new(arena, &err);
	struct job *job = job_new(arena, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(job);
	for (const struct command *const *c = commands; *c; c++) {
		bool trains = strcmp((*c)->name, "train") == 0;

		for (const struct option_group *const *g = (*c)->groups; g && *g; g++)
			for (size_t i = 0; i < (*g)->count; i++) {
				const struct option *o = &(*g)->options[i];

				if (!o->path)
					continue;
				err = (struct err){ 0 };
				/* A wrong value is refused for its value, a wrong path for its path. */
				if (!schema_set(trains ? &job_element : &scenario_element, trains ? (void *)job : (void *)sc, o->path, "?", "path",
						arena, &err))
					CU_ASSERT_PTR_NULL(strstr(err.text, "no '"));
			}
	}
	arena_free(arena);
}

static void wraps(void)
{
	struct str out = { 0 };

	help_wrap(&out, "one two three four", 2, 10);
	CU_ASSERT_STRING_EQUAL(str_text(&out), "one two\n  three\n  four");
	str_release(&out);
}

/* The three generated texts know every command and every option. */
static void manuals_are_complete(void)
{
	void (*const write[])(const struct command *const *commands, struct str *out) = { manual_man, manual_reference, manual_completion };

	for (size_t k = 0; k < COUNT_OF(write); k++) {
		struct str out = { 0 };

		write[k](commands, &out);
		CU_ASSERT_FALSE(out.failed);
		for (const struct command *const *c = commands; *c; c++) {
			CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&out), (*c)->name));
			for (const struct option_group *const *g = (*c)->groups; g && *g; g++)
				for (size_t i = 0; i < (*g)->count; i++)
					CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&out), (*g)->options[i].name));
		}
		str_release(&out);
	}
}

CU_TestInfo suite_options[] = {
	{ "parses options and arguments", parses },
	{ "an output file may be left out", output_may_be_left_out },
	{ "refuses with one helpful line", refuses },
	{ "quotes the command line", quotes_the_command_line },
	{ "every command's table is sound", tables_are_sound },
	{ "scenario paths exist", paths_exist },
	{ "wraps text", wraps },
	{ "manuals are complete", manuals_are_complete },
	CU_TEST_INFO_NULL,
};
