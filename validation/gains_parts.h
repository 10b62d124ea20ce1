/* The two lists of operators that a comparison runs. */
#ifndef VALIDATION_GAINS_PARTS_H
#define VALIDATION_GAINS_PARTS_H

#include "validation/gains.h"

/* Fills parts, counts and yield of a row: from the graphs of the scenario on that device file, and by the case's own functions. A
 * comparison that no kernel here can run gets a verdict; false only on failure. */
MUST_USE bool gain_parts(struct gain_row *row, const char *device, struct arena *arena, struct err *err);

/* The core kernel and shape that do an operator's work. False: there is none. */
bool gain_kernel(const struct op *op, const struct kernel_family **family, struct shape *shape);

/* Appends a part; NULL with err when the list is full. */
struct gain_part *gain_part_add(struct gain_part *parts, size_t *count, const char *label, double runs, struct err *err);

/* Functions of single cases (gains_training.c). */
bool gain_muon(enum gain_side side, struct gain_part *parts, size_t *count, struct err *err);
bool gain_doremi(enum gain_side side, struct gain_part *parts, size_t *count, struct err *err);

#endif
