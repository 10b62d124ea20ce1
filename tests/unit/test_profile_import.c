#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/rng.h"
#include "hardware/profile_import.h"
#include "hardware/profile_rows.h"
#include "tests/unit/scratch.h"

/* Imports one raw file called `name` and loads what came out. NULL when the import failed (err says why). */
static struct tables *import(const char *name, const char *text, struct profile_import_report *report, struct err *err)
{
	static const char *const stacks[] = { "vllm", "trtllm", "nccl", "vidur", "own" };
	char folder[SCRATCH_PATH], raw[SCRATCH_PATH * 2], path[SCRATCH_PATH * 3];
	struct profile_import_options o = { .device = "testdev", .source = "made up", .licence = "none" };
	struct tables *t = NULL;
	FILE *f;

	scratch_path(folder, "import");
	mkdir(folder, 0777);
	snprintf(raw, sizeof(raw), "%s/%s", folder, name);
	f = fopen(raw, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	o.path = raw;
	o.out_folder = folder;
	o.stack = strncmp(name, "own", 3) == 0 ? "own" : NULL;
	o.tiles = strcmp(name, "own-tiles.csv") == 0;
	for (int i = 0; i < DTYPE_COUNT; i++)
		o.limits.peak_flop_s[i] = 1e15;
	o.limits.bandwidth_bytes_s = 1e12;
	snprintf(path, sizeof(path), "%s/testdev", folder);
	if (profile_import(&o, report, err)) {
		CU_ASSERT_EQUAL(report->rows_read,
				report->rows_merged + report->rows_kept + report->rows_thinned + report->rows_dropped);
		t = tables_load_folder(path, NULL, &o.limits, err);
	}
	for (size_t i = 0; i < COUNT_OF(stacks); i++) {
		for (int k = 0; k < OP_KIND_COUNT; k++) {
			snprintf(path, sizeof(path), "%s/testdev/%s/%s.csv", folder, stacks[i], op_kind_names[k]);
			remove(path);
		}
		snprintf(path, sizeof(path), "%s/testdev/%s", folder, stacks[i]);
		rmdir(path);
	}
	snprintf(path, sizeof(path), "%s/testdev", folder);
	rmdir(path);
	remove(raw);
	rmdir(folder);
	return t;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static double ask(const struct tables *t, struct op op)
{
	struct op_cost c;

	return t && tables_op(t, &op, &c) ? c.seconds : NAN;
}

static void aiconfigurator_tables(void)
{
	static const struct {
		const char *name, *text;
		struct op op;
		double seconds;
	} cases[] = {
		{ "gemm_perf__trtllm_1.0.csv",
		  "gemm_dtype,m,n,k,latency_us\nbfloat16,8,512,256,10\nbfloat16,16,512,256,12\n",
		  { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 16, .n = 512, .k = 256 },
		  12e-6 },
		{ "generation_attention_perf__vllm_0.1.csv",
		  "batch_size,num_heads,num_key_value_heads,head_dim,kv_cache_dtype,step,window_size,latency_us,kernel_"
		  "id\n"
		  "4,8,2,128,fp8,1023,0,25,0\n",
		  { .kind = OP_ATTENTION_DECODE,
		    .dtype = DTYPE_BF16,
		    .kv_dtype = DTYPE_FP8,
		    .batch = 4,
		    .heads = 8,
		    .kv_heads = 2,
		    .head_dim = 128,
		    .q_len = 1,
		    .kv_len = 1024 },
		  25e-6 },
		{ "context_attention_perf__vllm_0.1.csv",
		  "batch_size,isl,num_heads,num_key_value_heads,head_dim,latency_us\n2,100,8,8,64,31\n",
		  { .kind = OP_ATTENTION_PREFILL,
		    .dtype = DTYPE_BF16,
		    .batch = 2,
		    .heads = 8,
		    .kv_heads = 8,
		    .head_dim = 64,
		    .q_len = 100,
		    .kv_len = 100 },
		  31e-6 },
		{ "generation_mla_perf__trtllm_1.0.csv",
		  "kv_cache_dtype,num_heads,batch_size,tp_size,step,latency_us\nbfloat16,16,2,8,99,15\n",
		  { .kind = OP_MLA_DECODE,
		    .dtype = DTYPE_BF16,
		    .batch = 2,
		    .heads = 16,
		    .head_dim = 192,
		    .v_head_dim = 128,
		    .k = 576,
		    .q_len = 1,
		    .kv_len = 100 },
		  15e-6 },
		{ "moe_perf__vllm_0.1.csv",
		  "moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,moe_ep_size,distribution,"
		  "latency_us\n"
		  "fp8,4,1024,4096,2,16,2,4,balanced,77\nfp8,4,1024,4096,2,16,2,4,power_law_1.2,99\n",
		  { .kind = OP_MOE,
		    .dtype = DTYPE_FP8,
		    .m = 4,
		    .k = 1024,
		    .n = 2048,
		    .top_k = 2,
		    .experts_total = 16,
		    .experts = 4,
		    .gated = true },
		  77e-6 },
		{ "nccl_perf__nccl_2.0.csv",
		  "op_name,nccl_dtype,num_gpus,message_size,latency_us\nall_gather,half,8,512,6\nall_gather,int8,8,512,"
		  "5\n",
		  { .kind = OP_ALL_GATHER, .devices = 8, .bytes = 1024 },
		  6e-6 },
		{ "custom_allreduce_perf__vllm_0.1.csv",
		  "num_gpus,message_size,latency_us,backend\n2,512,4,vllm_graph\n2,512,20,vllm_eager\n",
		  { .kind = OP_ALL_REDUCE, .devices = 2, .bytes = 1024 },
		  4e-6 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct profile_import_report report;
		struct err err = { 0 };
		struct tables *t = import(cases[i].name, cases[i].text, &report, &err);
		double got = ask(t, cases[i].op);

		if (!(fabs(got - cases[i].seconds) < 1e-15))
			fprintf(stderr, "%s: expected %g, got %g (%s)\n", cases[i].name, cases[i].seconds, got,
				err.text);
		CU_ASSERT_DOUBLE_EQUAL(got, cases[i].seconds, 1e-15);
		tables_free(t);
	}
}

static void vidur_layer(void)
{
	/* 8 heads of 64, 2 KV heads, hidden 512, gated MLP of 1024, on 2 devices; milliseconds */
	static const char text[] = "time_stats.emb.median,time_stats.input_layernorm.median,time_stats.attn_pre_proj."
				   "median,time_stats.attn_rope.median,"
				   "time_stats.attn_post_proj.median,time_stats.mlp_up_proj.median,time_stats.mlp_act."
				   "median,time_stats.mlp_down_proj.median,"
				   "time_stats.add.median,n_head,n_kv_head,n_embd,n_expanded_embd,use_gated_mlp,num_"
				   "tokens,num_tensor_parallel_workers\n"
				   "0.001,0.002,0.003,0.004,0.005,0.006,0.007,0.008,0.009,8,2,512,1024,True,32,2\n";
	static const struct {
		struct op op;
		double seconds;
	} parts[] = {
		{ { .kind = OP_EMBEDDING, .dtype = DTYPE_FP16, .m = 32, .n = 512 }, 1e-6 },
		{ { .kind = OP_NORM, .dtype = DTYPE_FP16, .m = 32, .n = 512 }, 2e-6 },
		{ { .kind = OP_GEMM, .dtype = DTYPE_FP16, .m = 32, .n = (4 + 2) * 64, .k = 512 }, 3e-6 },
		{ { .kind = OP_ROPE, .dtype = DTYPE_FP16, .m = 32, .n = (4 + 1) * 64 }, 4e-6 },
		{ { .kind = OP_GEMM, .dtype = DTYPE_FP16, .m = 32, .n = 512, .k = 256 }, 5e-6 },
		{ { .kind = OP_GEMM, .dtype = DTYPE_FP16, .m = 32, .n = 1024, .k = 512 }, 6e-6 },
		{ { .kind = OP_ACTIVATION, .dtype = DTYPE_FP16, .m = 32, .n = 512 }, 7e-6 },
		{ { .kind = OP_GEMM, .dtype = DTYPE_FP16, .m = 32, .n = 512, .k = 512 }, 8e-6 },
		{ { .kind = OP_ADD, .dtype = DTYPE_BF16, .m = 32, .n = 512 }, 9e-6 },
	};
	struct profile_import_report report;
	struct err err = { 0 };
	struct tables *t = import("mlp.csv", text, &report, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		CU_ASSERT_DOUBLE_EQUAL(ask(t, parts[i].op), parts[i].seconds, 1e-15);
	CU_ASSERT_EQUAL(report.rows_dropped, 1); /* there is no post_attention_layernorm column */
	tables_free(t);
}

static void vidur_attention(void)
{
	static const char paged[] =
		"time_stats.attn_decode.median,time_stats.attn_prefill.median,n_embd,n_q_head,n_kv_head,block_size,"
		"num_tensor_parallel_workers,batch_size,prefill_chunk_size,kv_cache_size\n"
		"0.02,,1024,8,4,16,2,4,0,640\n,0.05,1024,8,4,16,2,1,64,128\n";
	/* without block_size: decode gives the sum over the batch, prefill the context with the chunk */
	static const char flat[] =
		"time_stats.attn_decode.median,time_stats.attn_prefill.median,n_embd,n_q_head,n_kv_head,"
		"num_tensor_parallel_workers,batch_size,prefill_chunk_size,kv_cache_size\n"
		"0.02,,1024,8,4,2,4,0,2560\n,0.05,1024,8,4,2,1,64,192\n";
	static const char *const texts[] = { paged, flat };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct op decode = { .kind = OP_ATTENTION_DECODE,
				     .dtype = DTYPE_FP16,
				     .batch = 4,
				     .heads = 4,
				     .kv_heads = 2,
				     .head_dim = 128,
				     .q_len = 1,
				     .kv_len = 640 };
		struct op prefill = { .kind = OP_ATTENTION_PREFILL,
				      .dtype = DTYPE_FP16,
				      .batch = 1,
				      .heads = 4,
				      .kv_heads = 2,
				      .head_dim = 128,
				      .q_len = 64,
				      .kv_len = 192 };
		struct profile_import_report report;
		struct err err = { 0 };
		struct tables *t = import("attention.csv", texts[i], &report, &err);

		CU_ASSERT_DOUBLE_EQUAL(ask(t, decode), 2e-5, 1e-15);
		CU_ASSERT_DOUBLE_EQUAL(ask(t, prefill), 5e-5, 1e-15);
		tables_free(t);
	}
}

static void vidur_network(void)
{
	static const char text[] =
		"time_stats.all_reduce.median,rank,num_workers,size,collective,devices_per_node\n"
		"0.010,0,2,2048,all_reduce,8\n0.014,1,2,2048,all_reduce,8\n0.05,0,2,2048,all_reduce,1\n";
	struct op op = { .kind = OP_ALL_REDUCE, .devices = 2, .bytes = 2048 };
	struct profile_import_report report;
	struct err err = { 0 };
	struct tables *t = import("all_reduce.csv", text, &report, &err);

	CU_ASSERT_DOUBLE_EQUAL(ask(t, op), 12e-6, 1e-15); /* the median of the ranks */
	op.devices_per_node = 1;
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op), 5e-5, 1e-15);
	CU_ASSERT_EQUAL(report.rows_merged, 1);
	tables_free(t);
}

static void own_format_and_bad_rows(void)
{
	static const char text[] = "op,dtype,m,n,k,seconds\ngemm,bf16,8,512,256,1e-5\ngemm,bf16,16,512,256,0\n"
				   "gemm,bf16,100000,51200,25600,1e-9\nhost,bf16,1,1,1,1\nnorm,bf16,8,512,0,2e-6\n";
	struct op op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 8, .n = 512, .k = 256 };
	struct profile_import_report report;
	struct err err = { 0 };
	struct tables *t = import("own.csv", text, &report, &err);

