#include "validation/engine/engine_shape.h"

#include "base/str.h"

static bool refuse(const struct model *m, const char *what, struct err *err)
{
	return err_set(err, ERR_INPUT, "model '%s': the engine runs Llama-style models (RMSNorm, rotary positions, SwiGLU); it has no %s", m->name, what);
}

bool engine_shape_of(const struct model *m, struct engine_shape *out, struct err *err)
{
	const struct model_attention *a = &m->attention;
	int64_t dense = 0, windowed = 0;

	for (int64_t i = 0; i < m->shape.layers; i++) {
		struct layer l;

		model_layer(m, i, &l);
		if (l.mixer != MIXER_ATTENTION || l.ffn == FFN_NONE)
			return refuse(m, l.mixer == MIXER_MLA ? "latent attention" : "recurrent or missing layers", err);
		dense += l.ffn == FFN_DENSE;
		windowed += l.window > 0;
	}
	if (m->shape.norm != NORM_RMS)
		return refuse(m, "LayerNorm", err);
	if (m->shape.position != POSITION_ROPE)
		return refuse(m, "other positions than rotary ones", err);
	if (dense > 0 && (dense < m->shape.layers || !m->mlp.gated))
		return refuse(m, dense < m->shape.layers ? "mix of dense layers and experts" : "MLP without a gate", err);
	if (windowed > 0 && windowed < m->shape.layers)
		return refuse(m, "mix of windows", err);
	if (m->shape.parallel || a->output_gate || a->sinks || a->bias == BIAS_QKVO || a->qk_norm == QK_NORM_FULL || m->mlp.bias || m->moe.shared_experts > 0 ||
	    m->moe.latent > 0 || m->override_count > 0 || m->shape.embedding_dim > 0)
		return refuse(m, "parallel blocks, gates, sinks, biases of the output, shared experts or layers of other sizes", err);
	*out = (struct engine_shape){ .layers = m->shape.layers, .hidden = m->shape.hidden, .heads = a->heads, .kv_heads = a->kv_heads, .head_dim = a->head_dim,
				      .intermediate = m->mlp.intermediate, .vocab = m->shape.vocab, .context = m->shape.max_context, .tied = m->shape.tied,
				      .window = windowed ? a->window : 0, .qkv_bias = a->bias == BIAS_QKV, .qk_norm = a->qk_norm == QK_NORM_HEAD,
				      .renormalise = true, .rope_theta = 10000, .eps = 1e-5 };
	if (dense == 0) {
		out->experts = m->moe.experts;
		out->top_k = m->moe.top_k;
		out->expert_width = m->moe.expert_intermediate;
	}
	return engine_shape_check(out, m->name, err);
}

bool engine_shape_check(const struct engine_shape *s, const char *origin, struct err *err)
{
	const struct { const char *name; int64_t value, most; } sizes[] = {
		{ "layers", s->layers, 4096 }, { "hidden", s->hidden, 1 << 17 }, { "heads", s->heads, 4096 }, { "kv_heads", s->kv_heads, 4096 },
		{ "head_dim", s->head_dim, 1024 }, { "vocab", s->vocab, 1 << 22 },
		{ "intermediate", s->experts ? s->expert_width : s->intermediate, 1 << 20 },
	};

	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		if (sizes[i].value < 1 || sizes[i].value > sizes[i].most)
			return err_set(err, ERR_INPUT, "%s: %s=%lld: expected 1 to %lld", origin, sizes[i].name, (long long)sizes[i].value, (long long)sizes[i].most);
	if (s->heads % s->kv_heads != 0)
		return err_set(err, ERR_INPUT, "%s: heads=%lld is no multiple of kv_heads=%lld", origin, (long long)s->heads, (long long)s->kv_heads);
	if (s->head_dim % 2 != 0)
		return err_set(err, ERR_INPUT, "%s: head_dim=%lld: expected an even number", origin, (long long)s->head_dim);
	if (s->experts < 0 || s->experts > 4096 || (s->experts > 0 && (s->top_k < 1 || s->top_k > s->experts)))
		return err_set(err, ERR_INPUT, "%s: experts=%lld, top_k=%lld: expected 1 to experts", origin, (long long)s->experts, (long long)s->top_k);
	return true;
}

double engine_shape_parameters(const struct engine_shape *s)
{
	double h = (double)s->hidden, qkv = (double)((s->heads + 2 * s->kv_heads) * s->head_dim), o = (double)(s->heads * s->head_dim);
	double mlp = s->experts ? 3 * (double)s->experts * (double)s->expert_width * h + (double)s->experts * h : 3 * (double)s->intermediate * h;

	return (double)s->layers * (h * (qkv + o) + mlp + 2 * h) + (double)s->vocab * h * (s->tied ? 1 : 2) + h;
}
