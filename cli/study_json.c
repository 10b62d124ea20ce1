#include "cli/study_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *keep(struct study_json *r, const char *text)
{
	const char *copy = arena_strdup(r->arena, text ? text : "");

	if (copy)
		return copy;
	r->failed = true;
	err_memory(r->err);
	return "";
}

const char *study_text(struct study_json *r, const json_t *object, const char *key)
{
	return keep(r, json_string_value(json_object_get(object, key)));
}

double study_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

bool study_flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

void *study_array(struct study_json *r, const json_t *object, const char *key, size_t size, size_t *count)
{
	size_t n = json_array_size(json_object_get(object, key));
	void *room = arena_alloc(r->arena, (n + 1) * size);

	*count = room ? n : 0;
	if (!room) {
		r->failed = true;
		err_memory(r->err);
	}
	return room;
}

void study_figures(const json_t *object, double values[FIGURES])
{
	for (int f = 0; f < FIGURES; f++)
		values[f] = study_number(object, figures[f].name);
}

int study_name(const char *text, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, names[i]) == 0)
			return (int)i;
	return -1;
}

void study_outcome(struct study_json *r, const json_t *object, struct outcome *out)
{
	int status = study_name(study_text(r, object, "status"), outcome_status_names, OUTCOME_STATUSES);

	outcome_init(out);
	out->status = status < 0 ? OUTCOME_DONE : (enum outcome_status)status;
	out->slos_met = study_flag(object, "slos_met");
	snprintf(out->hash, sizeof(out->hash), "%s", study_text(r, object, "scenario_hash"));
	snprintf(out->why, sizeof(out->why), "%.*s", WHY_ROOM - 1, study_text(r, object, "why"));
	study_figures(json_object_get(object, "metrics"), out->value);
}

bool study_axis(struct study_json *r, struct space *space, const char *name, const char *path, const json_t *values)
{
	size_t n = json_array_size(values);
	const char **texts = arena_alloc(r->arena, (n + 1) * sizeof(*texts));

	if (n == 0 || space->count == AXES_MOST || !texts)
		return false;
	for (size_t i = 0; i < n; i++)
		texts[i] = keep(r, json_string_value(json_array_get(values, i)));
	space->axes[space->count++] = (struct axis){ .name = keep(r, name), .path = keep(r, path), .values = texts, .count = n };
	return !r->failed;
}

bool study_fault(struct study_json *r, const char *schema)
{
	return err_set(r->err, ERR_INPUT, "stored study: expected a document of schema %s", schema);
}
