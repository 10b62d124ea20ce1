/* What other tools' columns mean. AIConfigurator: microseconds, one file a kernel family, message sizes in elements.
 * Vidur: milliseconds (medians), one file a model and device, every operator of a layer in one row. */
#include "hardware/profile_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"

const char *const profile_format_names[] = { "auto", "vidur", "aiconfigurator", "vibee", NULL };

void profile_drop(struct profile_import_report *report, const char *reason, size_t rows)
{
	size_t i = 0;

	while (i < report->reasons && strcmp(report->dropped[i].reason, reason) != 0)
		i++;
	if (i == PROFILE_REASONS_MOST)
		i--;
	else if (i == report->reasons)
		report->dropped[report->reasons++].reason = reason;
	report->dropped[i].rows += rows;
	report->rows_dropped += rows;
}

size_t profile_leave_out(struct profile_row *rows, size_t count, const bool *drop, const char *reason, struct profile_import_report *report)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!drop[i])
			rows[kept++] = rows[i];
	if (kept < count)
		profile_drop(report, reason, count - kept);
	return kept;
}

struct source {
	const struct profile_import_options *options;
	struct profile_import_report *report;
	struct profile_rows *rows;
	struct csv *csv;
	char table[64], stack[32]; /* from the file name */
};

/* A number from the row, or `fallback` when the file has no such column or an empty cell. */
static bool number(const struct source *s, const char *column, double fallback, double *out, struct err *err)
{
	int i = csv_find(s->csv, column);

	*out = fallback;
	return i < 0 || *csv_text(s->csv, i) == '\0' || csv_number(s->csv, i, out, err);
}

static bool integer(const struct source *s, const char *column, int64_t fallback, int64_t *out, struct err *err)
{
	double v;

	if (!number(s, column, (double)fallback, &v, err))
		return false;
	*out = (int64_t)llround(v);
	return true;
}

static bool format(const struct source *s, const char *column, enum dtype fallback, enum dtype *out, struct err *err)
{
	int i = csv_find(s->csv, column), t;

	*out = fallback;
	if (i < 0 || *csv_text(s->csv, i) == '\0')
		return true;
	t = dtype_parse(csv_text(s->csv, i));
	if (t < 0)
		return err_set(err, ERR_INPUT, "%s:%lld: %s=\"%s\": expected a number format such as bfloat16",
			       csv_path(s->csv), (long long)csv_line(s->csv), column, csv_text(s->csv, i));
	*out = (enum dtype)t;
	return true;
}

static bool text_is(const struct source *s, const char *column, const char *text)
{
	int i = csv_find(s->csv, column);

	return i >= 0 && text_equal(csv_text(s->csv, i), text);
}

static bool emit(const struct source *s, const struct op *op, double skew, double seconds, struct err *err)
{
	struct profile_row row = { .shape = table_shape(op->kind),
				   .seconds = seconds,
				   .file = s->rows->file_count - 1 };
	double peak = s->options->limits.peak_flop_s[op->dtype];

	if (!(seconds > 0)) {
		profile_drop(s->report, "no time (below the clock's resolution)", 1);
		return true;
	}
	if (peak > 0 && op_flops(op) / peak > 1.05 * seconds) {
		profile_drop(s->report, "faster than the device's peak", 1);
		return true;
	}
	op_key(row.shape, op, op->dtype, row.key);
	op_axes(row.shape, op, row.x);
	for (int i = 0; i < row.shape->keys; i++)
		if (row.shape->key[i] == COL_SKEW)
			row.key[i] = llround(skew * 1000);
	snprintf(row.stack, sizeof(row.stack), "%s", s->stack);
	if (!mem_grow(&s->rows->row, &s->rows->capacity, s->rows->count + 1, sizeof(row)))
		return err_memory(err);
	s->rows->row[s->rows->count++] = row;
	return true;
}

/* --- AIConfigurator ------------------------------------------------------------------------------------------ */

