/* Which neighbours answer for a site that was not measured, with which weights, does not depend on what a batch changes:
 * it is found out once a table and remembered with it. Any number of threads may ask. */
#ifndef HARDWARE_TABLES_CHOICE_H
#define HARDWARE_TABLES_CHOICE_H

#include "hardware/op_figures.h"
#include "hardware/tables_neighbours.h"

struct choice {
	bool none;                     /* nothing near enough was measured */
	struct neighbours first, second;
	double share;                  /* of the first; 1: there is no second */
	struct table *written;         /* the whole site as its neighbours have it (tables_written.h), the choice's own; NULL: it is not */
};

/* Fills *out, which is zero, from the question's table, the key, and the operator without what a batch changes. */
typedef void chooser(const struct question *q, const int64_t *key, struct choice *out);

/* What `choose` makes of this question: remembered, or made now, in *own, whose `written` is then the caller's to release. A
 * table has one chooser. */
const struct choice *choice_of(const struct question *q, const int64_t *key, chooser *choose, struct choice *own);

struct choices;
MUST_USE struct choices *choices_new(void); /* NULL: no memory */
void choices_free(struct choices *c);       /* NULL is fine */

#endif
