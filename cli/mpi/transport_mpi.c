/* The processes of one mpirun as a transport (sim/plan/team.h). A shared object of its own, opened only under a launcher: MPI takes
 * longer to load than the whole program takes to start. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/plan/team.h"

extern const struct transport_ops vibee_transport;

/* Messages on their way. The bytes have to stay until they have left; a process that is gone never takes its own. */
enum { SENDS_MOST = 4096, LAST_LOOKS = 500 };
struct sending {
	MPI_Request request;
	void *bytes;
};
static struct sending sends[SENDS_MOST];       /* of this process; the transport is used from one thread */

static bool mpi_start(int *rank, int *size)
{
	int threads;

	/* Only the thread that talks calls MPI; others compute. */
	if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads) != MPI_SUCCESS)
		return false;
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	return MPI_Comm_rank(MPI_COMM_WORLD, rank) == MPI_SUCCESS && MPI_Comm_size(MPI_COMM_WORLD, size) == MPI_SUCCESS;
}

/* Frees what has left; how many are still on their way. */
static int under_way(void)
{
	int n = 0;

	for (int i = 0; i < SENDS_MOST; i++) {
		int gone = 0;

		if (sends[i].bytes && MPI_Test(&sends[i].request, &gone, MPI_STATUS_IGNORE) == MPI_SUCCESS && gone) {
			free(sends[i].bytes);
			sends[i].bytes = NULL;
		}
		n += sends[i].bytes != NULL;
	}
	return n;
}

static struct sending *place(void)
{
	under_way();
	for (int i = 0; i < SENDS_MOST; i++)
		if (!sends[i].bytes)
			return &sends[i];
	return NULL;
}

static bool mpi_send(int to, const void *bytes, size_t count)
{
	struct sending *s = place();

	if (!s || !(s->bytes = malloc(count)))
		return false;
	memcpy(s->bytes, bytes, count);
	return MPI_Isend(s->bytes, (int)count, MPI_BYTE, to, 0, MPI_COMM_WORLD, &s->request) == MPI_SUCCESS;
}

static bool mpi_pending(int *from, size_t *count)
{
	MPI_Status status;
	int there = 0, bytes = 0;

	if (MPI_Iprobe(MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &there, &status) != MPI_SUCCESS || !there)
		return false;
	MPI_Get_count(&status, MPI_BYTE, &bytes);
	*from = status.MPI_SOURCE;
	*count = (size_t)bytes;
	return true;
}

static bool mpi_receive(int from, void *bytes, size_t count)
{
	return MPI_Recv(bytes, (int)count, MPI_BYTE, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE) == MPI_SUCCESS;
}

static void mpi_stop(bool clean)
{
	/* With a process gone, finalising would wait for it for ever. The results are out by now; what can still leave does. */
	if (!clean) {
		for (int i = 0; i < LAST_LOOKS && under_way() > 0; i++)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		return;
	}
	for (int i = 0; i < SENDS_MOST; i++)
		if (sends[i].bytes)
			MPI_Wait(&sends[i].request, MPI_STATUS_IGNORE);
	MPI_Finalize();
}

const struct transport_ops vibee_transport = {
	.name = "mpi", .start = mpi_start, .send = mpi_send, .pending = mpi_pending, .receive = mpi_receive, .stop = mpi_stop,
};
