/*
 * How MLPerf's language models run. Rules, from LoadGen (github:mlcommons/inference, loadgen/mlperf.conf and results.cc): ten minutes
 * at least; a server's tokens/s are what was asked over the time until the answer to the last query is complete.
 * Submitters on NVIDIA devices start from NVIDIA's configurations (github:mlcommons/inference_results_v4.1 and v5.1 and
 * gbeezybez/inference_results_v6.0, closed/NVIDIA/configs; of Blackwell in 5.1 as ykamiset/inference_results_v5.1 at e9ccad4d keeps
 * them; of Mixtral on H100 HPE's, open/HPE/configs of 4.1; read: layouts, batch limits, share of memory and least duration of each
 * model, not the rates there): blocks for the next step only (batch_scheduler_policy max_util), prompts cut to fit the token limit,
 * FP8 cache.
 */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "validation/published_build.h"

/* "": every round or device that no line before names, and every kind of run. device: how its name begins, or "blackwell". seqs, tokens:
 * of a batch, of an attention rank. run_s, queries: the least of a run. balance: passes that prompts of one rank wait for
 * those of others (attention_dp_config). */
static const struct mlperf_config {
	const char *model, *round, *device, *scenario;
	double seqs, tokens, memory, run_s, queries, balance;
	bool chunked, drafts;
} configs[] = {
	{ "llama-2-70b", "", "blackwell", "Interactive", 768, 768, 0.95, 1200, 0, 0, true, false },
	{ "llama-2-70b", "6", "gb300", "", 3072, 4608, 0.95, 2400, 0, 0, true, false },
	{ "llama-2-70b", "", "blackwell", "", 2048, 3584, 0.95, 2400, 0, 0, true, false },
	{ "llama-2-70b", "", "h100", "", 1024, 1024, 0.95, 2400, 0, 0, true, false },
	{ "llama-2-70b", "", "", "", 1536, 1536, 0.95, 2400, 0, 0, true, false },
	{ "mixtral-8x7b", "", "blackwell", "Offline", 6144, 14336, 0.95, 2400, 0, 0, false, false },
	{ "mixtral-8x7b", "", "blackwell", "", 6144, 10240, 0.9, 2400, 0, 0, false, false },
	{ "mixtral-8x7b", "4", "h100", "", 1024, 16384, 0.9, 2400, 0, 0, false, false },
	{ "mixtral-8x7b", "", "", "", 2048, 16384, 0.9, 2400, 0, 0, true, false },
	{ "llama-3.1-8b", "", "", "", 6000, 12000, 0.9, 600, 0, 0, true, false },
	{ "llama-3.1-405b", "", "", "Offline", 512, 1536, 0.95, 600, 0, 0, true, false },
	{ "llama-3.1-405b", "", "", "", 512, 1024, 0.95, 600, 0, 0, true, false },
	{ "gpt-j-6b", "", "l40s", "", 100, 4096, 0.9, 600, 0, 0, false, false },
	{ "gpt-j-6b", "", "h200", "", 396, 4096, 0.9, 600, 0, 0, false, false },
	{ "gpt-j-6b", "", "gh200", "", 396, 4096, 0.9, 600, 0, 0, false, false },
	{ "gpt-j-6b", "", "", "", 192, 4096, 0.9, 600, 0, 0, false, false },
	/* Prompts of up to 3,140 tokens whole; 26,328 queries are six times its data. Interactive runs draft three tokens. */
	{ "deepseek-r1", "", "", "Interactive", 128, 3140, 0.9, 600, 26328, 6, false, true },
	{ "deepseek-r1", "6", "", "Server", 640, 4608, 0.95, 600, 105312, 9, false, false },
	{ "deepseek-r1", "6", "", "", 1024, 6144, 0.95, 600, 105312, 500, false, false },
	{ "deepseek-r1", "5", "b200", "Server", 512, 3456, 0.9, 600, 26328, 9, false, false },
	{ "deepseek-r1", "5", "b200", "", 512, 4608, 0.9, 600, 26328, 500, false, false },
	{ "deepseek-r1", "", "", "Server", 512, 3140, 0.95, 600, 26328, 9, false, false },
	{ "deepseek-r1", "", "", "", 1536, 3140, 0.95, 600, 26328, 6, false, false },
};

/*
 * AMD's submissions and those of its partners, on vLLM V0: Llama-2-70B of round 4.1 (github:mlcommons/inference_results_v4.1,
 * closed/Dell/code/llama2-70b-99, as closed/AMD: test_VllmFp8_*_perf.sh and the defaults of mainVllmFp8_*.py), 5.1
 * (github:ntuhpc/inference_results_v5.1 at a634ab77, harness_llm/models below closed/AMD/code; Llama-2-70B's servers are not there).
 * One device a copy, 8-bit weights and cache, prompts whole; steps: num_scheduler_steps.
 */
static const struct amd_config {
	const char *model, *round, *device, *scenario;
	double seqs, tokens, memory;
	int steps;
} amd_configs[] = {
	{ "llama-2-70b", "4.1", "mi300x", "Offline", 2048, 65536, 0.99, 1 },
	{ "llama-2-70b", "4.1", "mi300x", "Server", 1024, 49152, 0.97, 1 },
	{ "llama-2-70b", "5.1", "mi300x", "Offline", 1792, 40960, 0.98, 11 },
	{ "llama-2-70b", "5.1", "mi325x", "Offline", 2700, 65536, 0.98, 7 },
	{ "mixtral-8x7b", "5.1", "mi3", "Offline", 4736, 51200, 0.96, 13 },
	{ "mixtral-8x7b", "5.1", "mi3", "Server", 2560, 32000, 0.96, 10 },
};

