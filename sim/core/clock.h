/* A time that never drifts: the sum of many durations kept to twice the precision of a double (two-sum, Knuth), so that
 * a thousand small steps and one large one end at the same instant. */
#ifndef SIM_CORE_CLOCK_H
#define SIM_CORE_CLOCK_H

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

#endif
