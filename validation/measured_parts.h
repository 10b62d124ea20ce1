/* Inside of validation/measured.c: one reader a family of files. */
#ifndef VALIDATION_MEASURED_PARTS_H
#define VALIDATION_MEASURED_PARTS_H

#include "validation/measured.h"

/* A run with nothing known. */
void measured_run_init(struct measured_run *run);
/* Adds a run to the file (the array moves); NULL when memory ran out. */
MUST_USE struct measured_run *measured_add(struct measured_file *f, struct arena *arena);
void measured_note(struct measured_run *run, const char *text);

MUST_USE bool measured_read_json(const char *path, struct measured_file *f, struct arena *arena, struct err *err);
MUST_USE bool measured_read_csv(const char *path, struct measured_file *f, struct arena *arena, struct err *err);

#endif
