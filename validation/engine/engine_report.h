/* What the engine alone has to say of a run: text and JSON. */
#ifndef VALIDATION_ENGINE_REPORT_H
#define VALIDATION_ENGINE_REPORT_H

#include "base/str.h"
#include "reports/table.h"
#include "validation/engine/engine_run.h"
#include "validation/measured.h"

/* The requests of a run as measurements, in order of arrival. Lives in the arena. */
MUST_USE bool engine_measured(const struct engine_outcome *o, struct measured_run *run, struct arena *arena, struct err *err);

/* Means over iterations, weighted by their time, and the peak of cache blocks. */
struct engine_load {
	double batch_mean, tokens_mean, kv_peak, busy_s, form_s;
};
struct engine_load engine_load_of(const struct engine_outcome *o);

MUST_USE bool engine_text(const struct engine_outcome *o, const struct measured_run *run, const struct term *term, struct str *out, struct err *err);
/* Adds a vibee.engine/1 document. */
MUST_USE bool engine_json(const struct engine_outcome *o, const struct measured_run *run, struct str *out, struct err *err);

#endif
