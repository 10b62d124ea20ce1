/* How many replicas have to be there so that enough of them are up, when devices fail and take time to be repaired. */
#ifndef SIM_PLAN_SPARES_H
#define SIM_PLAN_SPARES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* Share of time that a replica of so many devices is down: it is up while all of them are; each fails after mtbf_s on average
 * and is back mttr_s later, apart from the others. */
double replica_down_share(double mtbf_s, double mttr_s, double devices);

/* P(at least n of n + spares replicas are up): spares or fewer of a binomial number are down. */
double spares_availability(int64_t n, int64_t spares, double down_share);

enum { SPARES_MOST = 1000000 };
/* The smallest number of spares with spares_availability(n, spares, down_share) >= availability, known to be at least `least` (it
 * never falls as n grows). ERR_INPUT when more than SPARES_MOST would be needed. */
MUST_USE bool spares_for(int64_t n, double down_share, double availability, int64_t least, int64_t *spares, struct err *err);

#endif
