/* Recurrent mixers: their projections as GEMMs, the short convolution, and the scan over tokens. */
#include <string.h>

#include "base/str.h"
#include "models/graph_build.h"
#include "models/tensors.h"

enum phase { PHASE_IN, PHASE_BETWEEN, PHASE_OUT };
struct projections {
	struct build *b;
	enum phase phase; /* which of the projections this visit is for */
	int64_t in_width; /* the in_proj pieces that one GEMM computes */
};

static int64_t local_cols(const struct build *b, const struct tensor *t)
{
	int64_t cols = (int64_t)t->cols;

	return t->units > 0 ? build_local(b, t->units) * (cols / t->units) + (cols % t->units) / b->p.tp : cols;
}

static enum phase phase_of(const char *label)
{
	if (strcmp(label, "out_proj") == 0)
		return PHASE_OUT;
	return text_starts(label, "in_proj") && strcmp(label, "in_proj_ba") != 0 ? PHASE_IN : PHASE_BETWEEN;
}

/* Every matrix of the mixer is a GEMM. Those that read sharded channels (out_proj, x_proj) are cut along k, the others
 * along n; all in_proj pieces but the small per-head gates (in_proj_ba) are one GEMM. */
static void project(const struct tensor *t, void *ctx)
{
	struct projections *p = ctx;

	if (t->class != TENSOR_RECURRENT || !t->matrix || phase_of(t->label) != p->phase)
		return;
	if (p->phase == PHASE_IN)
		p->in_width += local_cols(p->b, t);
	else if (p->phase == PHASE_OUT || strcmp(t->label, "x_proj") == 0)
		build_gemm(p->b, t->label, p->b->p.recurrent, build_local(p->b, (int64_t)t->rows), (int64_t)t->cols);
	else
		build_gemm(p->b, t->label, p->b->p.recurrent, (int64_t)t->rows, local_cols(p->b, t));
}

/* What the recurrence does for one token on this rank. */
struct scan {
	double step_flops, chunk_flops; /* one token at a time; in chunks of C tokens */
	double state;                   /* elements a sequence */
	int64_t values;                 /* elements read and written a token beside the state */
	int64_t conv_channels;
};

/* FLOPs: N state elements a channel or key width, P values a head, H heads. Step: decay, outer product, addition and the
 * read-out; chunked forms replace them by products within the chunk (2 C a key and value element) and with the state
 * (Mamba-2, arXiv 2405.21060, section 6; gated delta net, arXiv 2412.06464; xLSTM, arXiv 2503.14376). */
static struct scan mamba_scan(const struct build *b)
{
	const struct model_recurrent *r = &b->m->recurrent;
	double inner, c = (double)r->chunk, n = (double)r->state;
	struct scan s = { 0 };

	if (r->kind == RECURRENT_MAMBA1) {
		int64_t channels = build_local(b, r->inner);

		inner = (double)channels;
		s.step_flops = s.chunk_flops =
			8 * inner * n; /* exp, two products and a sum a state element, then the read-out */
		s.values = 4 * channels + 2 * r->state;
		s.conv_channels = channels;
	} else {
		int64_t heads = build_local(b, r->heads), width = r->inner / r->heads,
			bc = 2 * build_local(b, r->groups) * r->state;

		inner = (double)(heads * width);
		s.step_flops = 5 * inner * n;
		s.chunk_flops = 4 * inner * n + 2 * c * ((double)heads * n + inner);
		s.values = 3 * heads * width + bc + heads;
		s.conv_channels = heads * width + bc;
	}
	s.state = inner * n;
	return s;
}

static struct scan head_scan(const struct build *b)
{
	const struct model_recurrent *r = &b->m->recurrent;
	int64_t heads = build_local(b, r->heads), keys = r->key_dim > 0 ? r->key_dim : r->head_dim;
	double h = (double)heads, k = (double)keys, v = (double)r->head_dim, c = (double)r->chunk;
	struct scan s = { .state = h * k * v, .values = heads * (2 * keys + 2 * r->head_dim) };

	switch ((enum recurrent_kind)r->kind) {
	case RECURRENT_GDN: /* the delta rule reads the state before it writes */
		s.step_flops = 7 * h * k * v;
		s.chunk_flops = h * (6 * k * v + 2 * c * (3 * k + 2 * v));
		s.conv_channels = 2 * build_local(b, r->key_heads) * keys + heads * r->head_dim;
		break;
	case RECURRENT_RWKV6:
		s.step_flops = 7 * h * k * v;
		s.chunk_flops = h * (4 * k * v + 2 * c * (k + v));
		break;
	case RECURRENT_RWKV7: /* and a rank-one correction of the state */
		s.step_flops = 9 * h * k * v;
		s.chunk_flops = h * (6 * k * v + 2 * c * (3 * k + 2 * v));
		break;
	default:
		s.step_flops = 5 * h * k * v;
		s.chunk_flops = h * (4 * k * v + 2 * c * (k + v));
		s.state += h * (k + 1);
		break;
	}
	return s;
}

static struct node *scan_node(struct build *b, const struct scan *s, const char *label, enum node_scale scale,
			      double flops)
{
	struct node *n = build_node(b, label, OP_SCAN, b->p.activations, scale);

	if (!n)
		return NULL;
	n->op.n = (int64_t)flops;
	n->op.k = s->values;
	n->op.bytes = s->state * b->m->recurrent.state_bytes;
	return n;
}

/* The recurrence runs over prefill tokens (state once a pass) and over decoding sequences (state in and out each). */
void build_recurrent(struct build *b)
{
	const struct model_recurrent *r = &b->m->recurrent;
	bool mamba = r->kind == RECURRENT_MAMBA1 || r->kind == RECURRENT_MAMBA2;
	struct scan s = mamba ? mamba_scan(b) : head_scan(b);
	struct projections p = { .b = b };
	struct layer mixer = { .mixer = MIXER_RECURRENT };
	struct node *n;

	layer_tensors(b->m, &mixer, project, &p);
	build_gemm(b, "in_proj", b->p.recurrent, b->m->shape.hidden, p.in_width);
	p.phase = PHASE_BETWEEN;
	layer_tensors(b->m, &mixer, project, &p);
	if (r->kind == RECURRENT_MAMBA1)
		build_comm(b, "x_proj_all_reduce", OP_ALL_REDUCE, b->p.tp, 1,
			   (double)(r->dt_rank + 2 * r->state) * b->bytes * b->share);
	if (s.conv_channels > 0 && r->conv > 1) {
		n = build_rows(b, "conv", OP_CONV, s.conv_channels);
		if (n)
			n->op.k = r->conv;
	}
	scan_node(b, &s, "scan_prefill", PER_PREFILL_TOKENS, s.chunk_flops);
	scan_node(b, &s, "scan_decode", PER_DECODES, s.step_flops);
	if (r->kind != RECURRENT_MAMBA1)
		build_rows(b, "scan_norm", OP_NORM, build_local(b, mamba ? r->inner : r->heads * r->head_dim));
	p.phase = PHASE_OUT;
	layer_tensors(b->m, &mixer, project, &p);
}
