/*
 * How MLPerf's language models run. Rules, from LoadGen (github:mlcommons/inference, loadgen/mlperf.conf and results.cc): ten minutes
 * at least; a server's tokens/s are what was asked over the time until the answer to the last query is complete.
 * Submitters on NVIDIA devices start from NVIDIA's configurations (github:mlcommons/inference_results_v4.1 and v5.1 and
 * gbeezybez/inference_results_v6.0, closed/NVIDIA/configs; read: layouts, batch limits, share of memory and least duration of each
 * model, not the rates there): blocks for the next step only (batch_scheduler_policy max_util), prompts cut to fit the token limit,
 * FP8 cache.
 */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "validation/published_build.h"

/* "": every round or device that no line before names, and every kind of run. device: how its name begins, or "blackwell". seqs, tokens:
 * of a batch, of an attention rank. run_s, queries: the least of a server's run. balance: passes that prompts of one rank wait for
 * those of others (attention_dp_config). */
static const struct mlperf_config {
	const char *model, *round, *device, *scenario;
	double seqs, tokens, memory, run_s, queries, balance;
	bool chunked, drafts;
} configs[] = {
	{ "llama-2-70b", "", "blackwell", "Interactive", 768, 768, 0.95, 1200, 0, 0, true, false },
	{ "llama-2-70b", "", "blackwell", "", 2048, 3584, 0.95, 2400, 0, 0, true, false },
	{ "llama-2-70b", "", "h100", "", 1024, 1024, 0.95, 2400, 0, 0, true, false },
	{ "llama-2-70b", "", "", "", 1536, 1536, 0.95, 2400, 0, 0, true, false },
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
	{ "deepseek-r1", "6", "", "Server", 640, 4608, 0.95, 600, 26328, 9, false, false },
	{ "deepseek-r1", "", "", "Server", 512, 3140, 0.95, 600, 26328, 9, false, false },
	{ "deepseek-r1", "", "", "", 1536, 3140, 0.95, 600, 0, 6, false, false },
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
	return "trtllm-tuned";
}

bool published_mlperf(struct builder *b)
{
	const struct mlperf_config *c = config_of(b);

	b->out->run_s = RUN_S;
	if (!c)
		return false;
	b->out->run_s = c->run_s;
	b->out->queries = c->queries;
	str_addf(&b->settings,
		 "hardware.stack=%s scheduler.name=trtllm-max-utilization scheduler.max_num_seqs=%.0f "
		 "scheduler.max_num_batched_tokens=%.0f scheduler.memory_utilization=%g scheduler.chunked_prefill=%s ",
		 engine_stack(b), c->seqs, c->tokens, c->memory, c->chunked ? "yes" : "no");
	if (c->balance > 0)
		str_addf(&b->settings, "scheduler.balance_timeout=%.0f ", c->balance);
	if (c->drafts)
		published_drafts(b, 3);
	return true;
}
