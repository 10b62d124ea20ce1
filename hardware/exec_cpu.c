/* Cores with caches and a matrix unit each (AMX) or vectors (AVX-512). Every operator is a parallel region that ends in a
 * barrier; products pad to the matrix unit's tiles; activations stay in the caches while they fit; on more than one socket
 * a half of what an operator hands on crosses the link between them. */
#include "hardware/exec.h"

#include <math.h>

static void cpu_price(const struct device *d, const struct op *op, struct op_cost *out)
{
	const struct execution *e = &d->execution;
	double memory = exec_memory_s(d, op, &out->bytes), compute = exec_compute_s(d, op), cross = 0;
	struct op_traffic t;

	op_traffic(op, &t);
	if (e->noc_bytes_s > 0)
		cross = t.activations / 2 / e->noc_bytes_s;
	exec_finish(d, op, exec_start_s(d, op) + (e->sync_s > 0 ? e->sync_s : 0), compute, memory, cross, out);
}
const struct exec_ops exec_cpu = { .name = "cpu", .help = "cores with caches, matrix tiles and a barrier after every operator",
				   .price = cpu_price };