static bool read_gemm(const struct source *s, double seconds, struct err *err)
{
	struct op op = { .kind = OP_GEMM };

	return format(s, "gemm_dtype", DTYPE_BF16, &op.dtype, err) && integer(s, "m", 0, &op.m, err) &&
	       integer(s, "n", 0, &op.n, err) && integer(s, "k", 0, &op.k, err) && emit(s, &op, 0, seconds, err);
}

static bool read_attention(const struct source *s, double seconds, struct err *err)
{
	bool decode = text_starts(s->table, "generation"), mla = strstr(s->table, "mla") != NULL;
	struct op op = { .kind = mla      ? decode ? OP_MLA_DECODE : OP_MLA_PREFILL
				 : decode ? OP_ATTENTION_DECODE
					  : OP_ATTENTION_PREFILL };
	int64_t prior;

	if (!format(s, mla ? "mla_dtype" : "attn_dtype", DTYPE_BF16, &op.dtype, err) ||
	    !format(s, "kv_cache_dtype", DTYPE_BF16, &op.kv_dtype, err) ||
	    !integer(s, "batch_size", 1, &op.batch, err) || !integer(s, "isl", 1, &op.q_len, err) ||
	    !integer(s, "num_heads", 0, &op.heads, err) || !integer(s, "num_key_value_heads", 0, &op.kv_heads, err) ||
	    !integer(s, "head_dim", 0, &op.head_dim, err) || !integer(s, "window_size", 0, &op.window, err) ||
	    !integer(s, "step", 0, &prior, err))
		return false;
	op.kv_len = (double)(prior + op.q_len);
	if (mla) {
		op.k = 576; /* latent 512 + rope 64; heads of 128 + 64 and 128 */
		op.head_dim = 192;
		op.v_head_dim = 128;
	} else if (op.kv_heads == 0)
		op.kv_heads = op.heads;
	return emit(s, &op, 0, seconds, err);
}

static bool read_moe(const struct source *s, double seconds, struct err *err)
{
	struct op op = { .kind = OP_MOE, .gated = true };
	int64_t tp, ep, inter;

	if (!format(s, "moe_dtype", DTYPE_BF16, &op.dtype, err) || !integer(s, "num_tokens", 0, &op.m, err) ||
	    !integer(s, "hidden_size", 0, &op.k, err) || !integer(s, "inter_size", 0, &inter, err) ||
	    !integer(s, "topk", 1, &op.top_k, err) || !integer(s, "num_experts", 1, &op.experts_total, err) ||
	    !integer(s, "moe_tp_size", 1, &tp, err) || !integer(s, "moe_ep_size", 1, &ep, err))
		return false;
	if (tp < 1 || ep < 1 || inter % tp || op.experts_total % ep) {
		profile_drop(s->report, "experts that do not divide evenly over devices", 1);
		return true;
	}
	op.n = inter / tp;
	op.experts = op.experts_total / ep;
	return emit(s, &op, text_is(s, "distribution", "balanced") ? 0 : 1.2, seconds, err);
}

/* The absorbed products of MLA, queries in and results out, measured in both directions without saying which: one time
 * for both, so one raw row makes two. */
static bool read_mla_bmm(const struct source *s, double seconds, struct err *err)
{
	struct op in = { .kind = OP_GEMM, .n = 512, .k = 128 }, out;

	if (!format(s, "bmm_dtype", DTYPE_BF16, &in.dtype, err) || !integer(s, "num_tokens", 0, &in.m, err) ||
	    !integer(s, "num_heads", 1, &in.batch, err))
		return false;
	s->report->rows_read++;
	out = in;
	out.n = in.k;
	out.k = in.n;
	return emit(s, &in, 0, seconds, err) && emit(s, &out, 0, seconds, err);
}

