/* Processes that share work: all tasks are done whoever is lost, and everybody left knows whether somebody is. */
#include <CUnit/CUnit.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/plan/team.h"

enum { PROCESSES = 3, TASKS = 40, ROOM = 8192, CLEAN = 10, UNCLEAN = 11, BROKEN = 12 };

/* A socket for each process; a message carries its sender before its bytes. */
static int ends[PROCESSES][2], my_rank;
static bool left_clean;

static bool sockets_start(int *rank, int *size)
{
	*rank = my_rank;
	*size = PROCESSES;
	return true;
}

static bool sockets_send(int to, const void *bytes, size_t count)
{
	unsigned char whole[ROOM];

	memcpy(whole, &my_rank, sizeof(my_rank));
	memcpy(whole + sizeof(my_rank), bytes, count);
	return send(ends[to][1], whole, sizeof(my_rank) + count, MSG_DONTWAIT) > 0;
}

static bool sockets_pending(int *from, size_t *count)
{
	ssize_t n = recv(ends[my_rank][0], from, sizeof(*from), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(*from))
		return false;
	*count = (size_t)n - sizeof(*from);
	return true;
}

static bool sockets_receive(int from, void *bytes, size_t count)
{
	unsigned char whole[ROOM];

	(void)from;
	if (recv(ends[my_rank][0], whole, sizeof(whole), MSG_DONTWAIT) < 0)
		return false;
	memcpy(bytes, whole + sizeof(my_rank), count);
	return true;
}

static void sockets_stop(bool clean)
{
	left_clean = clean;
}

static const struct transport_ops sockets = {
	.name = "sockets", .silent_s = 2, .start = sockets_start, .send = sockets_send, .pending = sockets_pending,
	.receive = sockets_receive, .stop = sockets_stop,
};

/* Which process is lost, and when. */
enum loss { NOBODY, AT_WORK, IDLE, NOT_READY };

static bool square(void *ctx, const void *task, void *reply, struct err *err)
{
	int n;

	(void)err;
	memcpy(&n, task, sizeof(n));
	if (*(enum loss *)ctx == AT_WORK && my_rank == 2)
		raise(SIGKILL);
	nanosleep(&(struct timespec){ .tv_nsec = my_rank == 0 ? 20000000 : 1000000 }, NULL);   /* so that the others get some */
	n *= n;
	memcpy(reply, &n, sizeof(n));
	return true;
}

static struct team *join(enum loss *loss)
{
	struct team_work work = { .task_bytes = sizeof(int), .reply_bytes = sizeof(int), .execute = square, .ctx = loss };
	struct err err = { 0 };

	return team_new(&sockets, &work, 1, &err);
}

/* A process other than the first. */
static int other(enum loss loss)
{
	struct team *t = join(&loss);
	struct err err = { 0 };

	if (!t)
		return BROKEN;
	if (loss == IDLE && my_rank == 2)
		raise(SIGKILL);
	if ((loss != NOT_READY || my_rank != 2) && !team_serve(t, &err))
		return BROKEN;
	team_free(t);
	return left_clean ? CLEAN : UNCLEAN;
}

static void with(enum loss loss, size_t count)
{
	int tasks[TASKS], replies[TASKS], codes[PROCESSES];
	bool done[TASKS], all = loss == NOBODY, worked;
	pid_t pids[PROCESSES];
	struct err err = { 0 };
	struct team *t;

	for (int r = 0; r < PROCESSES; r++)
		CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends[r]) == 0);
	for (int r = 1; r < PROCESSES; r++) {
		pids[r] = fork();
		CU_ASSERT_FATAL(pids[r] >= 0);
		if (pids[r] == 0) {
			my_rank = r;
			_exit(other(loss));
		}
	}
	for (int i = 0; i < TASKS; i++)
		tasks[i] = i;
	t = join(&loss);
	CU_ASSERT_FATAL(t != NULL);
	worked = team_map(t, count, tasks, replies, done, &err);
	CU_ASSERT(worked == (loss != NOT_READY || count == 0));
	for (size_t i = 0; worked && i < count; i++)
		CU_ASSERT(done[i] && replies[i] == (int)(i * i));
	team_free(t);
	for (int r = 1; r < PROCESSES; r++)
		CU_ASSERT_FATAL(waitpid(pids[r], &codes[r], 0) == pids[r]);
	all |= loss == NOT_READY;
	CU_ASSERT(left_clean == all);
	CU_ASSERT(WIFEXITED(codes[1]) && WEXITSTATUS(codes[1]) == (all ? CLEAN : UNCLEAN));
	if (loss == AT_WORK || loss == IDLE) {
		CU_ASSERT(WIFSIGNALED(codes[2]));
	} else {
		CU_ASSERT(WIFEXITED(codes[2]) && WEXITSTATUS(codes[2]) == CLEAN);
	}
	for (int r = 0; r < PROCESSES; r++) {
		close(ends[r][0]);
		close(ends[r][1]);
	}
}

static void all_work_and_leave_together(void)
{
	with(NOBODY, TASKS);
}

static void one_lost_at_work(void)
{
	with(AT_WORK, TASKS);
}

/* With nothing to do for anybody: found out only when leaving. */
static void one_lost_while_idle(void)
{
	with(IDLE, 0);
}

static void one_that_could_not_begin(void)
{
	with(NOT_READY, TASKS);
	with(NOT_READY, 0);
}

CU_TestInfo suite_team[] = {
	{ "all work and leave together", all_work_and_leave_together },
	{ "one lost at work: the others do it, and know", one_lost_at_work },
	{ "one lost while it had nothing to do is missed when leaving", one_lost_while_idle },
	{ "one that could not begin says so, and leaves with the others", one_that_could_not_begin },
	CU_TEST_INFO_NULL,
};
