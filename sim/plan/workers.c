#define _GNU_SOURCE                            /* sched_getaffinity */
#include "sim/plan/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS_MOST = 256 };

struct work {
	bool (*job)(void *ctx, size_t i, struct err *err);
	void *ctx;
	size_t count;
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t lock;
	size_t failed;                         /* lowest job that failed */
	struct err err;
};

static void *work(void *arg)
{
	struct work *w = arg;
	size_t i;

	while (!atomic_load(&w->stop) && (i = atomic_fetch_add(&w->next, 1)) < w->count) {
		struct err err = { 0 };

		if (w->job(w->ctx, i, &err))
			continue;
		pthread_mutex_lock(&w->lock);
		if (i < w->failed) {
			w->failed = i;
			w->err = err;
		}
		pthread_mutex_unlock(&w->lock);
		atomic_store(&w->stop, true);
	}
	return NULL;
}

bool workers_each(size_t count, int threads, bool (*job)(void *ctx, size_t i, struct err *err), void *ctx, struct err *err)
{
	struct work w = { .job = job, .ctx = ctx, .count = count, .failed = (size_t)-1 };
	pthread_t ids[THREADS_MOST];
	int started = 0;

	pthread_mutex_init(&w.lock, NULL);
	if (threads > THREADS_MOST)
		threads = THREADS_MOST;
	while (started < threads - 1 && (size_t)started + 1 < count && pthread_create(&ids[started], NULL, work, &w) == 0)
		started++;
	work(&w);
	while (started > 0)
		pthread_join(ids[--started], NULL);
	pthread_mutex_destroy(&w.lock);
	return w.failed == (size_t)-1 || err_set(err, w.err.kind, "%s", w.err.text);
}

int workers_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return CPU_COUNT(&set);
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
