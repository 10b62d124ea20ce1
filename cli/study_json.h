/* Parts that the documents of studies share, read with jansson. */
#ifndef CLI_STUDY_JSON_H
#define CLI_STUDY_JSON_H

#include <jansson.h>

#include "sim/plan/axis.h"
#include "sim/plan/outcome.h"

/* A document being read. The first fault stays. */
struct study_json {
	struct arena *arena;
	struct err *err;
	bool failed;
};

/* Copies of members; what is absent or of another type is "", NAN, 0 or false. */
const char *study_text(struct study_json *r, const json_t *object, const char *key);
double study_number(const json_t *object, const char *key);
bool study_flag(const json_t *object, const char *key);
/* Room for the elements of an array member, zeroed, and how many they are; at least one element of room. */
void *study_array(struct study_json *r, const json_t *object, const char *key, size_t size, size_t *count);
/* Figures of an object by their names into values, the others NAN. */
void study_figures(const json_t *object, double values[FIGURES]);
/* "metrics", "status", "why", "scenario_hash", "slos_met" of a variant or candidate. */
void study_outcome(struct study_json *r, const json_t *object, struct outcome *out);
/* Values of an axis; false when there are none or too many axes. */
bool study_axis(struct study_json *r, struct space *space, const char *name, const char *path, const json_t *values);
/* The place of `text` among names; -1 when it is none of them. */
int study_name(const char *text, const char *const *names, size_t count);
/* Says what the document was expected to be. */
bool study_fault(struct study_json *r, const char *schema);

#endif