static bool read_nccl(const struct source *s, double seconds, struct err *err)
{
	struct op op = { .kind = OP_ALL_REDUCE };
	static const struct {
		const char *name;
		enum op_kind kind;
	} kinds[] = {
		{ "all_reduce", OP_ALL_REDUCE },         { "all_gather", OP_ALL_GATHER },
		{ "reduce_scatter", OP_REDUCE_SCATTER }, { "alltoall", OP_ALL_TO_ALL },
		{ "broadcast", OP_BROADCAST },
	};
	int64_t elements, devices;
	size_t i = 0;

	while (i < COUNT_OF(kinds) && !text_is(s, "op_name", kinds[i].name))
		i++;
	if (i == COUNT_OF(kinds)) {
		profile_drop(s->report, "a collective that is not modelled", 1);
		return true;
	}
	if (!text_is(s, "nccl_dtype", "half")) {
		profile_drop(s->report, "the same message in another number format", 1);
		return true;
	}
	if (!integer(s, "message_size", 0, &elements, err) || !integer(s, "num_gpus", 0, &devices, err))
		return false;
	op.kind = kinds[i].kind;
	op.bytes = 2.0 * (double)elements;
	op.devices = (int)devices;
	return emit(s, &op, 0, seconds, err);
}

static bool read_custom_all_reduce(const struct source *s, double seconds, struct err *err)
{
	struct op op = { .kind = OP_ALL_REDUCE };
	int backend = csv_find(s->csv, "backend");
	int64_t elements, devices;

	if (backend >= 0 && text_ends(csv_text(s->csv, backend), "_eager")) {
		profile_drop(s->report, "eager all-reduce: host launch time inside", 1);
		return true;
	}
	if (!integer(s, "message_size", 0, &elements, err) || !integer(s, "num_gpus", 0, &devices, err))
		return false;
	op.bytes = 2.0 * (double)elements;
	op.devices = (int)devices;
	return emit(s, &op, 0, seconds, err);
}

static const struct {
	const char *table;
	bool (*read)(const struct source *s, double seconds, struct err *err);
} aiconfigurator_tables[] = {
	{ "gemm_perf", read_gemm },
	{ "context_attention_perf", read_attention },
	{ "generation_attention_perf", read_attention },
	{ "context_mla_perf", read_attention },
	{ "generation_mla_perf", read_attention },
	{ "moe_perf", read_moe },
	{ "mla_bmm_perf", read_mla_bmm },
	{ "nccl_perf", read_nccl },
	{ "oneccl_perf", read_nccl },
	{ "custom_allreduce_perf", read_custom_all_reduce },
};

static bool read_aiconfigurator(const struct source *s, struct err *err)
{
	size_t i = 0;
	int column;

	while (i < COUNT_OF(aiconfigurator_tables) && !text_equal(s->table, aiconfigurator_tables[i].table))
		i++;
	if (!csv_require(s->csv, "latency_us", &column, err))
		return false;
	while (csv_next(s->csv, err)) {
		double us;

		s->report->rows_read++;
		if (i == COUNT_OF(aiconfigurator_tables))
			profile_drop(s->report, "no operator of this kind is modelled", 1);
		else if (!csv_number(s->csv, column, &us, err) || !aiconfigurator_tables[i].read(s, us / 1e6, err))
			return false;
	}
	return err->kind == ERR_NONE;
}

/* --- Vidur --------------------------------------------------------------------------------------------------- */

static bool median_ms(const struct source *s, const char *name, double *seconds, bool *present, struct err *err)
{
	char column[80];
	int i;
	double ms = 0;

	snprintf(column, sizeof(column), "time_stats.%s.median", name);
	i = csv_find(s->csv, column);
	*present = i >= 0 && *csv_text(s->csv, i) != '\0' && !text_equal_fold(csv_text(s->csv, i), "nan");
	if (*present && !csv_number(s->csv, i, &ms, err))
		return false;
	*seconds = ms / 1e3;
	return true;
}

