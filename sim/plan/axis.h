/* What a study varies: axes of values, and the scenarios at their crossings. */
#ifndef SIM_PLAN_AXIS_H
#define SIM_PLAN_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "sim/scenario.h"

enum axis_kind { AXIS_VALUE, AXIS_WORKLOAD, AXIS_TECHNIQUES };

struct axis {
	const char *name;                      /* as typed: "tp" */
	const char *path;                      /* what it sets: "deployment.tp" */
	enum axis_kind kind;
	const char *const *values;             /* as typed; names of number formats made plain */
	size_t count;
};

enum { AXES_MOST = 24 };
/* Of a scenario; of anything else that a table describes when `root` says so (a training job). */
struct space {
	const struct element *root;            /* NULL: scenario_element */
	struct axis axes[AXES_MOST];
	size_t count;
};

/*
 * Adds the axis that a text describes, checked against the scenario's table (ERR_INPUT: what was expected, the nearest
 * name):
 *     tp=1,2,4                       any attribute, by its path or by its last word when that is unique
 *     replicas=1..8  qps=1..64*2     whole numbers from 1 to 8; each twice the one before
 *     with=none,kivi_v1821+a:bits=2  techniques, joined by +
 *     with=a:bits=2,group=32;none    with a ; in it, values are divided by ; alone
 * An axis of the same name replaces the earlier one. Texts live in the arena.
 */
MUST_USE bool space_add(struct space *s, const char *text, const char *origin, struct arena *arena, struct err *err);
/* The path behind a name; NULL + err when there is none. */
MUST_USE const char *axis_path(const struct space *s, const char *name, const char *origin, enum axis_kind *kind, struct arena *arena, struct err *err);

/* Crossings; INT64_MAX when they are more. */
int64_t space_size(const struct space *s);
/* Which value of each axis the n-th crossing takes: the last axis runs fastest. */
void space_at(const struct space *s, int64_t n, size_t choice[AXES_MOST]);

enum { AXIS_KEEP = -1 };               /* leaves what the base has */
/*
 * A copy of the base with value choice[i] of each axis (AXIS_KEEP: the base's own). What an axis makes void in the base
 * goes with it: the system when a device is set, the stack when a scheduler is. Lives in the arena; NULL + err.
 */
MUST_USE struct scenario *space_scenario(const struct space *s, const struct scenario *base, const int *choice, struct arena *arena,
					 struct err *err);

/* What the base has on that axis, as text ("none" for no techniques). */
const char *axis_base_text(const struct axis *a, const struct scenario *base, struct arena *arena);

#endif
