#include "cli/op_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OP(member) offsetof(struct op_row, op.member)
#define COUNT(name_, most_, contract_) \
	{ .name = #name_, .type = OP_FIELD_COUNT_OF, .offset = OP(name_), .most = most_, .contract = contract_ }

const struct op_field op_fields[] = {
	{ .name = "op", .type = OP_FIELD_KIND, .offset = OP(kind), .contract = true },
	{ .name = "dtype", .type = OP_FIELD_DTYPE, .offset = OP(dtype), .contract = true },
	{ .name = "kv_dtype", .type = OP_FIELD_DTYPE, .offset = OP(kv_dtype), .contract = true },
	COUNT(m, 1e12, true), COUNT(n, 1e9, true), COUNT(k, 1e9, true), COUNT(batch, 1e9, true), COUNT(heads, 1e6, true),
	COUNT(kv_heads, 1e6, true), COUNT(head_dim, 1e6, true), COUNT(q_len, 1e9, true),
	{ .name = "kv_len", .type = OP_FIELD_NUMBER, .offset = OP(kv_len), .most = 1e9, .contract = true },
	COUNT(window, 1e9, true), COUNT(experts, 1e6, true), COUNT(top_k, 1e6, true),
	{ .name = "bytes", .type = OP_FIELD_NUMBER, .offset = OP(bytes), .most = 1e15, .contract = true },
	{ .name = "devices", .type = OP_FIELD_RANKS, .offset = OP(devices), .most = 1e6, .contract = true },
	{ .name = "stack", .type = OP_FIELD_STACK, .offset = offsetof(struct op_row, stack), .contract = true },
	COUNT(v_head_dim, 1e6, false), COUNT(experts_total, 1e6, false),
	{ .name = "gated", .type = OP_FIELD_FLAG, .offset = OP(gated) },
	{ .name = "imbalance", .type = OP_FIELD_NUMBER, .offset = OP(imbalance), .most = 1e6 },
	{ .name = "devices_per_node", .type = OP_FIELD_RANKS, .offset = OP(devices_per_node), .most = 1e6 },
};
const size_t op_field_count = COUNT_OF(op_fields);

const char *const op_result_names[] = { "seconds", "flops", "bytes_moved", "bound", "provider", "expected_rel_error", NULL };

void op_row_init(struct op_row *row)
{
	*row = (struct op_row){ .op = { .kind = OP_KIND_COUNT, .dtype = DTYPE_NONE, .kv_dtype = DTYPE_NONE, .gated = true } };
}

static bool refuse(const struct op_field *f, const char *text, const char *origin, const char *expected, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s: %s=\"%.60s\": expected %s", origin, f->name, text, expected);
}

static bool set_name(struct op_row *row, const struct op_field *f, const char *text, const char *origin, struct err *err)
{
	bool kind = f->type == OP_FIELD_KIND;
	const char *const *names = kind ? op_kind_names : dtype_names, *near;
	int v = kind ? op_kind_parse(text) : dtype_parse(text);
	struct str expected = { 0 };
	size_t n = 0;

	if (v >= 0) {
		if (kind)
			row->op.kind = (enum op_kind)v;
		else if (f->offset == OP(dtype))
			row->op.dtype = (enum dtype)v;
		else
			row->op.kv_dtype = (enum dtype)v;
		return true;
	}
	while (names[n])
		n++;
	near = text_nearest(text, names, n);
	if (near) {
		str_addf(&expected, "%s; did you mean '%s'?", kind ? "an operator" : "a number format", near);
	} else {
		str_add(&expected, "one of");
		for (size_t i = kind ? 0 : 1; i < n; i++)
			str_addf(&expected, " %s", names[i]);
	}
	refuse(f, text, origin, str_text(&expected), err);
	str_release(&expected);
	return false;
}

static bool set_number(unsigned char *at, const struct op_field *f, const char *text, const char *origin, struct err *err)
{
	char expected[64];
	bool whole = f->type != OP_FIELD_NUMBER;
	double v = 0;
	int64_t n = 0;
	int ranks;
	bool ok = whole ? text_to_int64(text, &n) : text_to_double(text, &v);

	if (!ok && !whole)
		whole = ok = text_to_int64(text, &n);  /* 16M */
	if (whole)
		v = (double)n;
	if (!ok || v < 0 || v > f->most) {
		snprintf(expected, sizeof(expected), "a %s from 0 to %g", whole ? "whole number" : "number", f->most);
		return refuse(f, text, origin, expected, err);
	}
	ranks = (int)n;
	if (f->type == OP_FIELD_RANKS)
		memcpy(at, &ranks, sizeof(ranks));
	else if (f->type == OP_FIELD_NUMBER)
		memcpy(at, &v, sizeof(v));
	else
		memcpy(at, &n, sizeof(n));
	return true;
}