enum { RUN_S = 600 };

static const char SOURCE[] = "MLPerf-Inference-v";

static bool runs_on(const struct builder *b, const char *device)
{
	return strcmp(device, "blackwell") == 0 ? published_blackwell(b) : text_starts(b->accelerator->device, device);
}

static const struct mlperf_config *config_of(const struct builder *b)
{
	if (!text_starts(b->row->source, SOURCE) || strcmp(published_engine(b->row), "trtllm") != 0)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(configs); i++) {
		const struct mlperf_config *c = &configs[i];

		if (strcmp(c->model, b->model->catalog) == 0 && text_starts(b->row->source + strlen(SOURCE), c->round) && runs_on(b, c->device) &&
		    strstr(b->row->scenario, c->scenario))
			return c;
	}
	return NULL;
}

/*
 * Engines whose norms, attention and SwiGLU write 8- and 4-bit operands: those of Llama-2-70B and Llama-3.1-405B on Blackwell
 * (norm_quant_fusion), and from 5.0 on those of Llama-2-70B in fp8 on Hopper, where SwiGLU is inside the product (gemm_swiglu_plugin)
 * and nothing is taken off for it (source of hardware/stacks/trtllm-engine-swiglu.xml says why).
 */
static const char *engine_stack(const struct builder *b)
{
	bool large = strcmp(b->model->catalog, "llama-2-70b") == 0 || strcmp(b->model->catalog, "llama-3.1-405b") == 0;
	bool hopper = runs_on(b, "h100") || runs_on(b, "h200") || runs_on(b, "gh200");

	if (large && published_blackwell(b))
		return "trtllm-engine";
	if (large && hopper && text_starts(b->precision->name, "fp8") && b->row->source[strlen(SOURCE)] >= '5')
		return "trtllm-engine-swiglu";
	/* Behind trtllm-serve, on PyTorch (code/llama3_1-8b/tensorrt/README.md of 5.1: core_type=trtllm_endpoint). */
	if (strcmp(b->model->catalog, "llama-3.1-8b") == 0)
		return "trtllm-serve";
	return "trtllm-tuned";
}

static const struct amd_config *amd_config_of(const struct builder *b)
{
	if (!text_starts(b->row->source, SOURCE) || strcmp(published_engine(b->row), "vllm") != 0)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(amd_configs); i++) {
		const struct amd_config *c = &amd_configs[i];

		if (strcmp(c->model, b->model->catalog) == 0 && text_starts(b->row->source + strlen(SOURCE), c->round) &&
		    text_starts(b->accelerator->device, c->device) && strstr(b->row->scenario, c->scenario))
			return c;
	}
	return NULL;
}

/* Dell's form of round 4.1 says fp16, which is the type of activations (--dtype); its code quantises as AMD's does. */
bool published_mlperf_quantised(const struct builder *b)
{
	return amd_config_of(b) != NULL;
}

/* Decisions that stand for several passes leave the host time beside the device's, as V1's asynchronous ones do. */
static bool amd_settings(struct builder *b)
{
	const struct amd_config *c = amd_config_of(b);

	if (!c)
		return false;
	str_addf(&b->settings, "scheduler.name=vllm-v0 scheduler.max_num_seqs=%.0f scheduler.max_num_batched_tokens=%.0f "
			       "scheduler.memory_utilization=%g scheduler.chunked_prefill=no ", c->seqs, c->tokens, c->memory);
	if (c->steps > 1)
		str_addf(&b->settings, "scheduler.recv_interval=%d hardware.stack=vllm ", c->steps);
	return true;
}

bool published_mlperf(struct builder *b)
{
	const struct mlperf_config *c = config_of(b);

	b->out->run_s = RUN_S;
	if (!c)
		return amd_settings(b);
	b->out->run_s = c->run_s;
	b->out->queries = c->queries;
	str_addf(&b->settings,
		 "hardware.stack=%s scheduler.name=trtllm-max-utilization scheduler.max_num_seqs=%.0f "
		 "scheduler.max_num_batched_tokens=%.0f scheduler.memory_utilization=%g scheduler.chunked_prefill=%s ",
		 engine_stack(b), c->seqs, c->tokens, c->memory, c->chunked ? "yes" : "no");
	/*
	 * Mixtral's checkpoint for Blackwell has 7.25 bits a weight (effective_bits): of layers in 4.5 and 8 bits, four fifths are
	 * in 8 (code/mixtral-8x7b/modelopt/quantize.py chooses layer by layer).
	 */
	if (strcmp(c->model, "mixtral-8x7b") == 0 && strcmp(c->device, "blackwell") == 0)
		str_add(&b->settings, "model.dtype=fp8 ");
	if (c->balance > 0)
		str_addf(&b->settings, "scheduler.balance_timeout=%.0f ", c->balance);
	if (c->drafts)
		str_add(&b->settings, "with=eagle3_v1861:depth=3,acceptance=0.8/0.6/0.45,fused_features=1,draft_vocab=0,host=ahead,host_round_us=0,host_seq_us=0 ");
	return true;
}
