/* Simulations at once, and the time of each: what keeps one request from taking the machine. */
#ifndef CLI_SERVE_GATE_H
#define CLI_SERVE_GATE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct gate;
/* At most `most` inside at once, each for at most limit_s. */
MUST_USE struct gate *gate_new(int most, double limit_s, struct err *err);
void gate_free(struct gate *g);                                       /* NULL is fine */

/* One who is inside. */
struct gate_pass {
	struct gate *gate;
	double until_s;
};
/* Waits a little for room; false + err when there is none or the server is ending. */
MUST_USE bool gate_enter(struct gate *g, struct gate_pass *pass, struct err *err);
void gate_leave(struct gate_pass *pass);
/* Whether the pass has run out, or the server is ending: the `stop` of a simulation. ctx: a struct gate_pass. */
bool gate_expired(void *pass);
/* The limit in the error of a simulation that was stopped: adds what to do about it. */
void gate_explain(const struct gate_pass *pass, struct err *err);
/* Lets everybody run out. */
void gate_close(struct gate *g);

#endif
