#include <jansson.h>

#include "cli/search_memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/version.h"

/* Figures by name, so that a later version that has more of them reads what it knows. */
static void write_outcome(const struct outcome *o, struct str *out)
{
	struct json j;

	json_init(&j, out, false);
	json_begin_object(&j, NULL);
	json_text(&j, "status", outcome_status_names[o->status]);
	json_text(&j, "hash", o->hash);
	json_bool(&j, "slos_met", o->slos_met);
	json_text(&j, "why", o->why);
	for (int i = 0; i < FIGURES; i++)
		if (!isnan(o->value[i]))
			json_number(&j, figures[i].name, o->value[i]);
	json_begin_array(&j, "kinds");
	for (int k = 0; k < OP_KIND_COUNT; k++)
		if (o->kind_share[k] > 0) {
			json_begin_array(&j, NULL);
			json_text(&j, NULL, op_kind_names[k]);
			json_number(&j, NULL, (double)o->kind_share[k]);
			json_number(&j, NULL, (double)o->kind_error[k]);
			json_end(&j);
		}
	json_end(&j);
	json_end(&j);
}

static bool keep(void *ctx, const char *key, const struct outcome *o, struct err *err)
{
	struct str text = { 0 };
	bool ok;

	write_outcome(o, &text);
	ok = text.failed ? err_memory(err) : store_put_outcome(ctx, key, vibee_version(), str_text(&text), err);
	str_release(&text);
	return ok;
}

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; name && names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static bool read_outcome(const char *text, struct outcome *o)
{
	json_t *root = json_loads(text, JSON_ALLOW_NUL, NULL), *kind;
	int status = index_of(outcome_status_names, json_string_value(json_object_get(root, "status")));
	size_t i;

	outcome_init(o);
	if (!root || status <= OUTCOME_PENDING) {
		json_decref(root);
		return false;
	}
	o->status = (enum outcome_status)status;
	o->slos_met = json_is_true(json_object_get(root, "slos_met"));
	snprintf(o->hash, sizeof(o->hash), "%s", json_string_value(json_object_get(root, "hash")));
	snprintf(o->why, sizeof(o->why), "%s", json_string_value(json_object_get(root, "why")));
	for (int f = 0; f < FIGURES; f++) {
		const json_t *v = json_object_get(root, figures[f].name);

		if (json_is_number(v))
			o->value[f] = json_number_value(v);
	}
	json_array_foreach(json_object_get(root, "kinds"), i, kind) {
		int k = index_of(op_kind_names, json_string_value(json_array_get(kind, 0)));

		if (k >= 0) {
			o->kind_share[k] = (float)json_number_value(json_array_get(kind, 1));
			o->kind_error[k] = (float)json_number_value(json_array_get(kind, 2));
		}
	}
	json_decref(root);
	return true;
}

static bool recall(void *ctx, const char *key, struct outcome *out, bool *found, struct err *err)
{
	struct arena *arena = arena_new();
	const char *text = NULL;
	bool ok = arena ? store_get_outcome(ctx, key, arena, &text, err) : err_memory(err);

	*found = ok && text && read_outcome(text, out);
	arena_free(arena);
	return ok;
}

void search_memory_init(struct search_memory *m, struct store *store)
{
	*m = (struct search_memory){ recall, keep, store };
}
