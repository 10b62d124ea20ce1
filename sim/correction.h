/* A correction that a user fitted to his own measurements (`validate measured --fit NAME`) and asks for by name
 * (`--correction NAME`): what a step of his deployment took beyond what the device's operators say. It is never applied
 * unasked, and only to the device it was fitted on. */
#ifndef SIM_CORRECTION_H
#define SIM_CORRECTION_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "base/str.h"

struct correction {
	const char *name, *device, *stack;
	double time_scale;                     /* on every operator's time: clocks, cooling, other kernels */
	double step_s;                         /* visible host time more a step */
	double request_s;                      /* host time more before a request is seen */
	const char *source;                    /* what it was fitted to */
	double runs, error_before, error_after;        /* mean absolute relative error of the metrics fitted to */
};
extern const struct element correction_element;

/* Reads NAME of the user's corrections, or a file when the name holds a '/' or ends in ".xml". */
MUST_USE const struct correction *correction_load(const char *name, struct arena *arena, struct err *err);
/* Keeps it under its name (letters, digits, - and _), replacing one of the same name; *path gets the file. */
MUST_USE bool correction_save(const struct correction *c, const char **path, struct arena *arena, struct err *err);
/* A name that correction_save takes; otherwise ERR_INPUT. */
MUST_USE bool correction_check_name(const char *name, struct err *err);

#endif
