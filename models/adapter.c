#include "models/adapter.h"

#include <string.h>

#include "base/str.h"

static bool attention_only(const char *label)
{
	return strcmp(label, "qkv_proj") == 0 || strcmp(label, "o_proj") == 0;
}

static bool every_linear(const char *label)
{
	return attention_only(label) || strcmp(label, "gate_up_proj") == 0 || strcmp(label, "up_proj") == 0 || strcmp(label, "down_proj") == 0;
}

/* C += (dropout(X) A) B: Hu et al. 2021, arXiv 2106.09685. */
static size_t low_rank(const struct op *op, int64_t rank, struct op *out)
{
	out[0] = (struct op){ .kind = OP_ADD, .dtype = DTYPE_BF16, .m = op->m, .n = op->k };
	out[1] = (struct op){ .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = op->m, .n = rank, .k = op->k };
	out[2] = (struct op){ .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = op->m, .n = op->n, .k = rank };
	out[3] = (struct op){ .kind = OP_ADD, .dtype = DTYPE_BF16, .m = op->m, .n = op->n };
	return 4;
}

static double low_rank_parameters(double k, double n, double rank)
{
	return rank * (k + n);
}

static const struct adapter_ops lora = {
	.name = "lora", .help = "low-rank updates at attention's projections", .source = "arXiv 2106.09685", .adapts = attention_only,
	.forward = low_rank, .parameters = low_rank_parameters,
};
static const struct adapter_ops lora_all = {
	.name = "lora-all", .help = "low-rank updates at every projection", .source = "arXiv 2106.09685", .adapts = every_linear,
	.forward = low_rank, .parameters = low_rank_parameters,
};

const struct adapter_ops *const adapters[] = { &lora, &lora_all, NULL };

const struct adapter_ops *adapter_require(const char *name, struct err *err)
{
	const char *names[32], *near;
	size_t n = 0;

	for (; adapters[n] && n < COUNT_OF(names); n++) {
		if (text_equal_fold(adapters[n]->name, name))
			return adapters[n];
		names[n] = adapters[n]->name;
	}
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "adapter '%s': expected one of lora, lora-all%s%s", name, near ? "; did you mean " : "", near ? near : "");
	return NULL;
}
