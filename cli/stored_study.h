/* A study of the database -- what-if, search, validation -- in the ways it can be shown again. */
#ifndef CLI_STORED_STUDY_H
#define CLI_STORED_STUDY_H

#include "reports/store.h"

/* Its JSON: what the command printed; of a validation its errors, vibee.validate/1. `name`: the beginning of an id, "last", "last~N". */
MUST_USE bool study_document(struct store *s, const char *name, struct arena *arena, struct str *out, struct err *err);

#endif