/* A row of mlp.csv holds ten operators of one layer on one of `tp` devices; one raw row becomes up to ten. */
static bool read_vidur_layer(const struct source *s, struct err *err)
{
	int64_t m, tp, heads, kv, width, inner;
	int gated_column = csv_find(s->csv, "use_gated_mlp");
	bool gated = gated_column >= 0 && text_equal_fold(csv_text(s->csv, gated_column), "true");
	enum dtype linear = text_starts(csv_text(s->csv, csv_find(s->csv, "quant_signature")), "method=fp8")
				    ? DTYPE_FP8
				    : DTYPE_FP16;

	if (!integer(s, "num_tokens", 0, &m, err) || !integer(s, "num_tensor_parallel_workers", 1, &tp, err) ||
	    !integer(s, "n_head", 0, &heads, err) || !integer(s, "n_kv_head", 0, &kv, err) ||
	    !integer(s, "n_embd", 0, &width, err) || !integer(s, "n_expanded_embd", 0, &inner, err))
		return false;
	if (m < 1 || tp < 1 || heads < 1 || width < 1 || inner < 1)
		return err_set(err, ERR_INPUT, "%s:%lld: expected positive num_tokens, n_head, n_embd, n_expanded_embd",
			       csv_path(s->csv), (long long)csv_line(s->csv));
	{
		int64_t head = width / heads, own = heads / tp, own_kv = kv > tp ? kv / tp : 1;
		const struct {
			const char *name;
			enum op_kind kind;
			enum dtype dtype;
			int64_t n, k;
		} parts[] = {
			{ "emb", OP_EMBEDDING, DTYPE_FP16, width, 0 },
			{ "input_layernorm", OP_NORM, DTYPE_FP16, width, 0 },
			{ "post_attention_layernorm", OP_NORM, DTYPE_FP16, width, 0 },
			{ "attn_pre_proj", OP_GEMM, linear, (own + 2 * own_kv) * head, width },
			{ "attn_rope", OP_ROPE, DTYPE_FP16, (own + own_kv) * head, 0 },
			{ "attn_post_proj", OP_GEMM, linear, width, own * head },
			{ "mlp_up_proj", OP_GEMM, linear, inner * (gated ? 2 : 1) / tp, width },
			{ "mlp_act", OP_ACTIVATION, DTYPE_FP16, inner / tp, 0 },
			{ "mlp_down_proj", OP_GEMM, linear, width, inner / tp },
			{ "add", OP_ADD, DTYPE_FP16, width, 0 },
		};

		s->report->rows_read += COUNT_OF(parts) - 1;
		for (size_t i = 0; i < COUNT_OF(parts); i++) {
			struct op op = {
				.kind = parts[i].kind, .dtype = parts[i].dtype, .m = m, .n = parts[i].n, .k = parts[i].k
			};
			double seconds;
			bool present;

			if (!median_ms(s, parts[i].name, &seconds, &present, err))
				return false;
			if (!present)
				profile_drop(s->report, "operator absent from this row", 1);
			else if (!emit(s, &op, 0, seconds, err))
				return false;
		}
	}
	return true;
}

/* attention.csv: prefill rows have a chunk; decode rows have batch sequences. kv_cache_size is what is cached before,
 * except in files without `block_size` (newer kernels, flat layout): there it is the sum over the batch for decode and
 * the context including the chunk for prefill. */
static bool read_vidur_attention(const struct source *s, struct err *err)
{
	bool flat = csv_find(s->csv, "block_size") < 0, present;
	int64_t tp, heads, kv, width, cached;
	struct op op = { .dtype = DTYPE_FP16 };
	double seconds;

	if (!integer(s, "num_tensor_parallel_workers", 1, &tp, err) || !integer(s, "n_q_head", 0, &heads, err) ||
	    !integer(s, "n_kv_head", 0, &kv, err) || !integer(s, "n_embd", 0, &width, err) ||
	    !integer(s, "batch_size", 1, &op.batch, err) || !integer(s, "prefill_chunk_size", 0, &op.q_len, err) ||
	    !integer(s, "kv_cache_size", 0, &cached, err))
		return false;
	if (tp < 1 || heads < tp || op.batch < 1)
		return err_set(err, ERR_INPUT, "%s:%lld: expected positive batch_size and heads for every worker",
			       csv_path(s->csv), (long long)csv_line(s->csv));
	op.heads = heads / tp;
	op.kv_heads = kv > tp ? kv / tp : 1;
	op.head_dim = width / heads;
	if (op.q_len > 0) {
		op.kind = OP_ATTENTION_PREFILL;
		op.kv_len = (double)(flat ? cached : cached + op.q_len);
		if (op.kv_len < (double)op.q_len) {
			profile_drop(s->report, "context below the chunk", 1);
			return true;
		}
	} else {
		op.kind = OP_ATTENTION_DECODE;
		op.q_len = 1;
		op.kv_len = flat ? (double)cached / (double)op.batch : (double)cached;
		if (op.kv_len < 1) {
			profile_drop(s->report, "decode over an empty cache", 1);
			return true;
		}
	}
	if (!median_ms(s, op.kind == OP_ATTENTION_DECODE ? "attn_decode" : "attn_prefill", &seconds, &present, err))
		return false;
	if (!present) {
		profile_drop(s->report, "operator absent from this row", 1);
		return true;
	}
	return emit(s, &op, 0, seconds, err);
}

