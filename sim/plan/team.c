#include "sim/plan/team.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/now.h"

/* Processes that are silent for so long are taken to be gone (unless the transport knows better); a busy one speaks so often in that time. */
static const double SILENT_S = 6, HEARTBEATS = 12;

enum { RANKS_MOST = 4096, THREADS_MOST = 256, BATCH_MOST = 64, NAP_LEAST_NS = 50000, NAP_MOST_NS = 1000000 };
enum message_kind { MESSAGE_TASKS, MESSAGE_REPLIES, MESSAGE_ALIVE, MESSAGE_WORK_IS_OVER, MESSAGE_HOME, MESSAGE_FAILED };

struct message {
	int kind, count;                       /* of tasks or replies that follow; in MESSAGE_HOME of lost processes */
	size_t first;                          /* see below: tasks of a batch are at first, first + 1 ... */
	char text[128];                        /* MESSAGE_FAILED */
};

struct mate {
	bool there, idle;
	double heard_s;
	size_t first;                          /* the batch that it is at */
	int count;
};

struct team {
	const struct transport_ops *transport;
	struct team_work work;
	int threads, rank, size, lost;
	bool served;                           /* not the first process: it was sent home */
	double silent_s;
	struct mate *mates;                    /* by rank; [0] is not used */
	unsigned char *buffer;                 /* one message */
	size_t buffer_bytes;
	pthread_mutex_t lock;                  /* all below */
	/* the map that is going on */
	const unsigned char *tasks;
	unsigned char *replies;
	bool *done;
	size_t count, next, finished, again_count;
	size_t *again;                         /* tasks of lost processes */
	int running;
	bool failed;
	struct err err;
};

/* Naps get longer while nothing comes: looking costs the processor that simulates, and simulations take far longer. */
static void rest(long *nap_ns)
{
	struct timespec t = { 0, *nap_ns };

	nanosleep(&t, NULL);
	*nap_ns = *nap_ns < NAP_MOST_NS / 2 ? 2 * *nap_ns : NAP_MOST_NS;
}

struct team *team_new(const struct transport_ops *transport, const struct team_work *work, int threads, struct err *err)
{
	struct team *t = mem_calloc(1, sizeof(*t));
	size_t most = work->task_bytes > work->reply_bytes ? work->task_bytes : work->reply_bytes;

	if (!t) {
		err_memory(err);
		return NULL;
	}
	t->work = *work;
	t->threads = threads < 1 ? 1 : threads > THREADS_MOST ? THREADS_MOST : threads;
	t->size = 1;
	pthread_mutex_init(&t->lock, NULL);
	if (transport && !transport->start(&t->rank, &t->size)) {
		err_set(err, ERR_IO, "%s: cannot join the other processes", transport->name);
		team_free(t);
		return NULL;
	}
	t->transport = transport;
	t->silent_s = transport && transport->silent_s > 0 ? transport->silent_s : SILENT_S;
	t->buffer_bytes = sizeof(struct message) + BATCH_MOST * most;
	t->buffer = mem_calloc(1, t->buffer_bytes);
	t->mates = mem_calloc((size_t)t->size, sizeof(*t->mates));
	if (!t->buffer || !t->mates) {
		err_memory(err);
		team_free(t);
		return NULL;
	}
	for (int r = 1; r < t->size; r++)
		t->mates[r] = (struct mate){ .there = true, .idle = true, .heard_s = now_s() };
	return t;
}

int team_rank(const struct team *t)
{
	return t->rank;
}

int team_size(const struct team *t)
{
	return t->size;
}

int team_lost(const struct team *t)
{
	return t->lost;
}

static void fail(struct team *t, const struct err *err)
{
	if (!t->failed) {
		t->failed = true;
		t->err = *err;
	}
}

/* The next task to do, or count when there is none. Locked by the caller. */
static size_t take(struct team *t)
{
	if (t->failed || (t->work.stop && t->work.stop(t->work.ctx)))
		return t->count;
	if (t->again_count > 0)
		return t->again[--t->again_count];
	return t->next < t->count ? t->next++ : t->count;
}

/* A reply came. Locked by the caller. A task that a lost process did after all may come twice: the same, and ignored. */
static void finish(struct team *t, size_t i, const void *reply)
{
	struct err err = { 0 };

	if (t->done[i])
		return;
	memcpy(t->replies + i * t->work.reply_bytes, reply, t->work.reply_bytes);
	t->done[i] = true;
	t->finished++;
	if (t->work.done && !t->work.done(t->work.ctx, i, t->tasks + i * t->work.task_bytes, reply, &err))
		fail(t, &err);
}

