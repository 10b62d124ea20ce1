/* Tasks shared out among the threads of this process and, under a launcher such as mpirun, among processes: whoever is free takes
 * the next. Tasks and replies are plain bytes of fixed size, so that they may travel. */
#ifndef SIM_PLAN_TEAM_H
#define SIM_PLAN_TEAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/* How processes of one launch reach each other. Used from one thread of each process. */
struct transport_ops {
	const char *name;                      /* "mpi" */
	double silent_s;                       /* one that says nothing for so long is gone; 0: as processes of one cluster are */
	bool (*start)(int *rank, int *size);
	/* Hands the bytes over without waiting for the receiver. */
	bool (*send)(int to, const void *bytes, size_t count);
	/* Whether a message is there, from whom and how long it is. */
	bool (*pending)(int *from, size_t *count);
	bool (*receive)(int from, void *bytes, size_t count);
	/* clean: everybody is still there. Else the launch is given up, as far as this process is concerned. */
	void (*stop)(bool clean);
};

enum { REPLY_MOST = 4096, TASK_MOST = 256 };
struct team_work {
	size_t task_bytes, reply_bytes;        /* at most TASK_MOST, REPLY_MOST */
	/* Does one task, in any process and thread. False: a failure of this program or machine. */
	bool (*execute)(void *ctx, const void *task, void *reply, struct err *err);
	/* In the first process, from one thread at a time, as soon as the reply is there: keeps it. May be NULL. */
	bool (*done)(void *ctx, size_t i, const void *task, const void *reply, struct err *err);
	/* Whether no further tasks shall be begun. May be NULL. */
	bool (*stop)(void *ctx);
	void *ctx;
};

struct team;
/* transport NULL: this process alone. Borrows both. */
MUST_USE struct team *team_new(const struct transport_ops *transport, const struct team_work *work, int threads, struct err *err);
/* Rank 0 gives out work; every other process calls team_serve, which returns when the first one is done (or gone). */
int team_rank(const struct team *t);
int team_size(const struct team *t);
int team_lost(const struct team *t);           /* processes that stopped answering */
MUST_USE bool team_serve(struct team *t, struct err *err);

/*
 * Does `count` tasks and fills `replies`, in the order of the tasks whoever did them. A process that stops answering loses what it
 * was at: another does it. done_flags (one a task) says which were done: all, unless work->stop asked to stop.
 */
MUST_USE bool team_map(struct team *t, size_t count, const void *tasks, void *replies, bool *done_flags, struct err *err);
/* Sends the other processes home. */
void team_free(struct team *t);                /* NULL is fine */

#endif
