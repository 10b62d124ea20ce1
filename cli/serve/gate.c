#include "cli/serve/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "base/now.h"
#include "cli/progress.h"

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t left;
	int inside, most;
	double limit_s;
	atomic_bool closed;
};

enum { WAIT_S = 10 };

struct gate *gate_new(int most, double limit_s, struct err *err)
{
	struct gate *g = mem_calloc(1, sizeof(*g));
	pthread_condattr_t monotonic;

	if (!g) {
		err_memory(err);
		return NULL;
	}
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->left, &monotonic);
	pthread_condattr_destroy(&monotonic);
	g->most = most;
	g->limit_s = limit_s;
	return g;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	pthread_cond_destroy(&g->left);
	pthread_mutex_destroy(&g->lock);
	mem_free(g);
}

bool gate_enter(struct gate *g, struct gate_pass *pass, struct err *err)
{
	struct timespec until;
	bool room;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&g->lock);
	while (g->inside >= g->most && !atomic_load(&g->closed) && pthread_cond_timedwait(&g->left, &g->lock, &until) != ETIMEDOUT)
		;
	room = g->inside < g->most && !atomic_load(&g->closed);
	g->inside += room;
	pthread_mutex_unlock(&g->lock);
	if (!room)
		return err_set(err, ERR_CHECK, atomic_load(&g->closed) ? "the server is ending" : "busy: %d simulations at once are all it does; try again",
			       g->most);
	*pass = (struct gate_pass){ g, now_s() + g->limit_s };
	return true;
}

void gate_leave(struct gate_pass *pass)
{
	pthread_mutex_lock(&pass->gate->lock);
	pass->gate->inside--;
	pthread_cond_signal(&pass->gate->left);
	pthread_mutex_unlock(&pass->gate->lock);
}

bool gate_expired(void *ctx)
{
	const struct gate_pass *pass = ctx;

	return atomic_load(&pass->gate->closed) || now_s() > pass->until_s;
}

void gate_explain(const struct gate_pass *pass, struct err *err)
{
	struct err short_one = *err;

	if (err->kind != ERR_CHECK || now_s() <= pass->until_s)
		return;
	*err = (struct err){ 0 };
	err_set(err, ERR_CHECK, "%.300s; a request may take %.4g s here (serve --limit)", short_one.text, pass->gate->limit_s);
}

void gate_close(struct gate *g)
{
	atomic_store(&g->closed, true);
	pthread_mutex_lock(&g->lock);
	pthread_cond_broadcast(&g->left);
	pthread_mutex_unlock(&g->lock);
}
