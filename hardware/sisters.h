/* Sisters: devices that were measured and answer for one that was not, or not for this operator.
 *
 *     seconds = what the sister took x law(this device) / law(sister)
 *
 * where the law is the sister's own fitted one (hardware/fits), or the data-sheet roofline where there is none, with each
 * device's peaks, bandwidth, units and caches: what a kernel does beyond the law (tiles, splits, ramps) carries over, what
 * the data sheet changes is scaled. A device file names its sisters in `fits_of`, nearest first; `moe:h200`
 * is one for that operator alone, where the same kernels run on another architecture, `attention_decode:none` leaves one to the
 * device's data sheet, where tables of other architectures are known to say less (A100's decode on H100, H200, B200 and GB300). A device whose
 * figures were changed (a what-if file, a technique that replaces memory or links) is its own catalog entry's sister. */
#ifndef HARDWARE_SISTERS_H
#define HARDWARE_SISTERS_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"
#include "hardware/fitted.h"
#include "hardware/tables.h"

struct sisters;
struct sisters_options {
	const struct device *device;
	const struct system *system;           /* whose links the device's collectives use */
	const char *names;                     /* "gb300 b200", nearest first; NULL: device->fits_of */
	const char *stacks;                    /* as tables_load takes them */
	bool changed;                          /* the device differs from the catalog entry of its name, which comes first */
	bool own_links;                        /* false: the wiring is another than the device's: no collectives */
	int only;                              /* 1 + the only kind of operator wanted; 0: all */
	const struct tables *own;              /* (may be NULL) operators that the device's own tables hold are left out */
};
/* Loads what is needed into the arena; free the tables with sisters_free. Never NULL without err; without sisters it is
 * empty. */
MUST_USE struct sisters *sisters_load(const struct sisters_options *options, struct arena *arena, struct err *err);
void sisters_free(struct sisters *s);          /* NULL is fine */

/* False + err: a table that was asked could not be read. */
MUST_USE bool sisters_sound(const struct sisters *s, struct err *err);
/* Whether any of them has a table of such operators. */
bool sisters_have(const struct sisters *s, enum op_kind kind);
/* What the sisters' tables say: provider fitted, with the error of both steps. False when none answers. */
bool sisters_op(const struct sisters *s, const struct op *op, struct op_cost *out);
/* The law of the nearest sister that has one, with this device's figures. */
bool sisters_law(const struct sisters *s, const struct op *op, const char *stacks, struct op_cost *out);

#endif
