/*
 * What trtllm-bench sets by itself, and NVIDIA's performance overview runs it with: batch limits from the memory that weights leave
 * (tensorrt_llm/bench/build/tuning.py, calc_engine_setting and finetune_setting; bench/benchmark/utils/general.py, get_settings,
 * github:NVIDIA/TensorRT-LLM 1.0), no chunked prompts, captured graphs up to the largest batch, 95 % of the free memory for the cache
 * and, of mixtures of experts, attention data parallel over all ranks (docs/source/performance/perf-overview.md, "Running the
 * Benchmark").
 */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "models/model.h"
#include "validation/published_build.h"

bool published_is_bench(const struct published_row *row)
{
	return text_starts(row->source, "TensorRT-LLM-perf");
}

/* Bytes of a cache token by its estimate, which knows no latent cache: K and V of at least one head a rank. */
static double estimated_token_bytes(const struct model *m, double ranks, double bytes)
{
	const struct model_attention *a = &m->attention;
	double kv_heads = (double)(a->kv_heads > 0 ? a->kv_heads : a->heads);
	double head = a->kv_lora_rank > 0 || a->head_dim == 0 ? (double)m->shape.hidden / (double)a->heads : (double)a->head_dim;

	return 2 * (double)m->shape.layers * fmax(ranks, kv_heads) * head * bytes;
}

/* Of a batch limit it is "slightly optimistic": up to the next 32, 128 or 256. */
static double round_seqs(double raw)
{
	double unit = raw < 256 ? 32 : raw < 1024 ? 128 : 256;

	return fmax(raw < 256 ? 64 : 0, unit * ceil(raw / unit));
}

static double round_tokens(double raw)
{
	double unit = raw < 4096 ? 256 : raw < 8192 ? 512 : 1024;

	return fmax(2048, unit * ceil(raw / unit));
}

void published_bench_limits(const struct bench_engine *e, double *seqs, double *tokens)
{
	double ranks = (double)(e->tp * e->pp), cache = 0.95 * (ranks * e->memory_bytes - e->weight_bytes);
	double raw = fmin(cache / (estimated_token_bytes(e->model, (double)e->tp, e->kv_bytes) * (e->prompt + e->output)), 4096) / (double)e->pp;

	*seqs = round_seqs(fmax(raw, 1));
	/* Prompts are not cut: one must fit beside a full batch. */
	*tokens = fmax(round_tokens(fmin(raw * (1 + e->prompt / e->output), 32768)), e->prompt + *seqs);
}

/* NVIDIA's checkpoints in fp8 and fp4 keep the cache in fp8 (hf_quant_config.json, kv_cache_quant_algo); what the overview's
 * llm_options.yml sets besides since 1.1: of DeepSeek-R1, and of gpt-oss but on Hopper. */
static bool narrow_cache(const struct builder *b)
{
	bool first = strstr(b->row->source, "v1.0") != NULL;

	if (text_starts(b->model->catalog, "deepseek"))
		return !first;
	if (b->checkpoint == CHECKPOINT_NATIVE)
		return !first && published_blackwell(b);
	return true;
}

void published_bench(struct builder *b)
{
	const struct published_degrees *d = &b->layout.decode;
	const struct model *model = model_load(b->model->catalog, b->arena, &(struct err){ 0 });
	int64_t tp = d->attention_dp > 1 ? d->attention_dp : d->tp;
	double seqs, tokens;
	struct model_counts counts;

	if (!model)
		return;
	model_parameters(model, &counts);
	published_bench_limits(&(struct bench_engine){ .model = model, .tp = tp, .pp = d->pp, .memory_bytes = device_memory_bytes(b->device),
						       .weight_bytes = counts.total * (strcmp(b->precision->name, "fp4") == 0 ? 0.5 : 1),
						       .kv_bytes = 1, .prompt = b->isl, .output = b->osl }, &seqs, &tokens);
	/* Its limit is of one micro-batch; a pipeline has as many in flight as it has stages (_torch/pyexecutor, num_micro_batches). */
	str_addf(&b->settings,
		 "scheduler.max_num_seqs=%.0f scheduler.max_num_batched_tokens=%.0f scheduler.chunked_prefill=no scheduler.graph_max_tokens=%.0f "
		 "scheduler.memory_utilization=0.95 ", seqs * (double)d->pp, tokens, seqs);
	/* moe_config.backend: CUTLASS, by the overview's options or by default; the tables of B200 and its like are of trtllm-gen. */
	if (counts.experts > 0 && published_blackwell(b))
		str_add(&b->settings, "hardware.stack=trtllm-cutlass ");
	if (narrow_cache(b))
		str_add(&b->settings, "model.kv_dtype=fp8 ");
}
