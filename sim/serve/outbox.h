/* The one process of a server that takes requests in and sends clients what steps produced, message after message, while later steps
 * run. */
#ifndef SIM_SERVE_OUTBOX_H
#define SIM_SERVE_OUTBOX_H

#include <math.h>
#include <stdint.h>

struct outbox {
	double free_s;                 /* until then it is busy with what it has */
	double batch_s;                /* what the last step gave it to do */
};

/*
 * `steps` steps end at first_s, ..., last_s, evenly or further and further apart, each with batch_s of work. What is left after a
 * step follows Lindley's recursion, whose increments fall from step to step: it is nothing before the last step only if it stays so,
 * and the ends of the run are all that counts.
 */
static inline void outbox_take(struct outbox *o, double batch_s, int64_t steps, double first_s, double last_s)
{
	o->batch_s = batch_s;
	o->free_s = fmax(fmax(o->free_s, first_s) + (double)(steps - 1) * batch_s, last_s) + batch_s;
}

/* When a message that stands first of the last step is out: answers that ended with it, the oldest of the batch, complete. */
static inline double outbox_first_s(const struct outbox *o, double message_s)
{
	return o->free_s - o->batch_s + message_s;
}

/* When the last is: first tokens, of those that joined the batch last. */
static inline double outbox_last_s(const struct outbox *o)
{
	return o->free_s;
}

#endif
