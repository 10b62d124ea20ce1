#include "sim/plan/constants.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sim/plan/golden.h"

const char *const exponent_names[EXPONENTS] = { "k", "m", "p", "q" };

/* Logarithms of 3, pi, phi and e. */
static const long double LOG[EXPONENTS] = { 1.0986122886681096914L, 1.1447298858494001741L, 0.48121182505960344750L, 1 };

void constants_check(struct identity out[IDENTITIES])
{
	struct golden two = golden_add(golden_power(2), golden_power(-2)), five = golden_power(5), ten = golden_power(10);
	struct golden unit = golden_times(golden_power(1), golden_power(-1));

	out[0] = (struct identity){ "phi^2 + 1/phi^2 = 3", "phi^2 = 1 + phi, 1/phi^2 = 2 - phi; the sum is 3 + 0 phi = L(2), the Lucas number",
				    golden_value(two), two.a == 3 && two.b == 0 && lucas(2) == 3 };
	out[1] = (struct identity){ "phi * 1/phi = 1", "phi (phi - 1) = 1 + 0 phi", golden_value(unit), unit.a == 1 && unit.b == 0 };
	/* Rounded to two decimals: between 11.085 and 11.095, and so on, decided in integers. */
	out[2] = (struct identity){ "phi^5 = 11.09", "phi^5 = 3 + 5 phi lies between 11.085 and 11.095", golden_value(five),
				    five.a == 3 && five.b == 5 && golden_compare(five, 11085, 1000) > 0 && golden_compare(five, 11095, 1000) < 0 };
	out[3] = (struct identity){ "phi^10 = 122.99", "phi^10 = 34 + 55 phi lies between 122.985 and 122.995", golden_value(ten),
				    ten.a == 34 && ten.b == 55 && golden_compare(ten, 122985, 1000) > 0 && golden_compare(ten, 122995, 1000) < 0 };
}

static long double log_of(const int exponent[EXPONENTS])
{
	long double sum = 0;

	for (int i = 0; i < EXPONENTS; i++)
		sum += (long double)exponent[i] * LOG[i];
	return sum;
}

bool constants_value(struct seed_value *v, struct err *err)
{
	long double size = v->n ? log_of(v->exponent) + logl(fabsl((long double)v->n)) : 0;

	if (size > logl((long double)DBL_MAX) || size < logl((long double)DBL_MIN))
		return err_set(err, ERR_INPUT, "n 3^k pi^m phi^p e^q = %s10^%.1Lf: expected a value between 10^-307.6 and 10^308.2",
			       v->n < 0 ? "-" : "", size / logl(10));
	/* Small powers as products, so that whole numbers stay whole: 2 3^2 = 18 exactly. */
	v->value = (double)((long double)v->n * powl(3, v->exponent[0]) *
			    expl(log_of((const int[EXPONENTS]){ 0, v->exponent[1], v->exponent[2], v->exponent[3] })));
	return true;
}

struct solving {
	const struct solve_options *o;
	struct seed_value *out, *nearest;
	size_t found;
	int norm;
};

static int norm_of(const struct seed_value *v)
{
	int sum = 0;

	for (int i = 0; i < EXPONENTS; i++)
		sum += abs(v->exponent[i]);
	return sum;
}

/* Which of two solutions is the smaller one. */
static int order(const struct seed_value *a, const struct seed_value *b)
{
	int na = norm_of(a), nb = norm_of(b);

	if (na != nb)
		return na < nb ? -1 : 1;
	if (llabs(a->n) != llabs(b->n))
		return llabs(a->n) < llabs(b->n) ? -1 : 1;
	if (a->rel_error != b->rel_error)
		return a->rel_error < b->rel_error ? -1 : 1;
	for (int i = 0; i < EXPONENTS; i++)
		if (a->exponent[i] != b->exponent[i])
			return a->exponent[i] < b->exponent[i] ? -1 : 1;
	return 0;
}

/* Keeps the `wanted` smallest in order. */
static void keep(struct solving *s, const struct seed_value *v)
{
	size_t at = s->found;

	while (at > 0 && order(v, &s->out[at - 1]) < 0)
		at--;
	if (at >= s->o->wanted)
		return;
	if (s->found < s->o->wanted)
		s->found++;
	memmove(&s->out[at + 1], &s->out[at], (s->found - at - 1) * sizeof(*v));
	s->out[at] = *v;
}

static void try_exponents(struct solving *s, const int exponent[EXPONENTS])
{
	long double power = expl(log_of(exponent)), target = fabsl((long double)s->o->value), quotient = target / power;
	int64_t least = quotient < 1 ? 1 : quotient < (long double)s->o->n_most ? (int64_t)quotient : s->o->n_most;

	/* The whole numbers on both sides of the quotient. */
	for (int64_t n = least; n <= least + 1 && n <= s->o->n_most; n++) {
		struct seed_value v = { .n = s->o->value < 0 ? -n : n };

		memcpy(v.exponent, exponent, sizeof(v.exponent));
		v.rel_error = (double)fabsl((long double)n * power / target - 1);
		if (!constants_value(&v, NULL))
			continue;
		if (isnan(s->nearest->rel_error) || v.rel_error < s->nearest->rel_error)
			*s->nearest = v;
		if (v.rel_error <= s->o->tolerance)
			keep(s, &v);
	}
}

/* All exponents from the i-th on whose absolute values sum to `left`. */
static void shell(struct solving *s, int exponent[EXPONENTS], int i, int left)
{
	if (i == EXPONENTS - 1) {
		exponent[i] = -left;
		try_exponents(s, exponent);
		if (left > 0) {
			exponent[i] = left;
			try_exponents(s, exponent);
		}
		return;
	}
	for (int v = -left; v <= left; v++) {
		exponent[i] = v;
		shell(s, exponent, i + 1, left - abs(v));
	}
}

size_t constants_solve(const struct solve_options *o, struct seed_value *out, struct seed_value *nearest)
{
	struct solving s = { .o = o, .out = out, .nearest = nearest };
	int exponent[EXPONENTS] = { 0 };

	*nearest = (struct seed_value){ .rel_error = NAN };
	for (s.norm = 0; s.norm <= o->most && s.found < o->wanted; s.norm++)
		shell(&s, exponent, 0, s.norm);
	return s.found;
}
