/* What studies (whatif, search) have in common on their way out: figures as text and JSON, drawings, the database. */
#ifndef CLI_STUDY_OUTPUTS_H
#define CLI_STUDY_OUTPUTS_H

#include "base/json.h"
#include "cli/options.h"
#include "reports/store.h"
#include "sim/plan/outcome.h"

extern const struct option_group study_output_options;  /* json, csv, svg, html, quiet, db, no-store */

enum { FIGURE_ROOM = 64 };
char *figure_text(char *buf, int figure, double value);               /* in its unit; buf: FIGURE_ROOM */
/* "+12.3 %" against base; "" without either. */
char *delta_text(char *buf, double value, double base);
/* Style of a change: good, bad or plain. */
int delta_style(int figure, double value, double base);

/* The object "metrics" (any key) of an outcome; only figures that are there. */
void outcome_json(struct json *j, const char *key, const struct outcome *o);

/* Writes a text to a file or "-"; frees it. */
MUST_USE bool study_write(const char *path, struct str *text, bool ok, struct err *err);
/* --threads, or all processors of this process. */
int study_threads(const struct call *call);
/* Keeps the study unless --no-store; `database` names where it went, NULL when it did not. */
MUST_USE bool study_keep(const struct call *call, const char *kind, const char *title, const char *document, const struct study_row *rows,
			 size_t count, char id[33], const char **database, struct err *err);
/* "out.svg" and "waterfall" -> "out-waterfall.svg"; in the arena. */
const char *study_file(const struct call *call, const char *path, const char *part);

#endif
