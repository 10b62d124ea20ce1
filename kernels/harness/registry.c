/* All kernels: the one line to add for a new family. */
#include "kernels/harness/kernel.h"

#include <string.h>

#define KERNELS(X) \
	X(gemm) X(attention_decode) X(attention_prefill) X(norm) X(layernorm) X(rope) X(activation) X(gelu) X(softmax) X(add) \
	X(embedding) X(kv_append) X(sampling) X(router) X(moe) X(scan) X(all_reduce) X(all_gather) X(copy) X(triad) X(fma) \
	X(kivi_scores) X(heavy_hitter) X(infini_memory) X(ternary_gemv) X(mlstm) X(ttt_linear) X(token_route) X(diff_attention) \
	X(newton_schulz) X(group_dro) X(rejection) X(mora) X(lora_hub) X(kivi_attention) X(h2o_attention) X(diff_decode) \
	X(mlstm_step) X(ttt_step) X(infini_step) X(tile_gemm) X(prefix_index) \
	X(adamw_update) X(muon_update)

#define X(name) extern const struct kernel_family kernel_##name;
KERNELS(X)
#undef X
#define X(name) &kernel_##name,
const struct kernel_family *const kernel_families[] = { KERNELS(X) NULL };
#undef X

const struct kernel_family *kernel_family_find(const char *name)
{
	for (int i = 0; kernel_families[i]; i++)
		if (!strcmp(kernel_families[i]->name, name))
			return kernel_families[i];
	return NULL;
}

bool kernel_usable(const struct kernel *k, const struct shape *s)
{
	return (!k->takes || k->takes(s)) && (!k->usable || k->usable());
}

const struct kernel *kernel_default(const struct kernel_family *f, const struct shape *s)
{
	const struct kernel *best = f->variants;

	for (const struct kernel *k = f->variants; k->run; k++)
		if (strcmp(k->variant, "openblas") != 0 && strcmp(k->variant, "opencl") != 0 && kernel_usable(k, s))
			best = k;
	return best;
}

bool kernel_family_streams(const struct kernel_family *f, const struct shape *s)
{
	struct operand list[OPERANDS_MOST];
	int n = f->operands(s, list);

	for (int i = 0; i < n; i++)
		if (list[i].streamed)
			return true;
	return f->streams != NULL;
}

bool shape_is_last(const struct shape *s)
{
	static const struct shape none;

	return !memcmp(s, &none, sizeof(none));
}