	CU_ASSERT_DOUBLE_EQUAL(ask(t, op), 1e-5, 1e-15);
	CU_ASSERT_EQUAL(report.rows_read, 5);
	CU_ASSERT_EQUAL(report.rows_dropped, 3); /* no time, above the peak, no such table */
	CU_ASSERT_EQUAL(report.reasons, 3);
	CU_ASSERT_EQUAL(report.table_count, 2);
	tables_free(t);
}

static void refuses_other_files(void)
{
	static const struct {
		const char *name, *text, *says;
	} cases[] = {
		{ "x.csv", "a,b\n1,2\n",
		  "x.csv:1: expected a column latency_us (aiconfigurator), time_stats.* (vidur) or seconds (vibee)" },
		{ "gemm_perf__vllm_1.csv", "gemm_dtype,m,n,k,latency_us\nbf99,1,1,1,1\n",
		  "gemm_perf__vllm_1.csv:2: gemm_dtype=\"bf99\"" },
		{ "gemm_perf__vllm_1.csv", "gemm_dtype,m,n,k,latency_us\nbf16,1,1,1,x\n", "gemm_perf__vllm_1.csv:2" },
		{ "dsa_perf__vllm_1.csv", "m,latency_us\n1,1\n", "no usable rows in 1 files" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct profile_import_report report;
		struct err err = { 0 };

		CU_ASSERT_PTR_NULL(import(cases[i].name, cases[i].text, &report, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		TRUE_FOR(err.text, strstr(err.text, cases[i].says) != NULL);
	}
}

/* A noisy affine curve of 200 points: monotone afterwards, far fewer points, near the truth. */
static void thinning_keeps_the_curve(void)
{
	static char text[20000];
	struct profile_import_report report;
	struct err err = { 0 };
	struct op op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .n = 512, .k = 256 };
	struct tables *t;
	struct rng r;
	double before = 0;
	int used;

	rng_init(&r, 3, "noise");
	used = snprintf(text, sizeof(text), "gemm_dtype,m,n,k,latency_us\n");
	for (int m = 1; m <= 200; m++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "bfloat16,%d,512,256,%.5g\n", m,
				 (10 + 0.1 * m) * (1 + 0.01 * (rng_uniform(&r) - 0.5)));
	t = import("gemm_perf__vllm_1.csv", text, &report, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT(report.rows_kept < 20 && report.rows_kept >= 2);
	CU_ASSERT_EQUAL(report.rows_kept + report.rows_thinned, 200);
	CU_ASSERT(report.tables[0].between_median < 0.02);
	for (op.m = 1; op.m <= 200; op.m++) {
		double s = ask(t, op);

		CU_ASSERT(s >= before);
		CU_ASSERT_DOUBLE_EQUAL(s, 1e-6 * (10 + 0.1 * (double)op.m), 0.04 * s);
		before = s;
	}
	tables_free(t);
}

/* Pool adjacent violators on a 2 x 3 grid: every axis rises, and rising data stay as they are. */
static void evens_out_both_axes(void)
{
	static const double times[6] = { 1, 3, 2, 2, 2.5, 4 };
	struct profile_row rows[6];
	struct err err = { 0 };

	memset(rows, 0, sizeof(rows));
	for (int i = 0; i < 6; i++) {
		rows[i].shape = table_shape(OP_ATTENTION_DECODE);
		rows[i].x[0] = 1 + i / 3;
		rows[i].x[1] = 1 + i % 3;
		rows[i].seconds = times[i];
	}
	CU_ASSERT_TRUE(profile_even(rows, 6, &err));
	for (int i = 0; i < 6; i++) {
		CU_ASSERT(i % 3 == 0 || rows[i].even >= rows[i - 1].even);
		CU_ASSERT(i < 3 || rows[i].even >= rows[i - 3].even);
	}
	CU_ASSERT_DOUBLE_EQUAL(rows[1].even, sqrt(6), 0.05); /* 3 and 2 meet at their geometric mean */
	CU_ASSERT_EQUAL(rows[0].even, 1);
	CU_ASSERT_EQUAL(rows[5].even, 4);
}

static void survives_failing_memory(void)
{
	bool failed = true;

	for (size_t n = 1; failed && n < 200; n++) {
		struct profile_row rows[3];
		struct err err = { 0 };

		memset(rows, 0, sizeof(rows));
		for (int i = 0; i < 3; i++) {
			rows[i].shape = table_shape(OP_GEMM);
			rows[i].x[0] = 1 + i;
			rows[i].seconds = 1;
		}
		mem_fail_after(n);
		failed = !profile_even(rows, 3, &err);
		mem_fail_after(0);
		CU_ASSERT_EQUAL(failed, err.kind == ERR_INTERNAL);
	}
	CU_ASSERT_FALSE(failed);
}

/* One model's balanced rows take twice its skewed ones on a few experts: the benchmark did not route evenly, and only skewed rows on all
 * experts remain. The other model's are as they should be. */
static void misrouted_experts_are_left_out(void)
{
	static const char *const spreads[] = { "balanced", "power_law_1.2" };
	static const struct { int hidden, total; double busier; } models[] = { { 7168, 256, 2 }, { 6144, 256, 0.8 } };
	struct profile_import_report report;
	struct err err = { 0 };
	char *text = mem_alloc(20000);
	size_t at;
	struct tables *t;
	struct tables_info info;
	struct tables_point *points;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	at = (size_t)sprintf(text, "moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,moe_ep_size,distribution,latency_us\n");
	for (int m = 0; m < 2; m++)
		for (int ep = 1; ep <= 256; ep *= 4)
			for (int s = 0; s < 2; s++)
				for (int tokens = 16; tokens <= 4096; tokens *= 256)
					at += (size_t)sprintf(text + at, "fp8_block,%d,%d,2048,8,%d,1,%d,%s,%g\n", tokens, models[m].hidden,
							      models[m].total, ep, spreads[s],
							      (100 + tokens) / (double)ep * (s == 0 && ep > 1 ? models[m].busier : 1));
	t = import("moe_perf__vllm_1.csv", text, &report, &err);
	mem_free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(report.rows_dropped, 2 * (5 + 4));     /* balanced on 1, 4, 16, 64 and 256 devices; skewed on more than one */
	tables_info(t, 0, &info);
	points = mem_alloc(info.rows * sizeof(*points));
	CU_ASSERT_PTR_NOT_NULL_FATAL(points);
	tables_points(t, 0, points);
	for (size_t i = 0; i < info.rows; i++)
		if (points[i].op.k == 7168)
			CU_ASSERT_TRUE(points[i].op.imbalance > 1 && points[i].op.experts == 256);
	mem_free(points);
	tables_free(t);
}

/* Imported again over its file, a table keeps the list of tuned experts that was written there by hand. */
static void a_list_of_tuned_experts_stays(void)
{
	static const char raw_text[] = "moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,moe_ep_size,distribution,latency_us\n"
				       "bfloat16,1,4096,14336,2,8,1,1,power_law_1.2,100\nbfloat16,8,4096,14336,2,8,1,1,power_law_1.2,200\n";
	char folder[SCRATCH_PATH], raw[SCRATCH_PATH * 2], path[SCRATCH_PATH * 3], *text = NULL;
	struct profile_import_options o = { .device = "testdev", .source = "made up", .licence = "none" };
	struct profile_import_report report;
	struct err err = { 0 };
	size_t length;

	scratch_path(folder, "import-tuned");
	mkdir(folder, 0777);
	snprintf(raw, sizeof(raw), "%s/moe_perf__vllm_1.csv", folder);
	snprintf(path, sizeof(path), "%s/testdev/vllm/moe.csv", folder);
	write_file(raw, raw_text);
	o.path = raw;
	o.out_folder = folder;
	for (int i = 0; i < DTYPE_COUNT; i++)
		o.limits.peak_flop_s[i] = 1e15;
	o.limits.bandwidth_bytes_s = 1e12;
	CU_ASSERT_TRUE_FATAL(profile_import(&o, &report, &err));
	write_file(path, "# vibee-sim\n# tuned/bf16: 8x14336\n# tuned/fp8: 8x7168\n# more: 1\n");
	CU_ASSERT_TRUE_FATAL(profile_import(&o, &report, &err));
	text = paths_read(path, 100000, &length, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n# tuned/bf16: 8x14336\n# tuned/fp8: 8x7168\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "more"));
	mem_free(text);
	remove(path);
	snprintf(path, sizeof(path), "%s/testdev/vllm", folder);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/testdev", folder);
	rmdir(path);
	remove(raw);
	rmdir(folder);
}

/* One layout takes four times what those beside it do, and one number of tokens more than twice as many do: both ran with the tactic of
 * nobody. Where kernels have no tactics (blocks of scales) or others were timed (vLLM), times are what they are. */
static void untuned_experts_are_left_out(void)
{
	static const struct { const char *file, *format; size_t dropped; } cases[] = {
		{ "moe_perf__trtllm_1.csv", "bfloat16", 3 + 1 },
		{ "moe_perf__trtllm_1.csv", "fp8_block", 0 },
		{ "moe_perf__vllm_1.csv", "bfloat16", 0 },
	};

	for (size_t c = 0; c < COUNT_OF(cases); c++) {
		struct profile_import_report report;
		struct err err = { 0 };
		char text[4000];
		size_t at = (size_t)sprintf(text, "moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,moe_ep_size,"
						  "distribution,latency_us\n");
		struct tables *t;

		for (int ep = 1; ep <= 8; ep *= 2)
			for (int tokens = 1024; tokens <= 4096; tokens *= 2) {
				double us = 12 + (2400 + 0.6 * tokens) / ep * (ep == 4 ? 4 : 1) * (ep == 1 && tokens == 1024 ? 3 : 1);

				at += (size_t)sprintf(text + at, "%s,%d,4096,1024,8,64,1,%d,balanced,%g\n", cases[c].format, tokens, ep, us);
			}
		t = import(cases[c].file, text, &report, &err);
		CU_ASSERT_PTR_NOT_NULL(t);
		if (report.rows_dropped != cases[c].dropped)
			fprintf(stderr, "%s %s: expected %zu rows left out, got %zu\n", cases[c].file, cases[c].format, cases[c].dropped,
				report.rows_dropped);
		CU_ASSERT_EQUAL(report.rows_dropped, cases[c].dropped);
		tables_free(t);
	}
}

/* Two full tiles of 8 rows may take less than one of 12: products of one host keep that, everything else is made monotone. */
static void tiles_keep_their_jumps(void)
{
	static const char text[] = "op,dtype,m,n,k,seconds\ngemm,fp32,12,512,256,4e-5\ngemm,fp32,16,512,256,3e-5\n"
				   "norm,fp32,12,512,0,4e-6\nnorm,fp32,16,512,0,3e-6\n";

	for (int tiles = 0; tiles < 2; tiles++) {
		struct profile_import_report report;
		struct err err = { 0 };
		struct tables *t = import(tiles ? "own-tiles.csv" : "own.csv", text, &report, &err);
		double less, more;

		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		less = ask(t, (struct op){ .kind = OP_GEMM, .dtype = DTYPE_FP32, .m = 16, .n = 512, .k = 256 });
		more = ask(t, (struct op){ .kind = OP_GEMM, .dtype = DTYPE_FP32, .m = 12, .n = 512, .k = 256 });
		CU_ASSERT_EQUAL(less == 3e-5 && more == 4e-5, tiles);
		CU_ASSERT(tiles || less >= more);
		less = ask(t, (struct op){ .kind = OP_NORM, .dtype = DTYPE_FP32, .m = 16, .n = 512 });
		more = ask(t, (struct op){ .kind = OP_NORM, .dtype = DTYPE_FP32, .m = 12, .n = 512 });
		CU_ASSERT(less >= more);
		tables_free(t);
	}
}

/* One shape thirty times as long as those around it is left out; a kernel that is slow for all small shapes stays. */
static void disturbed_shapes_are_left_out(void)
{
	struct profile_import_report report;
	struct err err = { 0 };
	char text[6000];
	size_t at = (size_t)sprintf(text, "kv_cache_dtype,num_heads,batch_size,tp_size,step,latency_us\n");
	struct op op = { .kind = OP_MLA_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .batch = 4, .heads = 16, .head_dim = 192, .v_head_dim = 128,
			 .k = 576, .q_len = 1, .kv_len = 512 };
	struct tables *t;

	for (int heads = 16; heads <= 32; heads *= 2)
		for (int batch = 1; batch <= 16; batch *= 2)
			for (int cached = 127; cached < 4096; cached = 2 * cached + 1) {
				double us = 10 + 1e-3 * batch * cached;

				if (heads == 16 && batch == 4 && cached == 511)
					us *= 30;
				if (heads == 32 && cached < 512)
					us *= 5;
				at += (size_t)sprintf(text + at, "bfloat16,%d,%d,8,%d,%g\n", heads, batch, cached, us);
			}
	t = import("generation_mla_perf__trtllm_1.csv", text, &report, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(report.rows_dropped, 1);
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op), 12.044e-6, 0.05e-6);        /* as its neighbours say */
	tables_free(t);
}

CU_TestInfo suite_profile_import[] = {
	{ "shapes that were disturbed are left out", disturbed_shapes_are_left_out },
	{ "experts timed with a tactic that nobody chose are left out", untuned_experts_are_left_out },
	{ "tiles keep their jumps", tiles_keep_their_jumps },
	{ "misrouted experts are left out", misrouted_experts_are_left_out },
	{ "a list of tuned experts stays", a_list_of_tuned_experts_stays },
	{ "aiconfigurator: microseconds, elements, shares per device", aiconfigurator_tables },
	{ "vidur: ten operators of a layer in milliseconds", vidur_layer },
	{ "vidur: two ways to count the cache", vidur_attention },
	{ "vidur: collectives, ranks merged", vidur_network },
	{ "our own columns; bad rows are counted with their reason", own_format_and_bad_rows },
	{ "files of another kind are refused", refuses_other_files },
	{ "thinning keeps the curve", thinning_keeps_the_curve },
	{ "times are made monotone along both axes", evens_out_both_axes },
	{ "running out of memory is an error", survives_failing_memory },
	CU_TEST_INFO_NULL,
};
