#include "hardware/energy.h"

#include <math.h>

static const double LIMIT_SHARE = 0.97, FLOOR = 0.22, MEMORY = 0.45, COMPUTE = 1.67, IDLE_SHARE = 0.12;

static double clamp01(double x)
{
	return x > 0 ? fmin(x, 1) : 0;
}

/* Without a published limit: board-level energy of the generation, 0.9 pJ a 16-bit FLOP and 30 pJ a byte of memory
 * traffic at full rate (H100 at its best matrix product: 0.88; HBM 3.5 to 4 pJ a bit). */
double energy_limit_w(const struct device *d, bool *known)
{
	double flops = device_peak(d, DTYPE_BF16, NULL), guess;

	if (known)
		*known = d->power.tdp_w > 0;
	if (d->power.tdp_w > 0)
		return d->power.tdp_w;
	if (d->power.allin_w > 0)
		return d->power.allin_w / 2;
	guess = (flops > 0 ? flops * 0.7 * 0.9e-12 : 0) +
		(d->memory.bytes_s > 0 ? fmin(d->memory.bytes_s, 30e12) * 30e-12 : 0);
	return fmax(guess, 10);
}

double energy_idle_w(const struct device *d)
{
	return d->power.idle_w >= 0 ? d->power.idle_w : IDLE_SHARE * energy_limit_w(d, NULL);
}

double energy_busy_w(const struct device *d, double compute, double memory)
{
	double idle = energy_idle_w(d), top = fmax(LIMIT_SHARE * energy_limit_w(d, NULL), idle);

	if (d->power.busy_w > 0 && d->power.memory_w >= 0 && d->power.compute_w >= 0)
		return fmin(top, fmax(d->power.busy_w, idle) + d->power.memory_w * clamp01(memory) +
					 d->power.compute_w * sqrt(clamp01(compute)));
	return idle + (top - idle) * fmin(1, FLOOR + MEMORY * clamp01(memory) + COMPUTE * sqrt(clamp01(compute)));
}

double energy_cap_slowdown(const struct device *d, double cap_w, bool compute_bound, double compute, double memory)
{
	static const double SLOWEST = 0.2;             /* of the clock: where boards stop lowering it */
	double still = energy_busy_w(d, 0, memory), added = energy_busy_w(d, compute, memory) - still, rest = energy_busy_w(d, 0, 0), f, slow;

	if (!(cap_w > 0) || cap_w >= energy_limit_w(d, NULL) || still + added <= cap_w)
		return 1;
	f = added > 0 ? cbrt(fmax(cap_w - still, 0) / added) : 1;
	f = fmin(fmax(f, SLOWEST), 1);
	slow = compute_bound ? 1 / f : fmax(clamp01(compute) / f, 1);
	if (still > cap_w)                             /* memory has to wait as well */
		slow = fmax(slow, (still - rest) / fmax(cap_w - rest, (still - rest) * SLOWEST));
	return slow;
}

double energy_joules(const struct device *d, double seconds, double busy_s, double flops, enum dtype dtype,
		     double bytes)
{
	double busy = fmin(busy_s, seconds), idle = energy_idle_w(d) * (seconds - busy);

	if (!(busy > 0))
		return idle;
	return idle + busy * energy_busy_w(d, flops / (busy * device_peak(d, dtype, NULL)),
					   bytes / (busy * device_bandwidth(d)));
}

double energy_per_byte_j(const struct device *d)
{
	return (LIMIT_SHARE * energy_limit_w(d, NULL) - energy_idle_w(d)) * MEMORY / device_bandwidth(d);
}

double energy_per_flop_j(const struct device *d, enum dtype dtype)
{
	return LIMIT_SHARE * energy_limit_w(d, NULL) / (0.8 * device_peak(d, dtype, NULL));
}
