#include "validation/kernel_ops.h"

#include <string.h>

static bool is_attention(const struct kernel_family *f)
{
	return !strncmp(f->name, "attention", 9);
}

bool kernel_op(const struct kernel_family *f, const struct shape *s, struct op *out)
{
	int kind = f->op ? op_kind_parse(f->op) : -1;

	*out = (struct op){ 0 };
	if (kind < 0)
		return false;
	out->kind = (enum op_kind)kind;
	out->dtype = (enum dtype)dtype_parse(kernel_format_names[s->format]);
	out->kv_dtype = is_attention(f) || kind == OP_KV_APPEND ? (enum dtype)dtype_parse(kernel_format_names[s->kv_format]) : DTYPE_NONE;
	out->m = s->m;
	out->n = s->n;
	out->k = s->k;
	out->batch = s->batch;
	out->heads = s->heads;
	out->kv_heads = s->kv_heads;
	out->head_dim = s->head_dim;
	out->q_len = s->q_len;
	out->kv_len = (double)s->kv_len;
	out->window = s->window;
	out->experts = out->experts_total = s->experts;
	out->top_k = s->top_k;
	out->bytes = (double)s->bytes;
	out->devices = (int)s->devices;
	out->gated = kind == OP_MOE || !strcmp(f->name, "activation");
	return true;
}

void kernel_shape_text(const struct kernel_family *f, const struct shape *s, struct str *out)
{
	const struct { const char *name; int64_t value; } parts[] = {
		{ "m", s->m }, { "n", s->n }, { "k", s->k }, { "batch", s->batch }, { "heads", s->heads }, { "kv_heads", s->kv_heads },
		{ "head_dim", s->head_dim }, { "q_len", s->q_len }, { "kv_len", s->kv_len }, { "window", s->window },
		{ "experts", s->experts }, { "top_k", s->top_k }, { "bytes", s->bytes }, { "devices", s->devices },
	};

	str_addf(out, "%s %s", f->name, kernel_format_names[s->format]);
	if (is_attention(f) || s->kv_format != KERNEL_FP32)
		str_addf(out, "/%s", kernel_format_names[s->kv_format]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].value)
			str_addf(out, " %s=%lld", parts[i].name, (long long)parts[i].value);
}
