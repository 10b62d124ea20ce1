#include "validation/published_reasons.h"

#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/paths.h"

enum { RULE_SOURCE, RULE_MODEL, RULE_ACCELERATOR, RULE_SCENARIO, RULE_METRIC, RULE_SIGN, RULE_REASON, RULE_COLUMNS };

static const char *const rule_columns[RULE_COLUMNS] = { "source", "model", "accelerator", "scenario", "metric", "sign", "reason" };

static bool fits(const struct csv *csv, const int column[RULE_COLUMNS], const struct published_outcome *o)
{
	const char *const texts[] = { o->row->source, o->row->model, o->row->accelerator, o->row->scenario, o->row->metric };
	const char *sign = csv_text(csv, column[RULE_SIGN]);

	for (int i = 0; i < RULE_SIGN; i++)
		if (!strstr(texts[i], csv_text(csv, column[i])))
			return false;
	return !sign[0] || strcmp(sign, o->error < 0 ? "low" : "high") == 0;
}

/* One rule over all rows: earlier rules have filled theirs. */
static bool apply_rule(struct published_study *s, const struct csv *csv, const int column[RULE_COLUMNS], struct err *err)
{
	const char *reason = arena_strdup(s->arena, csv_text(csv, column[RULE_REASON]));

	if (!reason)
		return err_memory(err);
	for (size_t i = 0; i < s->rows.count; i++) {
		struct published_outcome *o = &s->outcomes[i];

		if (!isnan(o->error) && fabs(o->error) > 0.4 && !o->reason[0] && fits(csv, column, o))
			o->reason = reason;
	}
	return true;
}

bool published_reasons(struct published_study *s, struct err *err)
{
	const char *path = paths_data("validation/published/reasons.csv", s->arena, err);
	struct csv *csv = path ? csv_open(path, err) : NULL;
	int column[RULE_COLUMNS];
	bool ok = csv != NULL;

	for (size_t i = 0; i < s->rows.count; i++)
		s->outcomes[i].reason = s->outcomes[i].row->reason;
	for (int i = 0; ok && i < RULE_COLUMNS; i++)
		ok = csv_require(csv, rule_columns[i], &column[i], err);
	while (ok && csv_next(csv, err))
		ok = apply_rule(s, csv, column, err);
	csv_close(csv);
	return ok && err->kind == ERR_NONE;
}
