/* The dense feed-forward part. */
#include "models/graph_build.h"

/* hidden -> intermediate (gate and up in one GEMM) -> hidden, columns over the tensor ranks. RWKV's channel mix is the
 * two-matrix form; the 6th generation gates its result with a projection of the input. */
void build_mlp(struct build *b, const struct layer *l)
{
	const struct model_mlp *mlp = &b->m->mlp;
	int64_t h = b->m->shape.hidden, width = build_local(b, l->intermediate);
	struct node *n;

	build_gemm(b, mlp->gated ? "gate_up_proj" : "up_proj", b->p.gate_up, h, width * (mlp->gated ? 2 : 1));
	n = build_rows(b, "activation", OP_ACTIVATION, width);
	if (n)
		n->op.gated = mlp->gated;
	if (mlp->sub_norm)
		build_rows(b, "mlp_sub_norm", OP_NORM, width);
	build_gemm(b, "down_proj", b->p.weights, width, h);
	if (b->m->recurrent.kind == RECURRENT_RWKV6) {
		build_gemm(b, "receptance_proj", b->p.weights, h, build_local(b, h));
		n = build_rows(b, "receptance", OP_ACTIVATION, build_local(b, h));
		if (n)
			n->op.gated = true;
	}
}
