/* Electrical power of a device as a function of what it does.
 *
 *     P = idle + (0.97 tdp - idle) min(1, 0.22 + 0.45 m + 1.67 sqrt(c))          while kernels run
 *
 * or, where the device's file has coefficients fitted to it (busy_w, memory_w, compute_w; hardware/power_fit.h),
 *
 *     P = min(0.97 tdp, busy + memory m + compute sqrt(c))
 *
 * m: share of peak memory bandwidth, c: share of peak arithmetic. Power is far from proportional to throughput: a small
 * decode batch draws 60 to 70 % of the limit, and matrix units reach it at a fifth of their peak. Coefficients fitted to
 * the H100 rows of the ML.ENERGY leaderboard (vLLM, Llama-3.1-8B and 70B, batch 8 to 512, 2026-02); on its H100 and B200
 * rows the median absolute error is about 10 %, the largest 25 % (tests/unit/test_price.c). */
#ifndef HARDWARE_ENERGY_H
#define HARDWARE_ENERGY_H

#include "hardware/device.h"

/* Watts with nothing to do; 12 % of the limit where not published. */
double energy_idle_w(const struct device *d);
/* Board power limit, watts. Where none is published, all-in power / 2, else a guess from its bandwidth and rates (see
 * energy.c); *known (may be NULL) tells. */
double energy_limit_w(const struct device *d, bool *known);

/* Watts while kernels run: compute, memory = shares of peak, 0 to 1 (clamped). */
double energy_busy_w(const struct device *d, double compute, double memory);

/* How much longer work takes under a power cap below the limit: clocks fall until the board's power does. At a relative clock
 * f the part of power that arithmetic adds falls with f^3 (rate times voltage squared, voltage follows the clock), and what
 * kernels draw anyway and memory traffic do not; arithmetic takes 1/f as long, which shows where it is the bound, or once
 * its share of the time has grown to all of it. When clocks alone do not suffice, memory slows down, too. 1 without a cap
 * (0 or at least the limit). */
double energy_cap_slowdown(const struct device *d, double cap_w, bool compute_bound, double compute, double memory);

/* Joules of an interval in which kernels ran for busy_s of `seconds` and did `flops` of `dtype` and moved `bytes`. */
double energy_joules(const struct device *d, double seconds, double busy_s, double flops, enum dtype dtype, double bytes);

/* Joules a byte and a FLOP cost on top of idling, at the limit: the marginal figures of the law, for reports. */
double energy_per_byte_j(const struct device *d);
double energy_per_flop_j(const struct device *d, enum dtype dtype);

#endif
