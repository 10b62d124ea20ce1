/* Draws independent requests: arrival, class, lengths, adapter and what their prompts have in common. */
#ifndef WORKLOADS_GENERATOR_H
#define WORKLOADS_GENERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "workloads/request.h"
#include "workloads/workload.h"

struct generator;
/* `lengths`: prompt and output come from the workload (else from a trace); `arrivals`: so do arrival times. With
 * sessions the arrivals are those of sessions, thinned so that qps is the rate of requests. Borrows w. */
MUST_USE struct generator *generator_new(const struct workload *w, bool lengths, bool arrivals, uint64_t seed,
					 struct err *err);
void generator_free(struct generator *g);

/* Mean turns of a session; 1 without sessions. */
double generator_mean_turns(const struct generator *g);

double generator_arrival(struct generator *g, int32_t *class_index); /* INFINITY at the end */
int32_t generator_class(struct generator *g);                        /* of a request that no arrival stream brings */
void generator_lengths(struct generator *g, int32_t class_index, int64_t *prompt, int64_t *output);
int32_t generator_adapter(struct generator *g); /* -1 without adapters */
int64_t generator_turns(struct generator *g);
double generator_think_s(struct generator *g);
int64_t generator_shared_prompt(struct generator *g); /* number of the system prompt, -1 = none */

/* Blocks of a request. `tokens` = prompt, plus the output when a later turn repeats it. Valid until the next call. */
MUST_USE bool generator_session_blocks(struct generator *g, struct request *q, int64_t shared_prompt, uint64_t text,
				       int64_t tokens, struct err *err);
/* Blocks of a single request that may repeat an earlier one (reuse_share), also adding the system prompt. */
MUST_USE bool generator_lone_blocks(struct generator *g, struct request *q, struct err *err);
bool generator_has_prefixes(const struct generator *g);

#endif
