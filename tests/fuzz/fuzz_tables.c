/* Measured tables: the first byte picks the operator, the rest is its CSV. What loads answers operators without NaN. */
#include <math.h>
#include <sys/stat.h>

#include "hardware/tables.h"
#include "tests/fuzz/input.h"

static const char *const names[] = { "gemm", "attention_decode", "attention_prefill", "mla_decode", "moe", "all_reduce", "norm", "all_to_all" };
enum { NAMES = sizeof(names) / sizeof(names[0]) };

/* FOLDER/vllm/OP.csv, all of them links to one nameless file's path. */
static const char *folder_with(int op, const char *content)
{
	static char folder[64];
	char path[128];

	snprintf(folder, sizeof(folder), "%s/vibee-tables-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/vllm", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/vllm/%s.csv", folder, names[op]);
	if (symlink(content, path) != 0)
		abort();
	return folder;
}

static void folder_empty(const char *folder, int op)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/vllm/%s.csv", folder, names[op]);
	unlink(path);
	snprintf(path, sizeof(path), "%s/vllm", folder);
	rmdir(path);
	rmdir(folder);
}

static void ask(const struct tables *t)
{
	for (int64_t m = 1; m < 1 << 20; m *= 7) {
		struct op ops[] = {
			{ .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = m, .n = 4096, .k = 4096, .batch = 1 },
			{ .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .batch = m, .heads = 32, .kv_heads = 8,
			  .head_dim = 128, .q_len = 1, .kv_len = 1000 },
			{ .kind = OP_ALL_REDUCE, .dtype = DTYPE_BF16, .bytes = (double)m * 8192, .devices = 8 },
			{ .kind = OP_MOE, .dtype = DTYPE_BF16, .m = m, .n = 2048, .k = 7168, .experts = 256, .top_k = 8 },
		};

		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			struct op_cost cost = { 0 };

			if (tables_op(t, &ops[i], &cost) && !(cost.seconds >= 0 && isfinite(cost.seconds)))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tables_limits limits = { .bandwidth_bytes_s = 3e12 };
	int op = size ? data[0] % NAMES : 0;
	const char *folder = folder_with(op, input_file(size ? data + 1 : data, size ? size - 1 : 0));
	struct err err = { 0 };
	struct tables *t;

	for (int i = 0; i < DTYPE_COUNT; i++)
		limits.peak_flop_s[i] = 1e15;
	t = tables_load_folder(folder, NULL, &limits, &err);
	if (t || err.kind != ERR_NONE)
		verdict(t != NULL, &err);
	if (t) {
		struct tables_info info;

		for (size_t i = 0; i < tables_count(t); i++)
			tables_info(t, i, &info);
		ask(t);
	}
	tables_free(t);
	folder_empty(folder, op);
	return 0;
}
