/*
 * Which runs of DeepSeek's models drafted tokens. InferenceX's rows of DeepSeek-R1 on TensorRT-LLM (its sweeps of 2026) do not say it;
 * its lists of settings do: one list of runs without drafts and one with them an image and number format, layouts and requests in
 * flight of their own (entries dsr1-*-b200-trt and dsr1-*-b200-trt-mtp of .github/configs/nvidia-master.yaml: of 1.1.0rc2.post2
 * in InferenceMAX/InferenceMAX at 525079ad, of 1.2.0rc6 in whn09/InferenceX at 34675de1). A setting of both lists is taken as
 * drafting. Rows of 2025, named DeepSeek-V3, are without.
 */
#include <math.h>
#include <string.h>

#include "validation/published_build.h"

/* Settings that drafted under 1.1.0rc2.post2: ranks of attention and of experts, requests in flight from and to. */
static const struct {
	const char *precision;
	double isl, osl;
	int64_t tp, attention_dp, ep;
	double least, most;
} drafting[] = {
	{ "fp4", 1024, 1024, 4, 1, 1, 4, 8 },	   { "fp4", 1024, 1024, 4, 1, 4, 16, 64 }, { "fp4", 1024, 1024, 1, 4, 4, 128, 256 },
	{ "fp4", 1024, 1024, 8, 1, 1, 4, 8 },	   { "fp4", 1024, 1024, 8, 1, 8, 16, 32 }, { "fp4", 1024, 1024, 1, 8, 8, 64, 256 },
	{ "fp4", 1024, 8192, 4, 1, 1, 4, 16 },	   { "fp4", 1024, 8192, 4, 1, 4, 32, 64 }, { "fp4", 1024, 8192, 1, 4, 4, 128, 256 },
	{ "fp4", 1024, 8192, 8, 1, 1, 4, 4 },	   { "fp4", 1024, 8192, 8, 1, 8, 8, 64 },  { "fp4", 1024, 8192, 1, 8, 8, 128, 256 },
	{ "fp4", 8192, 1024, 4, 1, 1, 4, 16 },	   { "fp4", 8192, 1024, 1, 4, 4, 32, 256 }, { "fp4", 8192, 1024, 8, 1, 1, 4, 16 },
	{ "fp4", 8192, 1024, 1, 8, 8, 32, 256 },   { "fp8", 1024, 1024, 8, 1, 8, 4, 32 },  { "fp8", 1024, 1024, 1, 8, 8, 64, 256 },
	{ "fp8", 1024, 8192, 8, 1, 8, 4, 64 },	   { "fp8", 1024, 8192, 1, 8, 8, 128, 256 }, { "fp8", 8192, 1024, 8, 1, 8, 4, 32 },
	{ "fp8", 8192, 1024, 1, 8, 8, 64, 256 },
};

static bool listed(const struct builder *b, double batch)
{
	const struct published_degrees *d = &b->layout.decode;

	for (size_t i = 0; i < COUNT_OF(drafting); i++)
		if (strcmp(b->precision->name, drafting[i].precision) == 0 && b->isl == drafting[i].isl && b->osl == drafting[i].osl &&
		    d->tp == drafting[i].tp && d->attention_dp == drafting[i].attention_dp && d->ep == drafting[i].ep &&
		    batch >= drafting[i].least && batch <= drafting[i].most)
			return true;
	return false;
}

/* Images of 1.2.0rc6 are told apart by it alone: post3 drafted, post2 did not. */
static bool drafted(const struct builder *b, double batch)
{
	if (published_benchmark(b->row) != BENCHMARK_INFERENCEX || strcmp(published_engine(b->row), "trtllm") != 0 || b->layout.split ||
	    strcmp(b->row->model, "DeepSeek-R1") != 0)
		return false;
	if (strstr(b->row->source, "1.2.0rc6"))
		return !strstr(b->row->source, "1.2.0rc6.post2");
	return listed(b, batch);
}

/*
 * Its scripts draft three tokens, one where attention is data parallel (dsr1_fp8_b200_trt_mtp.sh, dsr1_fp4_b200_trt_mtp.sh). Acceptance is
 * set on these rows of 1.2.0rc6 (the half that may be fitted to), whose prompts are random tokens; DeepSeek reports 85 to 90 % for the
 * first token of text (arXiv 2412.19437).
 */
int published_drafted(struct builder *b, double batch)
{
	int depth = b->layout.decode.attention_dp > 1 ? 1 : 3;

	if (!drafted(b, batch))
		return 0;
	str_addf(&b->settings, "with=eagle3_v1861:draft=module,depth=%d,acceptance=0.72/0.55/0.45,host=ahead,host_round_us=0,host_seq_us=0 ", depth);
	return depth;
}
