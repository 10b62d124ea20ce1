/* The scoreboard of the technology tree: one reference job, its figures with and without a stack of modules, beside the
 * targets of v2100 and v2200. The stack is found by a greedy search over the tree. */
#ifndef VALIDATION_TARGETS_H
#define VALIDATION_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/table.h"

enum { TARGETS = 5, STACK_MOST = 64 };

struct target {
	const char *metric, *unit, *scenario, *quantity;
	bool less;                     /* smaller is better */
	double v2100, v2200;           /* required */
	double base, best;             /* simulated, plain and with the stack */
	double base_error, best_error; /* expected relative errors */
	const char *needs;             /* what would meet a target that is missed; NULL: met */
};

struct stack_module {
	const char *id;
	double gain[TARGETS];          /* what it brought when it joined: > 1 is better, 1 = nothing */
	const char *quality;           /* its cost in quality as reported; NULL */
};

/* What the targets leave open about the reference job, and how it was settled so that physics gives the v2100 column. */
extern const char targets_settled[];

struct catalog_cache;
struct scoreboard {
	struct target targets[TARGETS];
	struct stack_module stack[STACK_MOST];
	size_t stack_count, candidates, evaluations;
	double total, total_low, total_high;           /* training x inference factor, and its interval */
	double wall_s;
	struct catalog_cache *cache;           /* while it is being filled */
};

/* `with`: a stack to use instead of searching (blank-separated ID:params), NULL = search. */
MUST_USE bool scoreboard_run(const char *with, struct scoreboard *out, struct arena *arena, struct err *err);
bool target_met(const struct target *t);
MUST_USE bool scoreboard_text(const struct scoreboard *s, const struct term *term, struct str *out, struct err *err);
MUST_USE bool scoreboard_json(const struct scoreboard *s, struct str *out, struct err *err);
MUST_USE bool scoreboard_page(const struct scoreboard *s, struct str *out, struct err *err);

#endif