bool op_row_set(struct op_row *row, const struct op_field *f, const char *text, const char *origin, struct err *err)
{
	if (*text == '\0')
		return true;
	switch (f->type) {
	case OP_FIELD_KIND:
	case OP_FIELD_DTYPE:
		return set_name(row, f, text, origin, err);
	case OP_FIELD_STACK:
		if (snprintf(row->stack, sizeof(row->stack), "%s", text) >= (int)sizeof(row->stack))
			return refuse(f, text, origin, "a name such as vllm, sglang, trtllm, nccl, vidur", err);
		return true;
	case OP_FIELD_FLAG:
		row->op.gated = !text_equal_fold(text, "no") && !text_equal_fold(text, "false") && !text_equal(text, "0");
		return true;
	default:
		return set_number((unsigned char *)row + f->offset, f, text, origin, err);
	}
}

/* What an operator cannot be without. NULL-terminated names of columns. */
static const char *const *needs(enum op_kind kind)
{
	static const char *const gemm[] = { "m", "n", "k", NULL }, *const prefill[] = { "heads", "head_dim", "q_len", NULL };
	static const char *const decode[] = { "heads", "head_dim", "kv_len", NULL }, *const wire[] = { "bytes", "devices", NULL };
	static const char *const moe[] = { "m", "n", "k", "experts", "top_k", NULL }, *const rows[] = { "m", "n", NULL };
	static const char *const bytes[] = { "bytes", NULL }, *const scan[] = { "m", "bytes", NULL };

	switch (kind) {
	case OP_GEMM: case OP_CONV:
		return gemm;
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL:
		return prefill;
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE:
		return decode;
	case OP_MOE:
		return moe;
	case OP_ALL_REDUCE: case OP_ALL_GATHER: case OP_REDUCE_SCATTER: case OP_ALL_TO_ALL: case OP_BROADCAST:
		return wire;
	case OP_SEND_RECV: case OP_COPY: case OP_HOST: case OP_HOST_TRANSFER:
		return bytes;
	case OP_SCAN:
		return scan;
	default:
		return rows;
	}
}

static double value_of(const struct op_row *row, const struct op_field *f)
{
	const unsigned char *at = (const unsigned char *)row + f->offset;
	int64_t n;
	double v;
	int ranks;

	if (f->type == OP_FIELD_RANKS) {
		memcpy(&ranks, at, sizeof(ranks));
		return ranks;
	}
	if (f->type == OP_FIELD_NUMBER) {
		memcpy(&v, at, sizeof(v));
		return v;
	}
	memcpy(&n, at, sizeof(n));
	return (double)n;
}

/* Latent attention is DeepSeek's unless the row says otherwise: rank 512 + rope 64; heads of 128 + 64 and 128. */
static void finish_mla(struct op *op)
{
	if (op->k == 0)
		op->k = op->head_dim > 512 ? op->head_dim : 576;
	if (op->kind == OP_MLA_DECODE) {
		op->head_dim = op->head_dim ? op->head_dim : op->k;
		op->v_head_dim = op->v_head_dim ? op->v_head_dim : op->head_dim > 64 ? op->head_dim - 64 : op->head_dim;
	} else {
		op->head_dim = op->head_dim && op->head_dim <= 512 ? op->head_dim : 192;
		op->v_head_dim = op->v_head_dim ? op->v_head_dim : op->head_dim > 64 ? op->head_dim - 64 : op->head_dim;
	}
	op->kv_heads = op->kv_heads ? op->kv_heads : op->kind == OP_MLA_DECODE ? 1 : op->heads;
}

