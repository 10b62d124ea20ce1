/* A time that never drifts: the sum of many durations kept to twice the precision of a double (two-sum, Knuth), so that
 * a thousand small steps and one large one end at the same instant. */
#ifndef SIM_CORE_CLOCK_H
#define SIM_CORE_CLOCK_H

#include <stdint.h>
#include <string.h>

struct clock {
	double hi, lo;
};

static inline struct clock clock_at(double t)
{
	return (struct clock){ t, 0 };
}

static inline struct clock clock_after(struct clock c, double d)
{
	double sum = c.hi + d, rest = sum - c.hi, lo = (c.hi - (sum - rest)) + (d - rest) + c.lo;
	struct clock out = { sum + lo, 0 };

	out.lo = lo - (out.hi - sum);
	return out;
}

/* What the order of events goes by: the time to 41 bits. Replicas that do the same work end at the same instant but for
 * the last bits of their sums; rounding must not decide who comes first, their numbers do. */
static inline double clock_key(double t_s)
{
	uint64_t u;

	memcpy(&u, &t_s, sizeof(u));
	u = (u + 0x800) & ~(uint64_t)0xfff;    /* infinity stays infinity */
	memcpy(&t_s, &u, sizeof(u));
	return t_s;
}

#endif