static void *work_here(void *arg)
{
	struct team *t = arg;
	unsigned char reply[REPLY_MOST] = { 0 };

	pthread_mutex_lock(&t->lock);
	for (;;) {
		struct err err = { 0 };
		size_t i = take(t);
		bool ok;

		if (i == t->count)
			break;
		pthread_mutex_unlock(&t->lock);
		ok = t->work.execute(t->work.ctx, t->tasks + i * t->work.task_bytes, reply, &err);
		pthread_mutex_lock(&t->lock);
		if (ok)
			finish(t, i, reply);
		else
			fail(t, &err);
	}
	t->running--;
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* The others first get few, so that the last batch of a map does not keep everybody waiting. */
static int batch_size(const struct team *t)
{
	size_t left = t->count - t->next + t->again_count, share = left / ((size_t)t->size * 4);

	return share < 1 ? 1 : share > BATCH_MOST ? BATCH_MOST : (int)share;
}

static void give(struct team *t, int rank)
{
	struct message *m = (struct message *)(void *)t->buffer;
	struct mate *mate = &t->mates[rank];
	size_t i;

	pthread_mutex_lock(&t->lock);
	*m = (struct message){ .kind = MESSAGE_TASKS, .count = 0 };
	if (t->again_count > 0) {
		i = take(t);
		m->count = i < t->count;
	} else {
		int most = batch_size(t);

		i = take(t);
		for (m->count = i < t->count; m->count > 0 && m->count < most && t->next < t->count; m->count++)
			t->next++;
	}
	m->first = i;
	if (m->count > 0)
		memcpy(t->buffer + sizeof(*m), t->tasks + i * t->work.task_bytes, (size_t)m->count * t->work.task_bytes);
	pthread_mutex_unlock(&t->lock);
	if (m->count == 0)
		return;
	mate->idle = false;
	mate->first = m->first;
	mate->count = m->count;
	mate->heard_s = now_s();
	if (!t->transport->send(rank, t->buffer, sizeof(*m) + (size_t)m->count * t->work.task_bytes))
		mate->heard_s = -t->silent_s;
}

/* What it was at goes back; its replies, should they come, are ignored. */
static void give_up(struct team *t, int rank)
{
	struct mate *mate = &t->mates[rank];

	mate->there = false;
	t->lost++;
	pthread_mutex_lock(&t->lock);
	for (int k = 0; !mate->idle && k < mate->count; k++)
		if (!t->done[mate->first + (size_t)k])
			t->again[t->again_count++] = mate->first + (size_t)k;
	pthread_mutex_unlock(&t->lock);
	mate->idle = true;
}

static void hear(struct team *t, int from, size_t bytes)
{
	struct message *m = (struct message *)(void *)t->buffer;
	struct mate *mate = &t->mates[from];

	if (bytes > t->buffer_bytes || !t->transport->receive(from, t->buffer, bytes) || !mate->there)
		return;
	mate->heard_s = now_s();
	pthread_mutex_lock(&t->lock);
	if (m->kind == MESSAGE_REPLIES) {
		for (int k = 0; k < m->count; k++)
			finish(t, m->first + (size_t)k, t->buffer + sizeof(*m) + (size_t)k * t->work.reply_bytes);
		mate->idle = true;
	} else if (m->kind == MESSAGE_FAILED) {
		struct err err = { .kind = ERR_INTERNAL };

		snprintf(err.text, sizeof(err.text), "process %d: %s", from, m->text);
		fail(t, &err);
		mate->idle = true;
	}
	pthread_mutex_unlock(&t->lock);
}

/* True while someone else is at work. */
static bool look_after(struct team *t)
{
	bool busy = false;
	size_t bytes;
	int from;

	while (t->transport->pending(&from, &bytes))
		hear(t, from, bytes);
	for (int r = 1; r < t->size; r++) {
		struct mate *mate = &t->mates[r];

		if (!mate->there)
			continue;
		if (!mate->idle && now_s() - mate->heard_s > t->silent_s)
			give_up(t, r);
		else if (mate->idle)
			give(t, r);
		busy |= !mate->idle;
	}
	return busy;
}

static void start_threads(struct team *t, pthread_t *ids, int *started)
{
	t->running = t->threads;
	for (*started = 0; *started < t->threads; ++*started)
		if (pthread_create(&ids[*started], NULL, work_here, t) != 0) {
			t->running -= t->threads - *started;
			break;
		}
}

/* The threads of this process work; this thread talks to the others, and starts the threads again when a lost process left work. */
static void share(struct team *t)
{
	pthread_t ids[THREADS_MOST];
	size_t finished = 0;
	long nap_ns = NAP_LEAST_NS;
	int started;
	bool busy, again;

	do {
		if (t->threads == 1 && t->size == 1) {
			t->running = 1;
			work_here(t);
			return;
		}
		start_threads(t, ids, &started);
		do {
			busy = t->size > 1 && look_after(t);
			pthread_mutex_lock(&t->lock);
			if (finished != t->finished)
				nap_ns = NAP_LEAST_NS;
			finished = t->finished;
			again = t->running == 0 && t->again_count > 0 && !t->failed;
			busy |= t->running > 0;
			pthread_mutex_unlock(&t->lock);
			if (busy && t->size == 1)
				break;         /* nobody to talk to: join below waits */
			rest(&nap_ns);
		} while (busy && !again);
		while (started > 0)
			pthread_join(ids[--started], NULL);
		pthread_mutex_lock(&t->lock);
		again = t->again_count > 0 && !t->failed && !(t->work.stop && t->work.stop(t->work.ctx));
		pthread_mutex_unlock(&t->lock);
	} while (again || (t->size > 1 && look_after(t)));
}

bool team_map(struct team *t, size_t count, const void *tasks, void *replies, bool *done_flags, struct err *err)
{
	t->tasks = tasks;
	t->replies = replies;
	t->done = done_flags;
	t->count = count;
	t->next = t->finished = t->again_count = 0;
	t->failed = false;
	t->err = (struct err){ 0 };
	memset(done_flags, 0, count * sizeof(*done_flags));
	mem_free(t->again);
	t->again = mem_calloc(count + 1, sizeof(*t->again));
	if (!t->again)
		return err_memory(err);
	if (count > 0)
		share(t);
	return !t->failed || err_set(err, t->err.kind, "%s", t->err.text);
}

/* One batch that came, at work in another thread while this one says that it is alive. */
struct batch {
	struct team *t;
	unsigned char *tasks, *replies;
	int count, next;
	pthread_mutex_t lock;
	bool failed, over;
	struct err err;
};

static void *work_batch(void *arg)
{
	struct batch *b = arg;

	for (;;) {
		struct err err = { 0 };
		int i;

		pthread_mutex_lock(&b->lock);
		i = b->failed ? b->count : b->next++;
		pthread_mutex_unlock(&b->lock);
		if (i >= b->count)
			return NULL;
		if (!b->t->work.execute(b->t->work.ctx, b->tasks + (size_t)i * b->t->work.task_bytes,
					b->replies + (size_t)i * b->t->work.reply_bytes, &err)) {
			pthread_mutex_lock(&b->lock);
			b->failed = true;
			b->err = err;
			pthread_mutex_unlock(&b->lock);
		}
	}
}

static void *work_batches(void *arg)
{
	struct batch *b = arg;
	pthread_t ids[THREADS_MOST];
	int started = 0;

	while (started < b->t->threads - 1 && started + 1 < b->count && pthread_create(&ids[started], NULL, work_batch, b) == 0)
		started++;
	work_batch(b);
	while (started > 0)
		pthread_join(ids[--started], NULL);
	pthread_mutex_lock(&b->lock);
	b->over = true;
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static bool is_over(struct batch *b)
{
	bool over;

	pthread_mutex_lock(&b->lock);
	over = b->over;
	pthread_mutex_unlock(&b->lock);
	return over;
}

static bool serve_batch(struct team *t, const struct message *m, unsigned char *replies)
{
	struct batch b = { .t = t, .tasks = t->buffer + sizeof(*m), .replies = replies + sizeof(*m), .count = m->count };
	struct message answer = { .kind = MESSAGE_REPLIES, .count = m->count, .first = m->first }, alive = { .kind = MESSAGE_ALIVE };
	double said_s = now_s();
	long nap_ns = NAP_LEAST_NS;
	pthread_t id;

	pthread_mutex_init(&b.lock, NULL);
	if (pthread_create(&id, NULL, work_batches, &b) != 0)
		return false;
	while (!is_over(&b)) {
		rest(&nap_ns);
		if (now_s() - said_s > t->silent_s / HEARTBEATS) {
			t->transport->send(0, &alive, sizeof(alive));
			said_s = now_s();
		}
	}
	pthread_join(id, NULL);
	pthread_mutex_destroy(&b.lock);
	if (b.failed) {
		answer.kind = MESSAGE_FAILED;
		answer.count = 0;
		snprintf(answer.text, sizeof(answer.text), "%.*s", (int)sizeof(answer.text) - 1, b.err.text);
	}
	memcpy(replies, &answer, sizeof(answer));
	return t->transport->send(0, replies, sizeof(answer) + (size_t)answer.count * t->work.reply_bytes);
}

/* able: it can do tasks; else it answers that it cannot. */
static bool serve(struct team *t, bool able, struct err *err)
{
	unsigned char *replies = mem_calloc(1, t->buffer_bytes);
	struct message *m = (struct message *)(void *)t->buffer, here = { .kind = MESSAGE_ALIVE };
	struct message unable = { .kind = MESSAGE_FAILED, .text = "not ready to work" };
	bool ok = replies || err_memory(err);
	double home_by_s = INFINITY;
	long nap_ns = NAP_LEAST_NS;

	while (ok) {
		size_t bytes;
		int from;

		if (!t->transport->pending(&from, &bytes)) {
			if (now_s() > home_by_s) {
				t->lost = 1;   /* the first process, before it could say who else */
				break;
			}
			rest(&nap_ns);
			continue;
		}
		nap_ns = NAP_LEAST_NS;
		if (bytes > t->buffer_bytes || !t->transport->receive(from, t->buffer, bytes)) {
			ok = err_set(err, ERR_IO, "%s: a message of another program", t->transport->name);
			break;
		}
		if (m->kind == MESSAGE_HOME) {
			t->lost = m->count;
			break;
		}
		if (m->kind == MESSAGE_WORK_IS_OVER && t->transport->send(0, &here, sizeof(here)))
			home_by_s = now_s() + 2 * t->silent_s;
		if (m->kind == MESSAGE_TASKS && !(able ? serve_batch(t, m, replies) : t->transport->send(0, &unable, sizeof(unable))))
			ok = err_set(err, ERR_IO, "%s: cannot answer", t->transport->name);
	}
	mem_free(replies);
	if (!ok)
		t->lost = 1;                   /* this one: nobody waits for it, it must wait for nobody */
	t->served = true;
	return ok;
}

bool team_serve(struct team *t, struct err *err)
{
	return serve(t, true, err);
}

/*
 * Leaving together takes everybody, so it is asked first who is there: one lost while it had nothing to do was not missed until
 * now. All are told the answer, since who leaves as if nobody were lost waits for the lost; one that was only silent hears it too.
 */
static void send_home(struct team *t)
{
	struct message over = { .kind = MESSAGE_WORK_IS_OVER }, home = { .kind = MESSAGE_HOME };
	long nap_ns = NAP_LEAST_NS;
	size_t bytes;
	int waiting = 0, from;

	for (int r = 1; r < t->size; r++) {
		struct mate *mate = &t->mates[r];

		mate->idle = !mate->there;
		mate->count = 0;
		mate->heard_s = t->transport->send(r, &over, sizeof(over)) ? now_s() : -t->silent_s;
	}
	do {
		while (t->transport->pending(&from, &bytes)) {
			if (bytes <= t->buffer_bytes && t->transport->receive(from, t->buffer, bytes))
				t->mates[from].idle = true;
		}
		waiting = 0;
		for (int r = 1; r < t->size; r++) {
			struct mate *mate = &t->mates[r];

			if (!mate->idle && now_s() - mate->heard_s > t->silent_s)
				give_up(t, r);
			waiting += !mate->idle;
		}
		if (waiting > 0)
			rest(&nap_ns);
	} while (waiting > 0);
	home.count = t->lost;
	for (int r = 1; r < t->size; r++)
		t->transport->send(r, &home, sizeof(home));
}

void team_free(struct team *t)
{
	if (!t)
		return;
	if (t->transport) {
		struct err err = { 0 };

		/* The first process waits for an answer of everybody, so also of one that could not begin. */
		if (t->mates && t->rank == 0)
			send_home(t);
		else if (t->mates && !t->served && !serve(t, false, &err))
			t->lost = 1;
		t->transport->stop(t->lost == 0);
	}
	pthread_mutex_destroy(&t->lock);
	mem_free(t->again);
	mem_free(t->mates);
	mem_free(t->buffer);
	mem_free(t);
}
