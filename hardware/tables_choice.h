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
	/* Attention far from what was measured: the trend of the layouts of this head size in [low, high) counts, too. */
	bool trend;
	size_t low, high;
	int64_t head_dim;
};

/* Fills *out, which is zero, from the question's table, the key, and the operator without what a batch changes. */
typedef void chooser(const struct question *q, const int64_t *key, struct choice *out);

/* What `choose` makes of this question: remembered, or made now, in *own. Questions that leave a site out are not
 * remembered. A table has one chooser. */
const struct choice *choice_of(const struct question *q, const int64_t *key, chooser *choose, struct choice *own);

struct choices;
MUST_USE struct choices *choices_new(void); /* NULL: no memory */
void choices_free(struct choices *c);       /* NULL is fine */

#endif