bool op_row_finish(struct op_row *row, const char *origin, struct err *err)
{
	struct op *op = &row->op;
	bool mla = op->kind == OP_MLA_PREFILL || op->kind == OP_MLA_DECODE;
	bool attention = mla || op->kind == OP_ATTENTION_PREFILL || op->kind == OP_ATTENTION_DECODE;

	if (op->kind == OP_KIND_COUNT)
		return err_set(err, ERR_INPUT, "%s: no operator: expected op to be gemm, attention_prefill, all_reduce ...", origin);
	if (op->dtype == DTYPE_NONE)
		op->dtype = DTYPE_BF16;
	if (mla)
		finish_mla(op);
	for (const char *const *name = needs(op->kind); *name; name++)
		for (size_t i = 0; i < op_field_count; i++)
			if (strcmp(op_fields[i].name, *name) == 0 && value_of(row, &op_fields[i]) <= 0)
				return err_set(err, ERR_INPUT, "%s: %s needs %s: expected more than 0", origin, op_kind_names[op->kind], *name);
	if (attention) {
		op->kv_heads = op->kv_heads ? op->kv_heads : op->heads;
		op->batch = op->batch ? op->batch : 1;
		if (op->kv_heads > op->heads)
			return err_set(err, ERR_INPUT, "%s: kv_heads=%" PRId64 ": expected at most heads=%" PRId64, origin,
				       op->kv_heads, op->heads);
	}
	if (op->kind == OP_ATTENTION_PREFILL || op->kind == OP_MLA_PREFILL) {
		op->kv_len = op->kv_len > 0 ? op->kv_len : (double)op->q_len;
		if (op->kv_len < (double)op->q_len)
			return err_set(err, ERR_INPUT, "%s: kv_len=%g: expected at least q_len=%" PRId64 " (tokens attended, new ones included)",
				       origin, op->kv_len, op->q_len);
	} else if (attention && op->q_len == 0) {
		op->q_len = 1;
	}
	if (op->kind == OP_MOE) {
		if (op->experts_total == 0)
			op->experts_total = op->experts * (op->devices > 1 ? op->devices : 1);
		if (op->top_k > op->experts_total || op->experts > op->experts_total)
			return err_set(err, ERR_INPUT, "%s: experts=%" PRId64 " top_k=%" PRId64 ": expected at most %" PRId64 " experts in the layer",
				       origin, op->experts, op->top_k, op->experts_total);
	}
	if (op->kind == OP_SEND_RECV && op->devices == 0)
		op->devices = 2;
	return true;
}

void op_cost_csv(const struct op_cost *cost, struct str *out)
{
	char seconds[32], flops[32], bytes[32], error[32];

	str_addf(out, ",%s,%s,%s,%s,%s,%s", number_text(seconds, cost->seconds), number_text(flops, cost->flops),
		 number_text(bytes, cost->bytes), bound_names[cost->bound], provider_names[cost->provider],
		 number_text(error, cost->rel_error));
}

void op_row_json(const struct op_row *row, const struct op_cost *cost, struct json *j)
{
	json_text(j, "op", op_kind_names[row->op.kind]);
	json_text(j, "dtype", dtype_names[row->op.dtype]);
	if (row->op.kv_dtype != DTYPE_NONE)
		json_text(j, "kv_dtype", dtype_names[row->op.kv_dtype]);
	for (size_t i = 0; i < op_field_count; i++) {
		const struct op_field *f = &op_fields[i];
		bool number = f->type == OP_FIELD_COUNT_OF || f->type == OP_FIELD_NUMBER || f->type == OP_FIELD_RANKS;

		if (number && value_of(row, f) > 0)
			json_number(j, f->name, value_of(row, f));
	}
	if (row->op.kind == OP_MOE)
		json_bool(j, "gated", row->op.gated);
	if (row->stack[0])
		json_text(j, "stack", row->stack);
	json_number(j, "seconds", cost->seconds);
	json_number(j, "flops", cost->flops);
	json_number(j, "bytes_moved", cost->bytes);
	json_text(j, "bound", bound_names[cost->bound]);
	json_text(j, "provider", provider_names[cost->provider]);
	json_number(j, "expected_rel_error", cost->rel_error);
	json_bool(j, "extrapolated", cost->extrapolated);
}

void op_row_text(const struct op_row *row, struct str *out)
{
	str_addf(out, "%s %s", op_kind_names[row->op.kind], dtype_names[row->op.dtype]);
	if (row->op.kv_dtype != DTYPE_NONE)
		str_addf(out, " kv_dtype=%s", dtype_names[row->op.kv_dtype]);
	for (size_t i = 0; i < op_field_count; i++) {
		const struct op_field *f = &op_fields[i];
		bool number = f->type == OP_FIELD_COUNT_OF || f->type == OP_FIELD_NUMBER || f->type == OP_FIELD_RANKS;
		char buf[32];

		if (number && value_of(row, f) > 0)
			str_addf(out, " %s=%s", f->name, number_text(buf, value_of(row, f)));
	}
}
