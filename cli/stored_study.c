#include "cli/stored_study.h"

#include "base/json.h"
#include "reports/run_json.h"

static bool validation_json(struct store *s, const struct stored_study *study, struct arena *arena, struct str *out, struct err *err)
{
	const struct validation_error *rows;
	struct json j;
	size_t count;

	if (!store_get_validation(s, study->id, arena, &rows, &count, err))
		return false;
	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_clean(&j, "kind", study->title);
	json_begin_array(&j, "summary");
	for (size_t i = 0; i < count; i++) {
		json_object(&j, NULL);
		json_clean(&j, "group", rows[i].name);
		json_bool(&j, "held_out", rows[i].held_out);
		json_int(&j, "count", (int64_t)rows[i].count);
		json_number(&j, "median_abs_rel_error", rows[i].median);
		json_number(&j, "p90_abs_rel_error", rows[i].p90);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

bool study_document(struct store *s, const char *name, struct arena *arena, struct str *out, struct err *err)
{
	struct stored_study study;

	if (!store_get_study(s, NULL, name, arena, &study, err))
		return false;
	if (!study.document)
		return validation_json(s, &study, arena, out, err);
	str_add(out, study.document);
	return !out->failed || err_memory(err);
}