static bool read_vidur_network(const struct source *s, enum op_kind kind, struct err *err)
{
	struct op op = { .kind = kind };
	int64_t devices, per_node;
	double seconds;
	bool present;

	if (!integer(s, "num_workers", 2, &devices, err) || !integer(s, "devices_per_node", devices, &per_node, err) ||
	    !number(s, "size", 0, &op.bytes, err) || !median_ms(s, op_kind_names[kind], &seconds, &present, err))
		return false;
	if (!present || op.bytes <= 0) {
		profile_drop(s->report, "operator absent from this row", 1);
		return true;
	}
	op.devices = (int)devices;
	op.devices_per_node = (int)per_node;
	return emit(s, &op, 0, seconds, err);
}

static bool read_vidur(const struct source *s, struct err *err)
{
	bool reduce = csv_find(s->csv, "time_stats.all_reduce.median") >= 0,
	     pair = csv_find(s->csv, "time_stats.send_recv.median") >= 0;
	bool attention = csv_find(s->csv, "prefill_chunk_size") >= 0,
	     layer = csv_find(s->csv, "time_stats.mlp_up_proj.median") >= 0;

	while (csv_next(s->csv, err)) {
		bool ok = true;

		s->report->rows_read++;
		if (reduce || pair)
			ok = read_vidur_network(s, reduce ? OP_ALL_REDUCE : OP_SEND_RECV, err);
		else if (attention)
			ok = read_vidur_attention(s, err);
		else if (layer)
			ok = read_vidur_layer(s, err);
		else
			profile_drop(s->report, "no operator of this kind is modelled", 1);
		if (!ok)
			return false;
	}
	return err->kind == ERR_NONE;
}

/* --- our own columns ------------------------------------------------------------------------------------------ */

static bool read_vibee(const struct source *s, struct err *err)
{
	int kind_column, seconds_column;

	if (!csv_require(s->csv, "op", &kind_column, err) || !csv_require(s->csv, "seconds", &seconds_column, err))
		return false;
	while (csv_next(s->csv, err)) {
		const char *name = csv_text(s->csv, kind_column);
		int kind = op_kind_parse(name);
		int64_t devices, per_node, gated;
		struct op op = { 0 };
		double seconds, skew;

		s->report->rows_read++;
		if (kind < 0 || !table_shape((enum op_kind)kind)) {
			profile_drop(s->report, "no operator of this kind is modelled", 1);
			continue;
		}
		op.kind = (enum op_kind)kind;
		if (!format(s, "dtype", DTYPE_BF16, &op.dtype, err) ||
		    !format(s, "kv_dtype", op.dtype, &op.kv_dtype, err) || !integer(s, "m", 0, &op.m, err) ||
		    !integer(s, "n", 0, &op.n, err) || !integer(s, "k", 0, &op.k, err) ||
		    !integer(s, "batch", 1, &op.batch, err) || !integer(s, "heads", 0, &op.heads, err) ||
		    !integer(s, "kv_heads", op.heads, &op.kv_heads, err) ||
		    !integer(s, "head_dim", 0, &op.head_dim, err) || !integer(s, "q_len", 1, &op.q_len, err) ||
		    !number(s, "kv_len", (double)op.q_len, &op.kv_len, err) ||
		    !integer(s, "window", 0, &op.window, err) || !integer(s, "experts", 0, &op.experts, err) ||
		    !integer(s, "experts_total", op.experts, &op.experts_total, err) ||
		    !integer(s, "top_k", 0, &op.top_k, err) || !integer(s, "gated", 1, &gated, err) ||
		    !number(s, "skew", 0, &skew, err) || !number(s, "bytes", 0, &op.bytes, err) ||
		    !integer(s, "devices", 0, &devices, err) ||
		    !integer(s, "devices_per_node", devices, &per_node, err) ||
		    !csv_number(s->csv, seconds_column, &seconds, err))
			return false;
		op.devices = (int)devices;
		op.devices_per_node = (int)per_node;
		op.gated = gated != 0;
		if (!emit(s, &op, skew, seconds, err))
			return false;
	}
	return err->kind == ERR_NONE;
}

