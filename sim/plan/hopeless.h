/* Watches a simulation's requests and tells when a target cannot be met any more, whatever the rest does. */
#ifndef SIM_PLAN_HOPELESS_H
#define SIM_PLAN_HOPELESS_H

#include "reports/result.h"
#include "sim/scenario.h"

enum { TARGETS_MOST = 16 };
struct target {
	const char *name;
	size_t metric;                         /* offset in struct request_record */
	double limit_s, share;                 /* share: of requests that may be above; NAN: the limit is on the mean */
	double above, sum;
};
struct hopeless {
	struct target targets[TARGETS_MOST];
	size_t count;
	double requests;                       /* in all; INFINITY: not known, never hopeless */
	const struct target *lost;             /* the first that is out of reach; NULL */
};
void hopeless_init(struct hopeless *h, const struct scenario *sc, double requests);
void hopeless_request(struct hopeless *h, const struct request_record *r);

#endif
