#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/csv.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hardware/tables.h"
#include "hardware/tables_data.h"
#include "tests/unit/scratch.h"

static struct tables_limits limits(double peak, double bandwidth)
{
	struct tables_limits l = { .bandwidth_bytes_s = bandwidth };

	for (int i = 0; i < DTYPE_COUNT; i++)
		l.peak_flop_s[i] = peak;
	return l;
}

/* A device folder with the given stack/op.csv files, and its removal. */
struct folder {
	char path[SCRATCH_PATH], files[8][SCRATCH_PATH * 3];
	int count;
};

static void folder_open(struct folder *f, const char *name)
{
	memset(f, 0, sizeof(*f));
	scratch_path(f->path, name);
	mkdir(f->path, 0777);
}

static void folder_add(struct folder *f, const char *stack, const char *op, const char *text)
{
	char inside[SCRATCH_PATH * 2];
	FILE *file;

	snprintf(inside, sizeof(inside), "%s/%s", f->path, stack);
	mkdir(inside, 0777);
	snprintf(f->files[f->count], sizeof(f->files[0]), "%s/%s.csv", inside, op);
	file = fopen(f->files[f->count++], "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static void folder_remove(struct folder *f)
{
	for (int i = 0; i < f->count; i++) {
		char *slash = strrchr(f->files[i], '/');

		remove(f->files[i]);
		*slash = '\0';
		rmdir(f->files[i]);
	}
	rmdir(f->path);
}

static const char gemm_text[] =
	"# source: made up for this test\n# licence: none\n# rel_error_exact: 0.02\n# rel_error_between: 0.03\n"
	"# rel_error_site: 0.05\n# rel_error_outside: 0.25\n"
	"dtype,batch,k,n,m,seconds\n"
	"bf16,1,1024,1024,1,1e-5\nbf16,1,1024,1024,64,1.2e-5\nbf16,1,1024,1024,1024,4e-5\n"
	"bf16,1,1024,4096,1,1.6e-5\nbf16,1,1024,4096,64,2e-5\nbf16,1,1024,4096,1024,13e-5\n"
	"bf16,1,4096,1024,1,1.5e-5\nbf16,1,4096,1024,1024,12e-5\n"
	"bf16,1,4096,4096,1,4e-5\nbf16,1,4096,4096,1024,4.8e-4\n"
	"fp8,1,1024,1024,8,1e-5\n";

static const struct op gemm_1k = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .n = 1024, .k = 1024 };

static double ask(const struct tables *t, struct op op, struct op_cost *out)
{
	struct op_cost own;

	out = out ? out : &own;
	memset(out, 0, sizeof(*out));
	return tables_op(t, &op, out) ? out->seconds : NAN;
}

static double ask_m(const struct tables *t, struct op op, int64_t m, struct op_cost *out)
{
	op.m = m;
	return ask(t, op, out);
}

static void exact_between_and_outside(void)
{
	struct tables_limits l = limits(1e14, 2e12);
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op_cost c;

	folder_open(&f, "tables-exact");
	folder_add(&f, "vllm", "gemm", gemm_text);
	t = tables_load_folder(f.path, "vllm", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(ask_m(t, gemm_1k, 64, &c), 1.2e-5);
	CU_ASSERT_EQUAL(c.provider, PROVIDER_MEASURED);
	CU_ASSERT_FALSE(c.extrapolated);
	CU_ASSERT_DOUBLE_EQUAL(c.rel_error, 0.02, 1e-12);
	CU_ASSERT_EQUAL(c.flops, 2.0 * 64 * 1024 * 1024);
	/* 64 + 480 of the 960 on the way to 1024: half of the way from 12 to 40 microseconds */
	CU_ASSERT_DOUBLE_EQUAL(ask_m(t, gemm_1k, 544, &c), 2.6e-5, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(c.rel_error, 0.03, 1e-12);
	/* compute-bound at both ends: twice the tokens, twice the time */
	CU_ASSERT_DOUBLE_EQUAL(ask_m(t, gemm_1k, 4096, &c), 4 * 4e-5, 0.05 * 16e-5);
	CU_ASSERT_TRUE(c.extrapolated);
	CU_ASSERT_DOUBLE_EQUAL(c.rel_error, 0.25, 1e-12);
	/* the other 16-bit format runs as fast */
	{
		struct op half = gemm_1k;

		half.dtype = DTYPE_FP16;
		CU_ASSERT_EQUAL(ask_m(t, half, 64, NULL), 1.2e-5);
		half.dtype = DTYPE_FP4;
		CU_ASSERT_TRUE(isnan(ask_m(t, half, 64, NULL)));
		half.dtype = DTYPE_BF16;
		CU_ASSERT_TRUE(isnan(ask_m(t, half, 0, NULL)));
		half.n = -4;
		CU_ASSERT_TRUE(isnan(ask_m(t, half, 64, NULL)));
	}
	tables_free(t);
	folder_remove(&f);
}

static void unknown_site_lies_between_its_neighbours(void)
{
	struct tables_limits l = limits(1e14, 2e12);
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op_cost c;
	struct op op = gemm_1k;

	folder_open(&f, "tables-site");
	folder_add(&f, "vllm", "gemm", gemm_text);
	t = tables_load_folder(f.path, "vllm", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	/* n = 2048 lies a third of the way from 1024 to 4096 */
	op.n = 2048;
	CU_ASSERT_DOUBLE_EQUAL(ask_m(t, op, 1024, &c), 4e-5 + (13e-5 - 4e-5) / 3, 1e-12);
	CU_ASSERT_FALSE(c.extrapolated);
	CU_ASSERT_DOUBLE_EQUAL(c.rel_error, 0.05, 1e-12);
	/* beyond the widest site the part above the launch time (10 us) doubles */
	op.n = 8192;
	CU_ASSERT_DOUBLE_EQUAL(ask_m(t, op, 1024, &c), 1e-5 + 2 * 12e-5, 1e-12);
	CU_ASSERT_TRUE(c.extrapolated);
	tables_free(t);
	folder_remove(&f);
}

static void extrapolation_respects_the_roofline(void)
{
	/* The table claims twice the peak at its end; past it the data sheet rules. */
	struct tables_limits l = limits(2.0 * 1024 * 1024 * 1024 / 8e-5, 1e15);
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op_cost c;

	folder_open(&f, "tables-roof");
	folder_add(&f, "vllm", "gemm", gemm_text);
	t = tables_load_folder(f.path, "vllm", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_DOUBLE_EQUAL(ask_m(t, gemm_1k, 8192, &c), 8 * 8e-5, 1e-12);
	tables_free(t);
	folder_remove(&f);
}

/* 64 queries a KV head take 20 times as long as as many over two KV heads: another kernel, which depends on batch x heads alone, answers
 * for more of its kind and for nothing else. */
static void beyond_shared_heads(void)
{
	static const char text[] = "dtype,kv_dtype,window,head_dim,heads,kv_heads,batch,kv_len,seconds\n"
				   "bf16,bf16,0,128,32,1,1,2048,1e-5\nbf16,bf16,0,128,32,1,256,2048,4e-5\n"
				   "bf16,bf16,0,128,64,1,1,2048,2e-5\nbf16,bf16,0,128,64,1,256,2048,1.04e-3\n"
				   "bf16,bf16,0,128,64,2,1,2048,1e-5\nbf16,bf16,0,128,64,2,256,2048,7e-5\n";
	struct tables_limits l = limits(1e15, 1e14);
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op op = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .heads = 128, .kv_heads = 2, .head_dim = 128, .q_len = 1,
			 .batch = 16, .kv_len = 2048 };
	struct op_cost c;

	folder_open(&f, "tables-beyond-shared");
	folder_add(&f, "vllm", "attention_decode", text);
	t = tables_load_folder(f.path, "vllm", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op, &c), 2e-5 + 31 * 4e-6, 1e-12);       /* as 64 heads over one, at batch 32 */
	op.heads = 48;
	op.kv_heads = 2;
	CU_ASSERT_TRUE(ask(t, op, &c) < 2e-5);
	tables_free(t);
	folder_remove(&f);
}

/* kv_len and batch: straight lines; one KV head of eight on this device is an eighth of the batch. */
static void decode_by_equal_work(void)
{
	static const char text[] = "dtype,kv_dtype,window,head_dim,heads,kv_heads,batch,kv_len,seconds\n"
				   "bf16,bf16,0,128,8,2,1,1000,1e-5\nbf16,bf16,0,128,8,2,1,9000,2e-5\n"
				   "bf16,bf16,0,128,8,2,8,1000,2e-5\nbf16,bf16,0,128,8,2,8,9000,1e-4\n";
	struct tables_limits l = limits(1e15, 1e12);
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op op = {
		.kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .heads = 8, .kv_heads = 2, .head_dim = 128, .q_len = 1
	};
	struct op_cost c;

	folder_open(&f, "tables-decode");
	folder_add(&f, "vllm", "attention_decode", text);
	t = tables_load_folder(f.path, "vllm", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	op.batch = 8;
	op.kv_len = 5000.0;
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op, &c), 6e-5, 1e-12);
	op.kv_dtype = DTYPE_BF16;
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op, &c), 6e-5, 1e-12);
	op.kv_dtype = DTYPE_FP8;
	CU_ASSERT_TRUE(isnan(ask(t, op, &c)));
	op.kv_dtype = DTYPE_NONE;
	op.heads = 16;
	op.kv_heads = 4;
	op.batch = 4;
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op, &c), 6e-5, 1e-12);
	CU_ASSERT_FALSE(c.extrapolated);
	/* a window streams no more than itself */
	op.heads = 8;
	op.kv_heads = 2;
	op.batch = 8;
	op.kv_len = 9000;
	op.window = 5000;
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op, &c), 6e-5, 1e-12);
	tables_free(t);
	folder_remove(&f);
}

