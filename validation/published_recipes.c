/*
 * How InferenceX starts its servers: what the rows do not say stands in its scripts (github:SemiAnalysisAI/InferenceX,
 * benchmarks/dsr1_*.sh, gptoss_*.sh, minimaxm2.5_*.sh and kimik2.5_*.sh, also under single_node, read at commits 1fc5d73 to
 * 5632483 of 2026-02 to 2026-04). One function an engine and model.
 */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "validation/published_build.h"

static bool blackwell(const struct builder *b)
{
	return text_starts(b->accelerator->device, "b200") || text_starts(b->accelerator->device, "b300");
}

static bool fp4(const struct builder *b)
{
	return strcmp(b->precision->name, "fp4") == 0;
}

/*
 * On Blackwell with the kernels of FlashInfer that TensorRT-LLM shares (moe-runner-backend flashinfer_trtllm, attention-backend
 * trtllm_mla), the cache in fp8, new requests looked for every 30 decode steps (10 below 16 in flight), tokens sent 30 at a
 * time (fp4: 10). First tokens on B200, of the rows that may be fitted to, come 30 steps later than the prompt and the look
 * explain; those on H200, whose script says 10, come at once.
 */
static void sglang_deepseek(struct builder *b, double batch)
{
	bool half = b->layout.decode.tp == 4 && !fp4(b);

	if (!blackwell(b)) {
		str_add(&b->settings, "scheduler.max_num_batched_tokens=32768 scheduler.memory_utilization=0.82 scheduler.graph_max_tokens=512 ");
		return;
	}
	str_addf(&b->settings, "hardware.stack=sglang-flashinfer model.kv_dtype=fp8 scheduler.stream_interval=%d scheduler.recv_interval=%d ",
		 fp4(b) ? 10 : 30, batch >= 16 && !half ? 30 : 10);
	str_addf(&b->settings, "scheduler.max_num_batched_tokens=%d scheduler.memory_utilization=%s ", half ? 8192 : fp4(b) ? 16384 : 32768,
		 half ? "0.95" : fp4(b) ? "0.85" : "0.82");
}

/*
 * On Blackwell, in fp8: with vLLM before 0.19 the scripts pass --enable-expert-parallel whatever the layout says, 95 % of the memory and
 * experts by Triton (VLLM_USE_FLASHINFER_MOE_FP8=0, VLLM_MOE_USE_DEEP_GEMM=0); since then the cache is in fp8, a batch holds two prompts
 * and graphs are captured up to 2,048 tokens. The first ones in NVFP4, on nightly images, leave all of that at its default; since 0.19 they
 * let the router multiply in tf32 (VLLM_FLOAT32_MATMUL_PRECISION=high: SemiAnalysisAI/InferenceX pull request 1069; those in fp8 do so
 * later). Scripts in fp8 read no switch for attention ranks (DP_ATTENTION): they start tensor parallelism over as many devices, with
 * experts apart.
 */
static void vllm_minimax(struct builder *b)
{
	const struct published_degrees *d = &b->layout.decode;
	int64_t devices = d->tp * d->attention_dp;
	long minor = published_vllm_minor(b->row);

	if (!fp4(b) && d->attention_dp > 1)
		str_addf(&b->settings, "deployment.tp=%lld deployment.dp_attention=1 ", (long long)devices);
	if (!blackwell(b) || (minor == 0 && fp4(b)))
		return;
	if (minor > 0 && minor < 19) {
		str_add(&b->settings, "scheduler.memory_utilization=0.95 ");
		if (!fp4(b))
			str_addf(&b->settings, "deployment.ep=%lld hardware.stack=vllm-triton ", (long long)devices);
		return;
	}
	if (fp4(b))
		str_add(&b->settings, "model.router_dtype=tf32 ");
	str_addf(&b->settings, "model.kv_dtype=fp8 scheduler.max_num_batched_tokens=%.0f scheduler.graph_max_tokens=2048 ", 2 * b->isl);
}

static void vllm_recipe(struct builder *b)
{
	if (strcmp(b->model->catalog, "minimax-m2.5") == 0)
		vllm_minimax(b);
	else if (text_starts(b->model->catalog, "kimi"))
		str_add(&b->settings, "scheduler.memory_utilization=0.95 ");
	else if (text_starts(b->model->catalog, "gpt-oss") && blackwell(b))
		str_add(&b->settings, "model.kv_dtype=fp8 scheduler.max_num_batched_tokens=8192 ");
}

/*
 * Where the scripts for 1.2.0rc6 capture batches with prompts, too (enable_piecewise_cuda_graph; benchmarks/single_node/
 * dsr1_fp8_b200_trt_mtp.sh at 2f3a788f, dsr1_fp4_b200_trt_mtp.sh, dsr1_fp8_b200_trt.sh and dsr1_fp4_b200_trt.sh at 34bc7c40). Image post2
 * is that of runs without drafts.
 */
static bool piecewise(const struct builder *b, double batch)
{
	bool apart = b->layout.decode.attention_dp > 1, drafts = !strstr(b->row->source, "1.2.0rc6.post2");
	bool short_prompt = b->isl == 1024, short_answer = b->osl == 1024;

	if (!strstr(b->row->source, "1.2.0rc6") || !blackwell(b))
		return false;
	if (fp4(b) && drafts)
		return short_prompt && (batch == 64 || (short_answer && (batch == 32 || (batch == 128 && !apart))));
	if (fp4(b))
		return short_prompt && short_answer && b->layout.decode.ep == 8;
	if (drafts)
		return !apart && batch > (!short_prompt ? 16 : short_answer ? 4 : 8);
	return !apart && batch >= (short_prompt && !short_answer ? 128 : 64);
}

void published_recipe(struct builder *b, double batch)
{
	const char *engine = published_engine(b->row);
	bool deepseek = text_starts(b->model->catalog, "deepseek");

	if (published_benchmark(b->row) != BENCHMARK_INFERENCEX || b->layout.split)
		return;
	if (deepseek && strcmp(engine, "sglang") == 0)
		sglang_deepseek(b, batch);
	if (strcmp(engine, "vllm") == 0)
		vllm_recipe(b);
	if (text_starts(b->model->catalog, "gpt-oss") && strcmp(engine, "trtllm") == 0)
		str_add(&b->settings, "model.kv_dtype=fp8 scheduler.memory_utilization=0.85 ");
	if (deepseek && strcmp(engine, "trtllm") == 0)
		str_addf(&b->settings, "%smodel.kv_dtype=fp8 %s", piecewise(b, batch) ? "hardware.stack=trtllm-piecewise " : "",
			 b->layout.decode.attention_dp > 1 ? "scheduler.balance_timeout=60 " : "");
}
