/* Price tables that are kept between simulations: those of equal deployments (other replicas, rates or limits of the router) price the
 * same batches again. A simulation takes a set for itself and gives it back with its prices; the counts begin at zero each time. What
 * a table says depends on its options alone, so results are the same, bit for bit, whoever filled it. */
#ifndef SIM_SERVE_ITERATION_POOL_H
#define SIM_SERVE_ITERATION_POOL_H

#include "sim/serve/iteration.h"

struct iteration_pool;
MUST_USE struct iteration_pool *iteration_pool_new(struct err *err);
void iteration_pool_free(struct iteration_pool *pool);                /* NULL is fine; everything has been given back */

/* Any number of threads. What the options point to (their costs, model, device, stack) has to outlive the pool, but for `place` and
 * `op_factor`; without techniques. */
MUST_USE struct iteration *iteration_pool_take(struct iteration_pool *pool, const struct iteration_options *options, struct err *err);
void iteration_pool_give(struct iteration_pool *pool, struct iteration *it);           /* NULL is fine */

#endif
