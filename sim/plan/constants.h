/* The seed constants: identities of the golden ratio checked in integers, and values of the form
 * V = n 3^k pi^m phi^p e^q evaluated and solved. */
#ifndef SIM_PLAN_CONSTANTS_H
#define SIM_PLAN_CONSTANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct identity {
	const char *name;                      /* "phi^2 + 1/phi^2 = 3" */
	const char *proof;                     /* the integers that show it */
	double value;                          /* of the left side */
	bool holds;
};
enum { IDENTITIES = 4 };
/* Checks every identity in exact arithmetic. */
void constants_check(struct identity out[IDENTITIES]);

enum { EXPONENTS = 4, EXPONENT_MOST = 1000 };
struct seed_value {                    /* n 3^k pi^m phi^p e^q */
	int64_t n;
	int exponent[EXPONENTS];               /* k m p q */
	double value, rel_error;               /* rel_error: against the value that was solved for; else 0 */
};
extern const char *const exponent_names[EXPONENTS];    /* "k" ... */

/* Fills v->value (computed with long doubles). ERR_INPUT when it leaves the range of a double. */
MUST_USE bool constants_value(struct seed_value *v, struct err *err);

struct solve_options {
	double value, tolerance;               /* relative: |V / value - 1| <= tolerance */
	int64_t n_most;                        /* 1 <= |n| <= n_most: a free n would answer everything with V = n */
	int most;                              /* |k| + |m| + |p| + |q| at most */
	size_t wanted;                         /* solutions asked for */
};
/*
 * The smallest exponents that reach the value: ordered by |k| + |m| + |p| + |q|, then |n|, then error, then (k, m, p, q).
 * Every tuple up to the last solution's sum is tried, so that nothing smaller is missed. Returns the number found (at
 * most `wanted`); `nearest` is the best miss or hit of all that were tried.
 */
size_t constants_solve(const struct solve_options *o, struct seed_value *out, struct seed_value *nearest);

#endif
