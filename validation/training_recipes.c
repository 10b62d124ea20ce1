#include "validation/training_recipes.h"

#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

/* scripts/performance/configs of NVIDIA-NeMo/Megatron-Bridge, read at the commits that its history has about the releases: full
 * iteration graphs with fused grouped MLPs (cuda_graph_impl, cutedsl_fused_grouped_mlp), overlap of expert exchanges
 * (moe_a2a_overlap), token dispatchers (moe_token_dispatcher_type alltoall: copies). Qwen3's are inferred for 26.06 from its code for full iteration graphs. The first that fits counts; what a
 * text does not name is any. */
static const struct recipe {
	const char *model, *accelerator, *precision;   /* how they begin */
	const char *since, *before;    /* releases; "" none */
	int64_t vp_least;
	const char *batch;             /* text of its batch */
	const char *settings;
} recipes[] = {
	/* Dropped tokens leave shapes alone: whole iterations are graphs, where the recipes of 25.09 ask for it. */
	{ "Qwen3_30B_a3B (tokendrop)", "B", "", "", "25.11", 1, "", "hardware.stack=megatron-graphs " },
	{ "Qwen3_30B_a3B (tokendrop)", "GB", "", "", "25.11", 1, "", "hardware.stack=megatron-graphs " },
	{ "Qwen3_235B_a22B (tokendrop)", "GB", "", "", "25.11", 1, "", "hardware.stack=megatron-graphs " },
	/* DeepEP and a2a_1f1b. */
	{ "DeepSeekV3 (dropless)", "H100", "", "", "25.11", 1, "", "layout.ep_overlap=yes " },
	{ "Kimi_K2", "GB", "", "26.06", "", 1, "mbs 2", "" },
	{ "Qwen3_", "GB", "mxfp8", "26.06", "", 1, "", "hardware.stack=megatron-2606 " },
	{ "", "GB", "mxfp8", "26.06", "", 1, "", "hardware.stack=megatron-2606 layout.ep_overlap=yes " },
	/* Pull request 4606, on the branch of 26.06 at its end: the same for eight devices a node; three chunks a stage tell. */
	{ "Qwen3_235B", "B", "mxfp8", "26.06.01", "", 3, "", "hardware.stack=megatron-2606 layout.ep_overlap=yes " },
	{ "DeepSeekV3", "B300", "mxfp8", "26.06", "", 1, "", "hardware.stack=megatron-2606 layout.ep_overlap=yes " },
	{ "DeepSeekV3", "B200", "mxfp8", "26.04", "", 2, "", "layout.ep_overlap=yes " },
	{ "Qwen3_235B", "H100", "", "", "", 2, "", "layout.exchange=copies layout.ep_overlap=yes " },
	{ "Qwen3_235B", "B300", "", "", "", 2, "", "layout.exchange=copies layout.ep_overlap=yes " },
	{ "Qwen3_235B", "B", "", "", "", 1, "", "layout.exchange=copies " },
	/* No dispatcher is named: the provider's, alltoall; HybridEP for B300 in MXFP8. recompute_modules of H100: layernorm, moe_act. */
	{ "GPT OSS", "B300", "mxfp8", "26.06", "", 1, "", "layout.ep_overlap=yes " },
	{ "GPT OSS", "H100", "", "26.02", "", 1, "mbs 1", "layout.exchange=copies layout.recompute=elementwise " },
	{ "GPT OSS", "", "", "", "", 1, "", "layout.exchange=copies " },
};

/* Configurations of MLPerf submissions: AMD's, which its partners run, remakes 21 of 80 layers to fit 192 GB (config_MI300X_1x8x1.sh of
 * mlcommons/training_results_v5.1: ACG=full ACM=block ACL=21); MI325X's and MI350X's remake none. */
static const struct {
	const char *source, *model, *accelerator, *settings;
} configurations[] = {
	{ "MLPerf", "Llama-2-70B LoRA", "MI300X", "hardware.stack=rocm layout.recompute=full layout.recompute_layers=21 " },
	{ "MLPerf", "", "MI", "hardware.stack=rocm " },
};

/* "26.06.01" of "... [26.06.01 NeMo Container; ...]"; texts of releases order as they do. */
static const char *release_of(const struct published_row *row)
{
	const char *at = strchr(row->source, '[');

	return at ? at + 1 : "";
}

bool training_recipe_before(const struct published_row *row, const char *release)
{
	return strcmp(release_of(row), release) < 0;
}

const char *training_recipe(const struct published_row *row, int64_t vp)
{
	const char *release = release_of(row);

	for (size_t i = 0; text_starts(row->source, "Megatron-Bridge") && i < COUNT_OF(recipes); i++) {
		const struct recipe *r = &recipes[i];

		if (text_starts(row->model, r->model) && text_starts(row->accelerator, r->accelerator) && text_starts(row->precision, r->precision) &&
		    strcmp(release, r->since) >= 0 && (!*r->before || strcmp(release, r->before) < 0) && vp >= r->vp_least && strstr(row->batch, r->batch))
			return r->settings;
	}
	for (size_t i = 0; i < COUNT_OF(configurations); i++)
		if (text_starts(row->source, configurations[i].source) && text_starts(row->model, configurations[i].model) &&
		    text_starts(row->accelerator, configurations[i].accelerator))
			return configurations[i].settings;
	return "";
}

/* Forms of MLPerf Training 5.1 that name both formats ("fp4/fp8"), read as the configurations that were launched (mlcommons/training_results_v5.1):
 * config_common.sh sets FP8=True; 4 bits where a configuration sources config_common_fp4.sh, as the container's names ending in _fp4 do.
 * It has such for the 405B model, and for one node of the others; those for several nodes, and for eight ranks of context, are in 8 bits
 * (config_DGXB200_8x8x1xtp1pp1cp2_8b.sh, config_GB200_18x4x1xtp1pp1cp8.sh). The first that fits counts; texts are of the row's source. */
static const struct {
	const char *model, *accelerator, *submitter;
	double most;                   /* devices */
	const char *format;
} submitted[] = {
	{ "Llama-3.1-405B", "", "", 1e9, "fp4" },      /* config_GB200_128x4x144xtp4pp8cp2_cg_fp4.sh */
	{ "Llama-2-70B LoRA", "B300", "Nebius/", 8, "fp4" },   /* its config_DGXB200_1x8x1xtp1pp1cp1.sh sources config_common_fp4.sh */
	{ "Llama-2-70B LoRA", "B300", "", 8, "fp8" },  /* Dell's and Supermicro's config_*_1x8x1xtp1pp1cp1.sh; Lenovo's is not kept, its row is of the fitted half */
	{ "Llama-3.1-8B", "B300", "Dell/", 8, "fp8" }, { "Llama-3.1-8B", "B300", "Supermicro/", 8, "fp8" },
	{ "Llama-3.1-8B", "B200", "University-of-Florida/", 8, "fp8" },        /* run_1n.sub: config_DGXB200_1x8x2xtp1pp1cp1_8b.sh */
	{ "", "", "", 8, "fp4" }, { "", "", "", 1e9, "fp8" },
};

const char *training_format(const struct published_row *row)
{
	for (size_t i = 0; strcmp(row->precision, "fp4/fp8") == 0 && i < COUNT_OF(submitted); i++)
		if (text_starts(row->model, submitted[i].model) && text_starts(row->accelerator, submitted[i].accelerator) &&
		    strstr(row->source, submitted[i].submitter) && row->devices <= submitted[i].most)
			return submitted[i].format;
	return row->precision;
}