static void all_reduce_takes_the_faster(void)
{
	static const char custom[] = "devices_per_node,devices,bytes,seconds\n0,2,1024,4e-6\n0,2,1e6,4e-5\n";
	static const char nccl[] =
		"devices_per_node,devices,bytes,seconds\n0,2,1024,8e-6\n0,2,1e6,2e-5\n2,4,1024,5e-5\n";
	static const char gather[] = "devices,bytes,seconds\n4,1024,7e-6\n";
	struct tables_limits l = limits(1e15, 1e12);
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op op = { .kind = OP_ALL_REDUCE, .devices = 2, .bytes = 1024 };
	struct op_cost c;

	folder_open(&f, "tables-reduce");
	folder_add(&f, "vllm", "all_reduce", custom);
	folder_add(&f, "nccl", "all_reduce", nccl);
	folder_add(&f, "nccl", "all_gather", gather);
	t = tables_load_folder(f.path, "vllm", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(ask(t, op, NULL), 4e-6);
	op.bytes = 1e6;
	CU_ASSERT_EQUAL(ask(t, op, &c), 2e-5);
	CU_ASSERT_EQUAL(c.bound, BOUND_NETWORK);
	op.bytes = 1024;
	op.devices = 4;
	op.devices_per_node = 2;
	CU_ASSERT_EQUAL(ask(t, op, NULL), 5e-5);
	op.devices_per_node = 4; /* all in one node: not measured, and more ranks than were */
	CU_ASSERT_TRUE(isnan(ask(t, op, NULL)));
	op.kind = OP_REDUCE_SCATTER; /* as all_gather */
	CU_ASSERT_EQUAL(ask(t, op, &c), 7e-6);
	tables_free(t);
	folder_remove(&f);
}

/* Four ranks between two and eight, of which eight change to two steps from 256 KiB on: 300,000 bytes are read as in one step, where seven
 * others' buffers are as many bytes; from 512 KiB on the line between the ranks goes on, never below. */
static void ranks_in_one_step(void)
{
	static const char text[] = "devices_per_node,devices,bytes,seconds\n"
				   "0,2,256,4e-6\n0,2,2000000,2.4e-5\n"
				   "0,8,256,6e-6\n0,8,200000,2e-5\n0,8,270000,5e-5\n0,8,2000000,6e-5\n";
	struct tables_limits l = limits(1e15, 1e14);
	struct op op = { .kind = OP_ALL_REDUCE, .dtype = DTYPE_BF16, .devices = 4, .bytes = 300000 };
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op_cost c;
	double two, eight, last = 0;

	folder_open(&f, "tables-one-step");
	folder_add(&f, "vllm", "all_reduce", text);
	t = tables_load_folder(f.path, "vllm", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	two = 4e-6 + (900000.0 - 256) / (2000000 - 256) * 2e-5;
	eight = 6e-6 + (300000.0 * 3 / 7 - 256) / (200000 - 256) * 1.4e-5;
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op, &c), (two + eight) / 2, 1e-12);
	for (op.bytes = 1000; op.bytes < 2e6; op.bytes *= 1.1) {
		CU_ASSERT_TRUE(ask(t, op, &c) >= last);
		last = ask(t, op, &c);
	}
	tables_free(t);
	folder_remove(&f);
}

