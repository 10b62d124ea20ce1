/* Exact arithmetic with the golden ratio: numbers a + b phi with integers a, b (the ring Z[phi], phi^2 = phi + 1). */
#ifndef SIM_PLAN_GOLDEN_H
#define SIM_PLAN_GOLDEN_H

#include <stdbool.h>
#include <stdint.h>

struct golden {
	int64_t a, b;                          /* a + b phi */
};

struct golden golden_add(struct golden x, struct golden y);
struct golden golden_times(struct golden x, struct golden y);
/* phi^n for any n from -80 to 80 (Fibonacci numbers F(n-1) and F(n); beyond, they leave 64 bits). */
struct golden golden_power(int n);
/* Lucas number L(n) = phi^n + (-1/phi)^n, by its recurrence, 0 <= n <= 80. */
int64_t lucas(int n);
/* -1, 0, 1: the sign of (a + b phi) - numerator / denominator, decided in integers alone. Exact while
 * |a|, |b| and |numerator| stay below 2^40 and 0 < denominator < 2^20. */
int golden_compare(struct golden x, int64_t numerator, int64_t denominator);
double golden_value(struct golden x);

#endif
