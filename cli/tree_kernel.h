/* The kernel of a module, run where the tree is shown. Apart from cmd_tree.c: kernels and schemas both know an `element`. */
#ifndef CLI_TREE_KERNEL_H
#define CLI_TREE_KERNEL_H

#include "base/arena.h"
#include "reports/tree.h"

/* Runs the default variant on the family's test shapes: verified when it equals the reference and keeps the family's own check.
 * A NULL name leaves the kernel empty. */
void tree_kernel_verify(struct tree_kernel *k, const char *name, struct arena *arena);

/* Gains measured where this program was made. */
struct gain_record;
MUST_USE bool tree_gains_shipped(const struct gain_record **out, size_t *count, struct arena *arena, struct err *err);
/* Fills in the module's gain: from a record of the user's database (NULL: none there), else from the shipped ones, else nothing. */
void tree_kernel_gain(struct tree_kernel *k, const char *module, const char *record, const struct gain_record *shipped, size_t count,
		      struct arena *arena);

#endif