static bool skip_file(const struct source *s, struct err *err)
{
	while (csv_next(s->csv, err)) {
		s->report->rows_read++;
		profile_drop(s->report, "a file of unknown layout", 1);
	}
	return err->kind == ERR_NONE;
}

/* "gemm_perf__vllm_0.24.0.csv" -> gemm_perf, vllm */
static void split_name(struct source *s, const char *path)
{
	const char *name = strrchr(path, '/'), *mark, *end;

	name = name ? name + 1 : path;
	mark = strstr(name, "__");
	end = mark ? mark : name + strcspn(name, ".");
	snprintf(s->table, sizeof(s->table), "%.*s", (int)(end - name), name);
	if (mark) {
		size_t length = strcspn(mark + 2, "_.");

		snprintf(s->stack, sizeof(s->stack), "%.*s", (int)length, mark + 2);
	}
}

/* The last two parts of the path say which file it was, and name no machine. */
static bool note_file(struct profile_rows *rows, const char *path)
{
	const char *start = path + strlen(path);
	int slashes = 0;

	while (start > path && !(start[-1] == '/' && ++slashes == 2))
		start--;
	if (rows->file_count == PROFILE_FILES_MOST)
		return false;
	snprintf(rows->files[rows->file_count++], sizeof(rows->files[0]), "%s", start);
	return true;
}

bool profile_read(const struct profile_import_options *options, const char *path, struct profile_rows *rows,
		  struct profile_import_report *report, struct err *err)
{
	struct source s = { .options = options, .report = report, .rows = rows, .csv = csv_open(path, err) };
	enum profile_format kind = options->format;
	bool ok;

	if (!s.csv)
		return false;
	split_name(&s, path);
	if (!note_file(rows, path)) {
		csv_close(s.csv);
		return err_set(err, ERR_INPUT, "%s: over %d files in one import", path, PROFILE_FILES_MOST);
	}
	for (size_t i = 0; kind == PROFILE_AUTO && i < csv_columns(s.csv); i++)
		if (text_starts(csv_column_name(s.csv, i), "time_stats."))
			kind = PROFILE_VIDUR;
		else if (text_equal(csv_column_name(s.csv, i), "seconds"))
			kind = PROFILE_VIBEE;
		else if (text_equal(csv_column_name(s.csv, i), "latency_us"))
			kind = PROFILE_AICONFIGURATOR;
	if (options->stack || !s.stack[0])
		snprintf(s.stack, sizeof(s.stack), "%s", options->stack ? options->stack : "vidur");
	report->files++;
	switch (kind) {
	case PROFILE_VIDUR:
		ok = read_vidur(&s, err);
		break;
	case PROFILE_AICONFIGURATOR:
		ok = read_aiconfigurator(&s, err);
		break;
	case PROFILE_VIBEE:
		ok = read_vibee(&s, err);
		break;
	default:
		if (!text_equal(path, options->path)) { /* one of many in a folder */
			ok = skip_file(&s, err);
			break;
		}
		ok = err_set(
			err, ERR_INPUT,
			"%s:1: expected a column latency_us (aiconfigurator), time_stats.* (vidur) or seconds (vibee)",
			path);
	}
	csv_close(s.csv);
	return ok;
}
