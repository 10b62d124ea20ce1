#include "sim/train/pipeline.h"

#include <math.h>

static double backward(const struct chunk_time *t)
{
	return t->pass_s[PASS_BACKWARD] + t->pass_s[PASS_WEIGHT];
}

/* After the last pass of the first rank: what its reductions add to the step at least. */
static double reduced(const struct pipeline_options *o, int rank, double last_backward_s)
{
	double alone = 0, open = 0, hidden;

	for (int c = 0; c < o->chunks_a_rank; c++)
		alone += o->chunks[c * o->ranks + rank].reduce_s * (1 - o->overlap);
	if (rank > 0)
		return alone;
	hidden = o->chunks[0].reduce_s * o->overlap;
	open = fmax(0, hidden - last_backward_s * o->overlap);
	/* With one chunk the collective begins when that chunk's last pass does, and slows it. */
	if (o->chunks_a_rank == 1)
		open += fmin(hidden, last_backward_s * o->overlap) * o->contention;
	return alone + open;
}

/* A micro-batch's passes through all chunks of a rank. */
static double work(const struct pipeline_options *o, int rank)
{
	double sum = 0;

	if (o->schedule->chunks == CHUNKS_V)
		return o->chunks[rank].pass_s[PASS_FORWARD] + backward(&o->chunks[rank]) + o->chunks[2 * o->ranks - 1 - rank].pass_s[PASS_FORWARD] +
		       backward(&o->chunks[2 * o->ranks - 1 - rank]);
	/* Two copies, half of the micro-batches each. */
	if (o->schedule->chunks == CHUNKS_BOTH)
		return (fmin(backward(&o->chunks[rank]), backward(&o->chunks[o->ranks - 1 - rank])) +
			fmin(o->chunks[rank].pass_s[PASS_FORWARD], o->chunks[o->ranks - 1 - rank].pass_s[PASS_FORWARD]));
	for (int c = rank; c < o->ranks * o->chunks_a_rank; c += o->ranks)
		sum += o->chunks[c].pass_s[PASS_FORWARD] + backward(&o->chunks[c]);
	return sum;
}

/* One micro-batch all the way there and back. */
static double way(const struct pipeline_options *o)
{
	int chunks = o->ranks * o->chunks_a_rank;
	double sum = 0;

	for (int c = 0; c < chunks; c++)
		sum += o->chunks[c].pass_s[PASS_FORWARD] + backward(&o->chunks[c]) + (c + 1 < chunks && o->ranks > 1 ? 2 * o->chunks[c].send_s : 0);
	return sum;
}

double pipeline_bound(const struct pipeline_options *o)
{
	const struct schedule_ops *s = o->schedule;
	double head = 0, tail = 0, arithmetic = 0, end = 0;

	for (int r = 0; r < o->ranks; r++) {
		double busy = work(o, r) * o->micros;

		if (s->chunks != CHUNKS_ROUND) {
			arithmetic = fmax(arithmetic, busy);
			continue;
		}
		/* The first pass of a rank needs the forward passes of all before it; its last is a backward pass, which all before
		 * it wait for (weights' gradients that are passes of their own: at any time). */
		if (!s->split)
			end = fmax(end, head + busy + (r > 0 ? reduced(o, r, 0) : 0));
		arithmetic = fmax(arithmetic, head + busy + tail);
		head += o->chunks[r].pass_s[PASS_FORWARD] + o->chunks[r].send_s;
		tail += s->split ? 0 : backward(&o->chunks[r]) + o->chunks[r].send_s;
	}
	if (s->split)
		return arithmetic;
	arithmetic = fmax(arithmetic, way(o));
	return fmax(end, arithmetic + reduced(o, 0, backward(&o->chunks[0])));
}

double pipeline_held(const struct schedule_ops *schedule, int ranks, int chunks_a_rank, int micros, struct slot *scratch)
{
	int most = 0;

	if (!schedule->order || schedule->split)
		return 0;
	for (int r = 0; r < ranks; r++) {
		int held = 0;

		schedule->order(r, ranks, chunks_a_rank, micros, scratch);
		for (int i = 0; i < 2 * micros * chunks_a_rank; i++) {
			held += scratch[i].pass == PASS_FORWARD ? 1 : -1;
			most = held > most ? held : most;
		}
	}
	return most;
}
