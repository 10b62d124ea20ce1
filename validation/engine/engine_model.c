#include "validation/engine/engine_model.h"

#include "base/mem.h"

struct packing {
	const struct weight_source *source;
	struct engine_model *m;
	float *rows;                           /* one matrix at a time */
	bool ternary;                          /* matrices of layers */
	int threads;
	struct err *err;
};

/* One matrix made of up to three parts of `cols` columns each. */
struct part {
	enum weight_role role;
	int64_t rows;
};

/* Reads the parts into p->rows, one below the other: how many rows; -1 on failure. */
static int64_t read_parts(struct packing *p, const struct part *parts, int count, int64_t layer, int64_t expert, int64_t cols)
{
	int64_t rows = 0;

	for (int i = 0; i < count; i++) {
		if (!weight_source_read(p->source, parts[i].role, layer, expert, 0, parts[i].rows, cols, p->rows + rows * cols, p->err))
			return -1;
		rows += parts[i].rows;
	}
	return rows;
}

static struct weights *pack(struct packing *p, enum kernel_format format, const struct part *parts, int count, int64_t layer, int64_t expert, int64_t cols)
{
	int64_t rows = read_parts(p, parts, count, layer, expert, cols);
	struct weights *w;

	if (rows < 0)
		return NULL;
	w = weights_pack(format, p->rows, cols, rows, cols, p->threads, p->err);
	if (w)
		p->m->bytes += (double)weights_bytes(w);
	return w;
}

/* A matrix of a layer: packed in the model's format, or ternary. */
static bool pack_layer(struct packing *p, const struct part *parts, int count, int64_t layer, int64_t cols, struct weights **w, struct ternary_matrix **t)
{
	int64_t rows;

	if (!p->ternary)
		return (*w = pack(p, p->m->format, parts, count, layer, 0, cols)) != NULL;
	rows = read_parts(p, parts, count, layer, 0, cols);
	*t = rows < 0 ? NULL : ternary_matrix_new(p->rows, rows, cols, p->err);
	if (*t)
		p->m->bytes += (double)ternary_matrix_bytes(*t);
	return *t != NULL;
}

static float *vector(struct packing *p, enum weight_role role, int64_t layer, int64_t n)
{
	float *out = mem_alloc_aligned((size_t)n * sizeof(*out));

	if (!out) {
		err_memory(p->err);
		return NULL;
	}
	if (weight_source_read(p->source, role, layer, 0, 0, 1, n, out, p->err)) {
		p->m->bytes += 4 * (double)n;
		return out;
	}
	mem_free(out);
	return NULL;
}

static bool pack_attention(struct packing *p, struct engine_layer *l, int64_t i)
{
	const struct engine_shape *s = &p->m->shape;
	int64_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
	const struct part qkv[] = { { WEIGHT_Q, q }, { WEIGHT_K, kv }, { WEIGHT_V, kv } }, o = { WEIGHT_O, s->hidden };

	if (!(l->attention_norm = vector(p, WEIGHT_ATTENTION_NORM, i, s->hidden)) || !pack_layer(p, qkv, 3, i, s->hidden, &l->qkv, &l->ternary_qkv) ||
	    !pack_layer(p, &o, 1, i, q, &l->o, &l->ternary_o))
		return false;
	if (s->qk_norm && (!(l->q_norm = vector(p, WEIGHT_Q_NORM, i, s->head_dim)) || !(l->k_norm = vector(p, WEIGHT_K_NORM, i, s->head_dim))))
		return false;
	if (!s->qkv_bias)
		return true;
	l->qkv_bias = mem_alloc_aligned((size_t)(q + 2 * kv) * sizeof(float));
	if (!l->qkv_bias)
		return err_memory(p->err);
	return weight_source_read(p->source, WEIGHT_Q_BIAS, i, 0, 0, 1, q, l->qkv_bias, p->err) &&
	       weight_source_read(p->source, WEIGHT_K_BIAS, i, 0, 0, 1, kv, l->qkv_bias + q, p->err) &&
	       weight_source_read(p->source, WEIGHT_V_BIAS, i, 0, 0, 1, kv, l->qkv_bias + q + kv, p->err);
}

static bool pack_mlp(struct packing *p, struct engine_layer *l, int64_t i)
{
	const struct engine_shape *s = &p->m->shape;
	int64_t w = s->experts ? s->expert_width : s->intermediate;
	const struct part gate_up[] = { { WEIGHT_GATE, w }, { WEIGHT_UP, w } }, down = { WEIGHT_DOWN, s->hidden }, router = { WEIGHT_ROUTER, s->experts };
	const struct part expert[] = { { WEIGHT_EXPERT_GATE, w }, { WEIGHT_EXPERT_UP, w } }, expert_down = { WEIGHT_EXPERT_DOWN, s->hidden };

	if (!(l->mlp_norm = vector(p, WEIGHT_MLP_NORM, i, s->hidden)))
		return false;
	if (!s->experts)
		return pack_layer(p, gate_up, 2, i, s->hidden, &l->gate_up, &l->ternary_gate_up) && pack_layer(p, &down, 1, i, w, &l->down, &l->ternary_down);
	l->expert_gate_up = mem_calloc((size_t)s->experts, sizeof(struct weights *));
	l->expert_down = mem_calloc((size_t)s->experts, sizeof(struct weights *));
	if (!l->expert_gate_up || !l->expert_down)
		return err_memory(p->err);
	if (!(l->router = pack(p, KERNEL_FP32, &router, 1, i, 0, s->hidden)))
		return false;
	for (int64_t e = 0; e < s->experts; e++)
		if (!(l->expert_gate_up[e] = pack(p, p->m->format, expert, 2, i, e, s->hidden)) ||
		    !(l->expert_down[e] = pack(p, p->m->format, &expert_down, 1, i, e, w)))
			return false;
	return true;
}

