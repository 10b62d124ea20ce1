#include "cli/serve/body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"

enum { WORDS_MOST = 256, VALUE_MOST = 4096 };

struct building {
	struct arena *arena;
	char **words;
	size_t count;
	struct err *err;
};

/* One value between the characters that options are made of: a path is refused wherever it stands. */
static bool is_path(const char *piece, size_t length, struct arena *arena)
{
	char *text = arena_printf(arena, "%.*s", (int)length, piece);
	double number;

	if (!text)
		return true;
	if (text_to_double(text, &number))
		return false;
	return *text == '/' || *text == '.' || *text == '~' || strcmp(text, "-") == 0 || strstr(text, "/..") || paths_is_file(text) || paths_is_folder(text);
}

static bool no_files(struct building *b, const char *key, const char *value)
{
	for (const char *at = value; *at;) {
		size_t n = strcspn(at, "=,:");

		if (n > 0 && is_path(at, n, b->arena))
			return err_set(b->err, ERR_INPUT, "%.64s: '%.200s': files are not read for a page, expected a name of the catalogs", key, value);
		at += n + (at[n] != '\0');
	}
	return true;
}

static bool add_word(struct building *b, char *word)
{
	if (!word)
		return err_memory(b->err);
	if (b->count == WORDS_MOST)
		return err_set(b->err, ERR_INPUT, "body: expected at most %d options", WORDS_MOST);
	b->words[b->count++] = word;
	return true;
}

/* A scalar as an option would be typed; NULL + err for anything else. */
static const char *scalar(struct building *b, const char *key, const json_t *value)
{
	char number[32];
	const char *text = NULL;

	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = number;
	} else if (json_is_real(value)) {
		text = number_text(number, json_real_value(value));
	} else if (json_is_boolean(value)) {
		text = json_is_true(value) ? "yes" : "no";
	} else if (json_is_string(value)) {
		text = json_string_value(value);
	} else {
		err_set(b->err, ERR_INPUT, "%.64s: expected a text, a number, true or false", key);
		return NULL;
	}
	if (strlen(text) > VALUE_MOST) {
		err_set(b->err, ERR_INPUT, "%.64s: expected at most %d bytes", key, VALUE_MOST);
		return NULL;
	}
	if (!no_files(b, key, text))
		return NULL;
	text = arena_strdup(b->arena, text);
	if (!text)
		err_memory(b->err);
	return text;
}

/* --name=value; a flag for true, nothing for false and null. */
static bool add_option(struct building *b, const struct command *command, const char *name, const json_t *value)
{
	const struct option *o = option_find(command, name);
	bool flag = o && !o->word;
	const char *text;

	if (json_is_null(value) || (flag && json_is_false(value)))
		return true;
	if (flag && json_is_true(value))
		return add_word(b, arena_printf(b->arena, "--%s", name));
	if (flag)
		return err_set(b->err, ERR_INPUT, "%.64s: expected true or false", name);
	text = scalar(b, name, value);
	return text && add_word(b, arena_printf(b->arena, "--%s=%s", name, text));
}

/* {"a": 1} as --name=a=1 each; slo takes them in one, but as well one by one. */
static bool add_pairs(struct building *b, const char *name, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		const char *text = scalar(b, key, value);

		if (!text || !no_files(b, name, key) || !add_word(b, arena_printf(b->arena, "--%s=%s=%s", name, key, text)))
			return false;
	}
	return true;
}

static bool add_member(struct building *b, const struct command *command, const char *key, const json_t *value)
{
	char *name = arena_strdup(b->arena, key);
	bool pairs;

	if (!name)
		return err_memory(b->err);
	if (strlen(name) > 64 || name[strcspn(name, "= \t\n")])
		return err_set(b->err, ERR_INPUT, "body: '%.64s' is not the name of an option", name);
	if (strcmp(name, "help") == 0)
		return err_set(b->err, ERR_INPUT, "body: no help here");
	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = '-';
	pairs = strcmp(name, "set") == 0 || strcmp(name, "slo") == 0;
	if (json_is_object(value) && pairs)
		return add_pairs(b, name, value);
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			if (!add_option(b, command, name, json_array_get(value, i)))
				return false;
		return true;
	}
	return add_option(b, command, name, value);
}

/* Members that are no options. */
static bool add_wish(struct building *b, const char *key, const json_t *value, struct wishes *wishes, bool *known)
{
	bool scenario = strcmp(key, "scenario") == 0, run = strcmp(key, "run") == 0;

	*known = true;
	if (strcmp(key, "store") == 0) {
		if (!json_is_boolean(value))
			return err_set(b->err, ERR_INPUT, "store: expected true or false");
		wishes->store = json_is_true(value);
	} else if (scenario || run) {
		const char *text = json_is_string(value) ? scalar(b, key, value) : NULL;

		if (!json_is_string(value))
			return err_set(b->err, ERR_INPUT, "%s: expected the %s", key, scenario ? "name of a scenario of the catalog" : "id of a stored run");
		if (run)
			wishes->run = text;
		return text && (run || add_word(b, arena_printf(b->arena, "%s", text)));
	} else {
		*known = false;
	}
	return true;
}

static bool add_members(struct building *b, const struct command *command, const json_t *root, struct wishes *wishes)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)root, key, value) {
		bool known;

		if (!add_wish(b, key, value, wishes, &known) || (!known && !add_member(b, command, key, value)))
			return false;
	}
	return true;
}

bool body_call(const char *body, size_t length, const struct command *command, struct arena *arena, struct call *out, struct wishes *wishes,
	       struct err *err)
{
	struct building b = { .arena = arena, .err = err };
	json_error_t fault;
	json_t *root = json_loadb(body, length, JSON_REJECT_DUPLICATES, &fault);
	bool ok;

	*wishes = (struct wishes){ 0 };
	if (!root)
		return err_set(err, ERR_INPUT, "body:%d:%d: not JSON: %.120s", fault.line, fault.column, fault.text);
	b.words = arena_alloc(arena, (WORDS_MOST + 1) * sizeof(*b.words));
	if (!json_is_object(root))
		ok = err_set(err, ERR_INPUT, "body: expected an object, for example {\"model\": \"llama-3.1-8b\", \"tp\": 2}");
	else
		ok = (b.words || err_memory(err)) && add_members(&b, command, root, wishes) &&
		     options_parse(command, arena_printf(arena, "vibee-sim %s", command->name), (int)b.count, b.words, out, arena, err);
	json_decref(root);
	return ok;
}
