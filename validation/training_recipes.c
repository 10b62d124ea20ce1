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
	return "";
}