/* A ring of four ranks between those of two and eight: at equal parts of the buffer, a start and so much a step, of which there are one, three and
 * seven. A step takes 2 us up to parts of 64 KiB and 6 us beyond (another protocol), which lines at equal bytes would smear over all sizes between
 * 128 and 512 KiB. An exchange of pairs is the same. */
static void ranks_at_equal_parts(void)
{
	static const char gather[] = "devices_per_node,devices,bytes,seconds\n0,2,1024,9e-6\n0,2,131072,9e-6\n0,2,131074,1.3e-5\n0,2,2000000,1.3e-5\n"
				     "0,8,4096,2.1e-5\n0,8,524288,2.1e-5\n0,8,524296,4.9e-5\n0,8,8000000,4.9e-5\n";
	static const char *const names[] = { "all_gather", "all_to_all" };
	static const enum op_kind kinds[] = { OP_ALL_GATHER, OP_ALL_TO_ALL };
	struct tables_limits l = limits(1e15, 1e14);

	for (int i = 0; i < 2; i++) {
		struct op op = { .kind = kinds[i], .dtype = DTYPE_BF16, .devices = 4, .bytes = 4 * 65536 };
		struct folder f;
		struct err err = { 0 };
		struct tables *t;
		double last = 0;

		folder_open(&f, "tables-equal-parts");
		folder_add(&f, "nccl", names[i], gather);
		t = tables_load_folder(f.path, "nccl", &l, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		CU_ASSERT_DOUBLE_EQUAL(ask(t, op, NULL), 7e-6 + 3 * 2e-6, 1e-12);
		op.bytes = 4 * 65540.0;
		CU_ASSERT_DOUBLE_EQUAL(ask(t, op, NULL), 7e-6 + 3 * 6e-6, 1e-12);
		for (op.bytes = 1000; op.bytes < 4e6; op.bytes *= 1.1) {
			CU_ASSERT_TRUE(ask(t, op, NULL) >= last);
			last = ask(t, op, NULL);
		}
		tables_free(t);
		folder_remove(&f);
	}
}

/* TensorRT-LLM's four ranks reduce 1 MiB in one step before Blackwell, and 3 MiB from it on (devices with 4-bit floats). */
static void one_step_of_an_architecture(void)
{
	static const char text[] = "devices_per_node,devices,bytes,seconds\n0,2,256,4e-6\n0,2,10000000,1.04e-4\n"
				   "0,8,256,4e-6\n0,8,2000000,1.44e-4\n0,8,3000000,1e-3\n0,8,10000000,2e-3\n";

	for (int blackwell = 0; blackwell < 2; blackwell++) {
		struct tables_limits l = limits(1e15, 1e14);
		struct op op = { .kind = OP_ALL_REDUCE, .dtype = DTYPE_BF16, .devices = 4, .bytes = 3 << 20 };
		struct folder f;
		struct err err = { 0 };
		struct tables *t;
		double one = 4e-6 + ((9 << 20) - 256.0) / (10000000 - 256) * 1e-4;

		l.peak_flop_s[DTYPE_FP4] = blackwell ? 4e15 : 0;
		folder_open(&f, "tables-architecture");
		folder_add(&f, "trtllm", "all_reduce", text);
		t = tables_load_folder(f.path, "trtllm", &l, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		if (blackwell)
			CU_ASSERT_DOUBLE_EQUAL(ask(t, op, NULL), one, 1e-7)
		else
			CU_ASSERT_TRUE(ask(t, op, NULL) > 3 * one)
		op.bytes = 1 << 20;
		CU_ASSERT_TRUE(ask(t, op, NULL) < 5e-5);
		tables_free(t);
		folder_remove(&f);
	}
}

/* A cache of 16 bits takes half the bytes of one of 32: neither answers for the other. */
static void appending_by_the_cache(void)
{
#define ERRORS "# source: made up for this test\n# licence: none\n# rel_error_exact: 0.02\n# rel_error_between: 0.03\n# rel_error_site: 0.05\n# rel_error_outside: 0.25\n"
	static const char append[] = ERRORS "dtype,kv_dtype,n,m,seconds\nfp32,fp32,512,8,2e-6\nfp32,fp32,1024,8,4e-6\nfp32,bf16,512,8,1e-6\n";
	static const char sampling[] = ERRORS "dtype,n,m,seconds\nfp32,4096,1,1e-6\nfp32,4096,9,9e-6\n";
	struct tables_limits l = limits(1e15, 1e12);
	struct folder f;
	struct err err = { 0 };
	struct tables *t;
	struct op op = { .kind = OP_KV_APPEND, .dtype = DTYPE_FP32, .kv_dtype = DTYPE_FP32, .m = 8, .n = 512 };

	folder_open(&f, "tables-append");
	folder_add(&f, "vibee", "kv_append", append);
	folder_add(&f, "vibee", "sampling", sampling);
	t = tables_load_folder(f.path, "vibee", &l, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(ask(t, op, NULL), 2e-6);
	op.n = 768;
	CU_ASSERT_DOUBLE_EQUAL(ask(t, op, NULL), 3e-6, 1e-18);
	op.n = 512;
	op.kv_dtype = DTYPE_BF16;
	CU_ASSERT_EQUAL(ask(t, op, NULL), 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(ask_m(t, (struct op){ .kind = OP_SAMPLING, .dtype = DTYPE_FP32, .n = 4096 }, 5, NULL), 5e-6, 1e-18);
	tables_free(t);
	folder_remove(&f);
}

static void says_what_is_wrong(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "gemm.csv:1: expected a line of column names" },
		{ "dtype,batch,k,n,m,second\n", "gemm.csv:1: no column is called \"second\"; nearest is seconds" },
		{ "dtype,batch,k,n,m\n", "gemm.csv:1: no column seconds" },
		{ "dtype,k,n,seconds\n", "gemm.csv:1: no column m, which gemm tables need" },
		{ "dtype,k,k,n,m,seconds\n", "gemm.csv:1: column k twice" },
		{ "dtype,k,n,m,seconds\n", "gemm.csv:2: no rows" },
		{ "dtype,k,n,m,seconds\nbf17,1,1,1,1\n",
		  "gemm.csv:2: dtype=\"bf17\": expected a number format such as bf16; nearest is bf16" },
		{ "dtype,k,n,m,seconds\nbf16,1,1,x,1\n",
		  "gemm.csv:2: m: expected a number that is not negative, found \"x\"" },
		{ "dtype,k,n,m,seconds\nbf16,1,1,1\n", "gemm.csv:2: expected 5 columns, found something else after m" },
		{ "dtype,k,n,m,seconds\nbf16,1,1,1,1,1\n",
		  "gemm.csv:2: expected 5 columns, found something else after seconds" },
		{ "dtype,k,n,m,seconds\nbf16,1,1,1,0\n", "gemm.csv:2: seconds: expected more than 0" },
		{ "dtype,k,n,m,seconds\nbf16,1,2,1,1\nbf16,1,1,1,1\n", "gemm.csv:3: rows are not sorted by site" },
		{ "dtype,k,n,m,seconds\nbf16,1,1,1,1\nbf16,1,1,1,1\n",
		  "gemm.csv:3: rows of a site are not rising, or a shape comes twice" },
		{ "# rel_error_site: much\n",
		  "gemm.csv:1: rel_error_site: expected a share such as 0.05, found \"much\"" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct tables_limits l = limits(1e15, 1e12);
		struct folder f;
		struct err err = { 0 };

		folder_open(&f, "tables-bad");
		folder_add(&f, "vllm", "gemm", cases[i].text);
		CU_ASSERT_PTR_NULL(tables_load_folder(f.path, "vllm", &l, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		TRUE_FOR(err.text, strstr(err.text, cases[i].says) != NULL);
		folder_remove(&f);
	}
}

static void absent_device_is_no_error(void)
{
	struct tables_limits l = limits(1e15, 1e12);
	struct err err = { 0 };

	CU_ASSERT_PTR_NULL(tables_load_folder("tests/data/no-such-device", "vllm", &l, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_NONE);
}

static void survives_failing_memory(void)
{
	bool failed = true;

	for (size_t n = 1; failed && n < 1000; n++) {
		char text[sizeof(gemm_text)];
		struct err err = { 0 };
		struct table *t;

		memcpy(text, gemm_text, sizeof(text));
		mem_fail_after(n);
		t = table_read_text("gemm.csv", text, sizeof(text) - 1, "vllm", OP_GEMM, &err);
		mem_fail_after(0);
		failed = !t;
		CU_ASSERT_EQUAL(failed, err.kind == ERR_INTERNAL);
		table_release(t);
	}
	CU_ASSERT_FALSE(failed);
}

/* --- the shipped tables -------------------------------------------------------------------------------------- */

static const char *const shipped[] = { "hardware/tables/a100", "hardware/tables/h100" };

static struct tables_limits limits_of(size_t device)
{
	struct tables_limits l = device == 0 ? limits(312e12, 2039e9) : limits(989e12, 3350e9);

	l.peak_flop_s[DTYPE_FP8] = l.peak_flop_s[DTYPE_FP8_BLOCK] = l.peak_flop_s[DTYPE_INT8] =
		2 * l.peak_flop_s[DTYPE_BF16];
	return l;
}

/* Every 97th row of a shipped file comes back as it is written there. */
static void rows_come_back(const struct tables *t, const struct tables_info *info)
{
	struct err err = { 0 };
	char copy[SCRATCH_PATH], line[256];
	FILE *in = fopen(info->path, "r"), *out = fopen(scratch_path(copy, "tables-rows.csv"), "w");
	struct csv *csv;
	int row = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	while (fgets(line, sizeof(line), in))
		if (line[0] != '#' && strchr(line, '\n') && !strstr(line, "# "))
			fputs(line, out);
	fclose(in);
	fclose(out);
	csv = csv_open(copy, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(csv);
	while (csv_next(csv, &err)) {
		struct op op = { .kind = OP_GEMM };
		double seconds = 0;

		if (row++ % 97)
			continue;
		op.dtype = (enum dtype)dtype_parse(csv_text(csv, csv_find(csv, "dtype")));
		CU_ASSERT_TRUE(csv_int(csv, csv_find(csv, "batch"), &op.batch, &err) &&
			       csv_int(csv, csv_find(csv, "m"), &op.m, &err) &&
			       csv_int(csv, csv_find(csv, "n"), &op.n, &err) &&
			       csv_int(csv, csv_find(csv, "k"), &op.k, &err) &&
			       csv_number(csv, csv_find(csv, "seconds"), &seconds, &err));
		if (ask(t, op, NULL) != seconds)
			fprintf(stderr, "%s: row %d: expected %g, got %g\n", info->path, row, seconds,
				ask(t, op, NULL));
		CU_ASSERT_EQUAL(ask(t, op, NULL), seconds);
	}
	csv_close(csv);
	remove(copy);
}

static void shipped_rows_are_exact(void)
{
	for (size_t d = 0; d < COUNT_OF(shipped); d++) {
		struct tables_limits l = limits_of(d);
		struct err err = { 0 };
		struct tables *t = tables_load_folder(shipped[d], "trtllm", &l, &err);
		struct tables_info info;

		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		for (size_t i = 0; i < tables_count(t); i++) {
			tables_info(t, i, &info);
			TRUE_FOR(info.path, *info.source && *info.licence && info.rows > 0 && info.sites > 0);
			if (strcmp(info.op, "gemm") == 0)
				rows_come_back(t, &info);
		}
		tables_free(t);
	}
}

/* Random operators: whatever a table answers never falls when m, batch, kv_len, q_len or bytes grows. */
static struct op random_op(struct rng *r)
{
	static const enum op_kind kinds[] = { OP_GEMM, OP_ATTENTION_PREFILL, OP_ATTENTION_DECODE, OP_MOE, OP_ALL_REDUCE,
					      OP_NORM, OP_MLA_DECODE,        OP_MLA_PREFILL };
	struct op op = { .kind = kinds[rng_below(r, COUNT_OF(kinds))], .dtype = DTYPE_BF16 };
	int64_t kv = (int64_t)1 << rng_below(r, 4);

	op.m = 1 + (int64_t)rng_below(r, 20000);
	op.n = 64 * (1 + (int64_t)rng_below(r, 600));
	op.k = 64 * (1 + (int64_t)rng_below(r, 300));
	op.heads = kv * (1 + (int64_t)rng_below(r, 8));
	op.kv_heads = kv;
	op.head_dim = 128;
	op.batch = op.kind == OP_GEMM ? 1 : 1 + (int64_t)rng_below(r, 200);
	op.q_len = op.kind == OP_ATTENTION_DECODE || op.kind == OP_MLA_DECODE ? 1 : 1 + (int64_t)rng_below(r, 8000);
	op.kv_len = (double)op.q_len + (rng_below(r, 2) || op.q_len == 1 ? (double)rng_below(r, 30000) : 0);
	if (op.kind == OP_MLA_DECODE || op.kind == OP_MLA_PREFILL) {
		op.heads = 1 + (int64_t)rng_below(r, 128);
		op.k = 576;
		op.head_dim = 192;
		op.v_head_dim = 128;
	}
	op.experts_total = op.experts = 8;
	op.top_k = 2;
	op.gated = true;
	op.devices = 2 << rng_below(r, 3);
	op.bytes = (double)(1 + rng_below(r, 100000000));
	return op;
}

static void grow(struct op *op, struct rng *r, double factor)
{
	bool batch = rng_below(r, 2);

	switch (op->kind) {
	case OP_ATTENTION_DECODE:
	case OP_MLA_DECODE:
		if (batch)
			op->batch = (int64_t)ceil((double)op->batch * factor);
		else
			op->kv_len *= factor;
		break;
	case OP_ATTENTION_PREFILL:
	case OP_MLA_PREFILL:
		if (batch) {
			op->batch = (int64_t)ceil((double)op->batch * factor);
		} else {
			double prior = op->kv_len - (double)op->q_len;

			op->q_len = (int64_t)ceil((double)op->q_len * factor);
			op->kv_len = (double)op->q_len + prior;
		}
		break;
	default:
		op->m = (int64_t)ceil((double)op->m * factor);
		op->bytes *= factor;
	}
}

static void shipped_answers_are_monotone(void)
{
	for (size_t d = 0; d < COUNT_OF(shipped); d++) {
		struct tables_limits l = limits_of(d);
		struct err err = { 0 };
		struct tables *t = tables_load_folder(shipped[d], "vllm trtllm", &l, &err);
		struct rng r;
		int answered = 0, fell = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		rng_init(&r, 7, "monotone");
		for (int i = 0; i < 6000; i++) {
			struct op a = random_op(&r), b = a;
			double x, y;

			grow(&b, &r, i % 2 ? 1.01 : 3);
			x = ask(t, a, NULL);
			y = ask(t, b, NULL);
			if (isnan(x))
				continue;
			answered++;
			if (!(y >= x * (1 - 1e-9)) && fell++ < 5)
				fprintf(stderr,
					"%s: %s m %lld n %lld k %lld heads %lld/%lld batch %lld -> %lld q %lld kv %g "
					"-> %g: %g -> %g us\n",
					shipped[d], op_kind_names[a.kind], (long long)a.m, (long long)a.n,
					(long long)a.k, (long long)a.heads, (long long)a.kv_heads, (long long)a.batch,
					(long long)b.batch, (long long)a.q_len, a.kv_len, b.kv_len, x * 1e6, y * 1e6);
		}
		CU_ASSERT(answered > 3000);
		CU_ASSERT_EQUAL(fell, 0);
		tables_free(t);
	}
}

/* Just before and just after every point of a site's curve the time is the point's. */
static void continuous_at_grid_points(void)
{
	struct tables_limits l = limits_of(1);
	struct err err = { 0 };
	struct table *t =
		table_read("hardware/tables/h100/vllm/attention_decode.csv", "vllm", OP_ATTENTION_DECODE, &err);
	struct op op = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .batch = 1, .head_dim = 128 };
	struct question q = { t, &l, &op, -1, NULL };

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (size_t s = 0; s < t->site_count; s += 23)
		for (size_t n = 0; n < t->sites[s].count; n++) {
			const struct table_node *node = &t->nodes[0][t->sites[s].first + n];

			for (size_t i = 0; i < node->count; i++) {
				double at[2] = { node->x, t->x[node->first + i] }, here = t->seconds[node->first + i];
				enum grade grade = GRADE_EXACT;

				CU_ASSERT_EQUAL(site_seconds(&q, s, at, &grade), here);
				CU_ASSERT_EQUAL(grade, GRADE_EXACT);
				at[1] *= 1 - 1e-9;
				CU_ASSERT_DOUBLE_EQUAL(site_seconds(&q, s, at, &grade), here, 1e-6 * here);
				at[0] *= 1 - 1e-9;
				CU_ASSERT_DOUBLE_EQUAL(site_seconds(&q, s, at, &grade), here, 1e-6 * here);
			}
		}
	table_release(t);
}

/* Read one by one as they are asked, tables say what they say when all are read first. */
static void reads_what_is_asked(void)
{
	struct tables_limits l = limits(989e12, 3.35e12);
	struct err err = { 0 };
	struct tables *all = tables_load("h100", "vllm trtllm", &l, &err), *asked = tables_open("h100", "vllm trtllm", &l, &err);
	struct op packed = { .kind = OP_MOE, .dtype = DTYPE_INT4_WO };
	struct rng r;
	int answered = 0;

	CU_ASSERT_FATAL(all && asked && tables_count(all) == tables_count(asked));
	/* Counted in the file and in the table. */
	CU_ASSERT_EQUAL(tables_rows_of_format(asked, OP_MOE, DTYPE_INT4_WO), tables_rows(all, &packed));
	CU_ASSERT(tables_rows_of_format(asked, OP_GEMM, DTYPE_BF16) > 0 &&
		  tables_rows_of_format(asked, OP_GEMM, DTYPE_BF16) == tables_rows_of_format(all, OP_GEMM, DTYPE_BF16));
	rng_init(&r, 11, "asked");
	for (int i = 0; i < 2000; i++) {
		struct op op = random_op(&r);
		struct op_cost x = { 0 }, y = { 0 };
		bool a = tables_op(all, &op, &x), b = tables_op(asked, &op, &y);

		CU_ASSERT_FATAL(a == b && (!a || (x.seconds == y.seconds && x.rel_error == y.rel_error && x.provider == y.provider)));
		answered += a;
	}
	CU_ASSERT(answered > 500);
	CU_ASSERT_TRUE(tables_sound(asked, &err));
	tables_free(all);
	tables_free(asked);
}

CU_TestInfo suite_tables[] = {
	{ "measured points come back exactly; between and beyond them", exact_between_and_outside },
	{ "a site that was not measured lies between its neighbours", unknown_site_lies_between_its_neighbours },
	{ "extrapolation never beats the data sheet", extrapolation_respects_the_roofline },
	{ "decode: other head layouts answer at equal work", decode_by_equal_work },
	{ "ranks in one step", ranks_in_one_step },
	{ "ranks at equal parts", ranks_at_equal_parts },
	{ "one step of an architecture", one_step_of_an_architecture },
	{ "decode beyond shared heads", beyond_shared_heads },
	{ "all_reduce takes the faster of NCCL and the framework's own", all_reduce_takes_the_faster },
	{ "appending is priced by the cache's format, sampling by its rows", appending_by_the_cache },
	{ "malformed files are refused with file and line", says_what_is_wrong },
	{ "a device without tables is no error", absent_device_is_no_error },
	{ "running out of memory while reading is an error", survives_failing_memory },
	{ "rows of the shipped tables come back exactly", shipped_rows_are_exact },
	{ "shipped tables never answer less for more work", shipped_answers_are_monotone },
	{ "tables read as they are asked say the same", reads_what_is_asked },
	{ "shipped tables are continuous at their points", continuous_at_grid_points },
	CU_TEST_INFO_NULL,
};