/* The table is looked up, not multiplied: fp32, or bf16 beside narrower weights. Read in strips. */
static bool load_embedding(struct packing *p)
{
	struct engine_model *m = p->m;
	int64_t h = m->shape.hidden, strip = 256;
	size_t each = m->embedding_format == KERNEL_FP32 ? 4 : 2;

	m->embedding = mem_alloc_aligned((size_t)(m->shape.vocab * h) * each);
	if (!m->embedding)
		return err_memory(p->err);
	for (int64_t row = 0; row < m->shape.vocab; row += strip) {
		int64_t n = row + strip < m->shape.vocab ? strip : m->shape.vocab - row;

		if (!weight_source_read(p->source, WEIGHT_EMBEDDING, 0, 0, row, n, h, p->rows, p->err))
			return false;
		for (int64_t i = 0; i < n * h; i++) {
			if (each == 4)
				((float *)m->embedding)[row * h + i] = p->rows[i];
			else
				((uint16_t *)m->embedding)[row * h + i] = bf16_from_float(p->rows[i]);
		}
	}
	m->bytes += (double)each * (double)(m->shape.vocab * h);
	return true;
}

/* The largest matrix that is read whole, elements. */
static int64_t largest(const struct engine_shape *s)
{
	int64_t q = (s->heads + 2 * s->kv_heads) * s->head_dim, w = 2 * (s->experts ? s->expert_width : s->intermediate), rows = q > w ? q : w;

	rows = rows > s->vocab ? rows : s->vocab;
	rows = rows > s->experts ? rows : s->experts;
	rows = rows > 256 ? rows : 256;
	return rows * (s->hidden > s->heads * s->head_dim ? s->hidden : s->heads * s->head_dim);
}

static bool pack_all(struct packing *p)
{
	struct engine_model *m = p->m;
	const struct part head = { m->shape.tied ? WEIGHT_EMBEDDING : WEIGHT_HEAD, m->shape.vocab };

	for (int64_t i = 0; i < m->shape.layers; i++)
		if (!pack_attention(p, &m->layers[i], i) || !pack_mlp(p, &m->layers[i], i))
			return false;
	return load_embedding(p) && (m->final_norm = vector(p, WEIGHT_FINAL_NORM, 0, m->shape.hidden)) &&
	       (m->head = pack(p, m->format, &head, 1, 0, 0, m->shape.hidden));
}

static struct engine_model *model_new(const struct weight_source *source, enum kernel_format format, bool ternary, int threads, struct err *err)
{
	struct engine_model *m = mem_calloc(1, sizeof(*m));
	struct packing p = { .source = source, .m = m, .ternary = ternary, .threads = threads, .err = err };
	bool ok = false;

	if (m) {
		m->shape = *weight_source_shape(source);
		m->format = format;
		m->embedding_format = format == KERNEL_FP32 ? KERNEL_FP32 : KERNEL_BF16;
		m->layers = mem_calloc((size_t)m->shape.layers, sizeof(*m->layers));
		p.rows = mem_alloc_aligned((size_t)largest(&m->shape) * sizeof(float));
	}
	if (!m || !m->layers || !p.rows)
		err_memory(err);
	else
		ok = pack_all(&p);
	mem_free(p.rows);
	if (ok)
		return m;
	engine_model_free(m);
	return NULL;
}

struct engine_model *engine_model_new(const struct weight_source *source, enum kernel_format format, int threads, struct err *err)
{
	return model_new(source, format, false, threads, err);
}

struct engine_model *engine_model_ternary(const struct weight_source *source, enum kernel_format format, int threads, struct err *err)
{
	if (weight_source_shape(source)->experts > 0) {
		err_set(err, ERR_INPUT, "--with: the engine has ternary weights for dense models, not for experts");
		return NULL;
	}
	return model_new(source, format, true, threads, err);
}

void engine_model_free(struct engine_model *m)
{
	if (!m)
		return;
	for (int64_t i = 0; m->layers && i < m->shape.layers; i++) {
		struct engine_layer *l = &m->layers[i];

		for (int64_t e = 0; e < m->shape.experts; e++) {
			if (l->expert_gate_up)
				weights_free(l->expert_gate_up[e]);
			if (l->expert_down)
				weights_free(l->expert_down[e]);
		}
		mem_free(l->expert_gate_up);
		mem_free(l->expert_down);
		weights_free(l->qkv);
		weights_free(l->o);
		weights_free(l->gate_up);
		weights_free(l->down);
		ternary_matrix_free(l->ternary_qkv);
		ternary_matrix_free(l->ternary_o);
		ternary_matrix_free(l->ternary_gate_up);
		ternary_matrix_free(l->ternary_down);
		weights_free(l->router);
		mem_free(l->attention_norm);
		mem_free(l->mlp_norm);
		mem_free(l->q_norm);
		mem_free(l->k_norm);
		mem_free(l->qkv_bias);
	}
	weights_free(m->head);
	mem_free(m->final_norm);
	mem_free(m->embedding);
	mem_free(m->layers);
	mem_free(m);
}
