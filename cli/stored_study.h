/* A study of the database -- what-if, search, validation -- in the ways it can be shown again. */
#ifndef CLI_STORED_STUDY_H
#define CLI_STORED_STUDY_H

#include "cli/options.h"
#include "reports/store.h"

/* Its JSON: what the command printed; of a validation its errors, vibee.validate/1. `name`: the beginning of an id, "last", "last~N". */
MUST_USE bool study_document(struct store *s, const char *name, struct arena *arena, struct str *out, struct err *err);

enum study_form { STUDY_TEXT, STUDY_HTML, STUDY_MARKDOWN, STUDY_FORMS };
/* Adds it in that form, by the same code that showed it first. A kind that has only a document is an error that says so. */
MUST_USE bool study_show(struct store *s, const char *kind, const char *name, enum study_form form, struct arena *arena, struct str *out,
			 struct err *err);

/* The stored study of that kind (NULL: any) in the ways that the options html, markdown and json ask for. */
MUST_USE bool show_stored_study(const struct call *call, const char *kind, const char *name, struct err *err);

#endif
