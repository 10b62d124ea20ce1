/* On how many devices a replica lies when nobody said so, and how many it needs when it does not fit. */
#ifndef SIM_SPREAD_H
#define SIM_SPREAD_H

#include "base/attr.h"
#include "base/err.h"
#include "models/memory.h"
#include "sim/compile.h"

/* What the device's execution model says about memory: reserved bytes, SRAM and next tier for weights. */
void spread_limits(const struct compiled *c, struct memory_limits *limits);

/* Chips that hold their weights in SRAM (execution.streams) serve as one machine: pp of the deployment is the length of their
 * chain, and without tp and pp the machine is the whole system, or as many devices as the model with a cache for 32,768
 * tokens needs. Devices whose systems serve as one (execution.together) share heads and columns over all of it. Others stay
 * as they are. `available`: devices that one replica may take; 0 = any number. ERR_INPUT with the number needed. */
MUST_USE bool spread_place(const struct compiled *c, const struct memory_limits *limits, int64_t available, struct placement *p,
			   struct err *err);

/* Adds to an error of memory_plan how many devices would do, and the options for it. */
void spread_advise(const struct compiled *c, const struct memory_limits *limits, const struct placement *p, struct err *err);

#endif
