/* The processes of one mpirun as a transport (sim/plan/team.h). A shared object of its own, opened only under a launcher: MPI takes
 * longer to load than the whole program takes to start. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "sim/plan/team.h"

extern const struct transport_ops vibee_transport;

/* Messages on their way. The bytes have to stay until they have left; a process that is gone never takes its own. */
enum { SENDS_MOST = 4096 };
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

/* Frees what has left; the first free place, or NULL. */
static struct sending *place(void)
{
	struct sending *found = NULL;

	for (int i = 0; i < SENDS_MOST; i++) {
		int gone = 0;

		if (sends[i].bytes && MPI_Test(&sends[i].request, &gone, MPI_STATUS_IGNORE) == MPI_SUCCESS && gone) {
			free(sends[i].bytes);
			sends[i].bytes = NULL;
		}
		if (!sends[i].bytes && !found)
			found = &sends[i];
		if (found && !sends[i].bytes)
			break;
	}
	return found;
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
	/* With a process gone, finalising would wait for it for ever. The results are out by now. */
	if (!clean)
		return;
	for (int i = 0; i < SENDS_MOST; i++)
		if (sends[i].bytes)
			MPI_Wait(&sends[i].request, MPI_STATUS_IGNORE);
	MPI_Finalize();
}

const struct transport_ops vibee_transport = {
	.name = "mpi", .start = mpi_start, .send = mpi_send, .pending = mpi_pending, .receive = mpi_receive, .stop = mpi_stop,
};
