/*
 * How MLPerf's language models run. Rules, from LoadGen (github:mlcommons/inference, loadgen/mlperf.conf and results.cc): ten minutes
 * at least; a server's tokens/s are what was asked over the time until the answer to the last query is complete.
 * Submitters on NVIDIA devices start from NVIDIA's configurations (github:mlcommons/inference_results_v4.1 and v5.1,
 * closed/NVIDIA/configs; read: layouts, batch limits, share of memory and least duration of each model, not the rates there): blocks for
 * the next step only (batch_scheduler_policy max_util), prompts cut to fit the token limit, FP8 cache.
 */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "validation/published_build.h"

/* "": every generation that no line before names, and every kind of run. seqs, tokens: of a batch, of an attention rank. run_s, queries:
 * the least of a server's run. balance: passes that prompts of one rank wait for those of others (attention_dp_config). */
static const struct mlperf_config {
	const char *model, *generation, *scenario;
	double seqs, tokens, memory, run_s, queries, balance;
	bool chunked, drafts;
} configs[] = {
	{ "llama-2-70b", "blackwell", "", 2048, 3584, 0.95, 2400, 0, 0, true, false },
	{ "llama-2-70b", "", "", 1536, 1536, 0.95, 2400, 0, 0, true, false },
	{ "mixtral-8x7b", "", "", 2048, 16384, 0.9, 2400, 0, 0, true, false },
	{ "llama-3.1-8b", "", "", 6000, 12000, 0.9, 600, 0, 0, true, false },
	{ "llama-3.1-405b", "", "", 512, 1536, 0.95, 600, 0, 0, true, false },
	{ "gpt-j-6b", "", "", 192, 4096, 0.9, 600, 0, 0, false, false },
	/* Prompts of up to 3,140 tokens whole; 26,328 queries are six times its data. Interactive runs draft three tokens. */
	{ "deepseek-r1", "", "Interactive", 128, 3140, 0.9, 600, 26328, 6, false, true },
	{ "deepseek-r1", "", "Server", 512, 3140, 0.95, 600, 26328, 9, false, false },
	{ "deepseek-r1", "", "", 1536, 3140, 0.95, 600, 0, 6, false, false },
};

enum { RUN_S = 600 };

static const struct mlperf_config *config_of(const struct builder *b)
{
	bool blackwell = published_blackwell(b);

	if (!text_starts(b->row->source, "MLPerf") || strcmp(published_engine(b->row), "trtllm") != 0)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(configs); i++)
		if (strcmp(configs[i].model, b->model->catalog) == 0 && (!configs[i].generation[0] || blackwell) &&
		    strstr(b->row->scenario, configs[i].scenario))
			return &configs[i];
	return NULL;
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
		 "hardware.stack=trtllm-tuned scheduler.name=trtllm-max-utilization scheduler.max_num_seqs=%.0f "
		 "scheduler.max_num_batched_tokens=%.0f scheduler.memory_utilization=%g scheduler.chunked_prefill=%s ",
		 c->seqs, c->tokens, c->memory, c->chunked ? "yes" : "no");
	if (c->balance > 0)
		str_addf(&b->settings, "scheduler.balance_timeout=%.0f ", c->balance);
	if (c->drafts)
		published_drafts(b, 3);
	return true;
}
