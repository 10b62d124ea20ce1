#include "validation/published_map.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"

const struct accelerator_name published_accelerators[] = {
	{ "H100-SXM", "h100", "dgx-h100" }, { "H200-SXM", "h200", "hgx-h200" }, { "H800", "h800", "hgx-h800" },
	{ "H100-PCIe", "h100-pcie", NULL }, { "H100-NVL", "h100-nvl", NULL }, { "H200-NVL", "h200-nvl", NULL }, { "GH200", "gh200", NULL }, { "A100-80GB", "a100", "dgx-a100" }, { "L40S", "l40s", NULL },
	{ "B200-SXM", "b200", "dgx-b200" }, { "B300-SXM", "b300", "hgx-b300" }, { "GB200", "gb200", "gb200-nvl72" },
	{ "GB300", "gb300", "gb300-nvl72" }, { "RTX-PRO-6000", "rtx-pro-6000", NULL }, { "RTX4090", "rtx-4090", NULL },
	{ "MI300X", "mi300x", "mi300x-8" }, { "MI325X", "mi325x", "mi325x-8" }, { "MI355X", "mi355x", "mi355x-8" },
	{ "Gaudi3", "gaudi3", "gaudi3-8" }, { "TPU-v6e", "tpu-v6e", NULL }, { "TPU-v7-Ironwood", "tpu7x", NULL },
	{ "Trainium1 (trn1.32xlarge)", "trainium1", "trn1-16" }, { "Trainium2 (trn2.48xlarge)", "trainium2", "trn2-16" },
	{ "Inferentia2 (inf2.48xlarge)", "inferentia2", "inf2-12" }, { "Wormhole-n150", "tenstorrent-n150", NULL },
	{ "Wormhole-n300", "tenstorrent-n300", "n300-2" }, { "Wormhole-n300 (QuietBox)", "tenstorrent-n300", "quietbox-8" },
	{ "Blackhole-p150", "tenstorrent-p150a", NULL }, { "SN40L", "sambanova-sn40l", "sn40l-16" },
	{ "Cerebras-CS3", "cerebras-cs3", "cerebras-cs3-4" }, { "Groq-LPU", "groq-lpu", "groq-576" },
};
const size_t published_accelerator_count = COUNT_OF(published_accelerators);

const struct model_name published_models[] = {
	{ "DeepSeek-V3", "deepseek-v3", CHECKPOINT_BLOCK }, { "DeepSeek-R1", "deepseek-r1", CHECKPOINT_BLOCK }, { "deepseek-r1", "deepseek-r1", CHECKPOINT_BLOCK },
	{ "DeepSeek-R1-NVFP4", "deepseek-r1", CHECKPOINT_BLOCK }, { "DeepSeek-R1-0528", "deepseek-r1", CHECKPOINT_BLOCK },
	{ "DeepSeek-V3.1-NVFP4", "deepseek-v3", CHECKPOINT_BLOCK }, { "DeepSeek-V3/R1", "deepseek-v3", CHECKPOINT_BLOCK },
	/* K2.5 has the language model of K2. */
	{ "Kimi-K2.5", "kimi-k2", CHECKPOINT_BLOCK }, { "MiniMax-M2.5", "minimax-m2.5", CHECKPOINT_BLOCK },
	{ "llama2-70b", "llama-2-70b", CHECKPOINT_PLAIN }, { "Llama-2-70b", "llama-2-70b", CHECKPOINT_PLAIN }, { "Llama-2-70b-hf", "llama-2-70b", CHECKPOINT_PLAIN },
	{ "Llama-2-7b-hf", "llama-2-7b", CHECKPOINT_PLAIN }, { "Llama-2-7B", "llama-2-7b", CHECKPOINT_PLAIN },
	{ "Qwen3-32B", "qwen3-32b", CHECKPOINT_PLAIN }, { "Qwen3-32B-NVFP4", "qwen3-32b", CHECKPOINT_PLAIN }, { "Qwen3-14B", "qwen3-14b", CHECKPOINT_PLAIN },
	{ "Qwen3-30B-A3B", "qwen3-30b-a3b", CHECKPOINT_BLOCK }, { "Qwen3-30B-A3B-Instruct-2507", "qwen3-30b-a3b", CHECKPOINT_BLOCK },
	{ "Qwen3-235B-A22B", "qwen3-235b-a22b", CHECKPOINT_BLOCK }, { "Qwen3-Coder-480B-A35B", "qwen3-coder-480b-a35b", CHECKPOINT_BLOCK },
	{ "Llama-3.1-8B-Instruct", "llama-3.1-8b", CHECKPOINT_PLAIN }, { "Llama-3.1-8B", "llama-3.1-8b", CHECKPOINT_PLAIN }, { "llama3.1-8b", "llama-3.1-8b", CHECKPOINT_PLAIN },
	{ "Llama-3-8B", "llama-3-8b", CHECKPOINT_PLAIN }, { "Llama-3-70B", "llama-3-70b", CHECKPOINT_PLAIN },
	{ "Llama-3.1-70B", "llama-3.1-70b", CHECKPOINT_PLAIN }, { "Llama-3.3-70B", "llama-3.3-70b", CHECKPOINT_PLAIN },
	{ "Llama-3.1-405B", "llama-3.1-405b", CHECKPOINT_PLAIN }, { "llama3.1-405b", "llama-3.1-405b", CHECKPOINT_PLAIN },
	{ "gpt-oss-120b", "gpt-oss-120b", CHECKPOINT_NATIVE }, { "gpt-oss-20b", "gpt-oss-20b", CHECKPOINT_NATIVE },
	{ "mixtral-8x7b", "mixtral-8x7b", CHECKPOINT_PLAIN }, { "Mixtral-8x7B", "mixtral-8x7b", CHECKPOINT_PLAIN }, { "Mixtral-8x22B", "mixtral-8x22b", CHECKPOINT_PLAIN },
	{ "gptj", "gpt-j-6b", CHECKPOINT_PLAIN }, { "Llama-4-Scout", "llama-4-scout-17b-16e", CHECKPOINT_PLAIN }, { "Llama-4-Maverick", "llama-4-maverick-17b-128e", CHECKPOINT_PLAIN },
	{ "Llama-4-Scout-17B-16E-Instruct-FP8-dynamic", "llama-4-scout-17b-16e", CHECKPOINT_BLOCK },
	{ "Mistral-Nemo-Instruct-2407", "mistral-nemo-12b", CHECKPOINT_PLAIN }, { "CodeLlama-34b-Instruct-hf", "codellama-34b", CHECKPOINT_PLAIN },
	{ "Mistral-7B-Instruct-v0.2", "mistral-7b-v0.3", CHECKPOINT_PLAIN }, { "Mistral-7B", "mistral-7b-v0.3", CHECKPOINT_PLAIN }, { "Falcon-40B", "falcon-40b", CHECKPOINT_PLAIN },
	{ "Qwen2.5-7B", "qwen2.5-7b", CHECKPOINT_PLAIN }, { "Qwen2.5-72B", "qwen2.5-72b", CHECKPOINT_PLAIN }, { "Llama-3.2-1B", "llama-3.2-1b", CHECKPOINT_PLAIN },
	{ "GLM-5", "glm-5", CHECKPOINT_BLOCK }, { "qwen3-vl-235b-a22b", "qwen3-vl-235b-a22b", CHECKPOINT_BLOCK },
	{ "Qwen3-VL-235B-A22B", "qwen3-vl-235b-a22b", CHECKPOINT_BLOCK }, { "Llama-3.2-11B-Vision", "llama-3.2-11b-vision", CHECKPOINT_PLAIN },
	{ "CodeLlama-13b-hf", "codellama-13b", CHECKPOINT_PLAIN }, { "CodeLlama-7b-hf", "codellama-7b", CHECKPOINT_PLAIN },
	{ "CodeLlama-34b-hf", "codellama-34b", CHECKPOINT_PLAIN }, { "CodeLlama-70b-hf", "codellama-70b", CHECKPOINT_PLAIN },
	{ "QwQ-32B", "qwen2.5-32b", CHECKPOINT_PLAIN }, { "Mamba-2.8B", "mamba-2.8b", CHECKPOINT_PLAIN },
	/* Students of DeepSeek-R1 keep the architecture of what they began as. */
	{ "DeepSeek-R1-Distill-Llama-70B", "llama-3.3-70b", CHECKPOINT_PLAIN }, { "DeepSeek-R1-Distill-Llama-8B", "llama-3.1-8b", CHECKPOINT_PLAIN },
	{ "DeepSeek-R1-Distill-Qwen-32B", "qwen2.5-32b", CHECKPOINT_PLAIN }, { "DeepSeek-R1-Distill-Qwen-14B", "qwen2.5-14b", CHECKPOINT_PLAIN },
	{ "DeepSeek-R1-Distill-Qwen-7B", "qwen2.5-7b", CHECKPOINT_PLAIN }, { "DeepSeek-V3.1", "deepseek-v3", CHECKPOINT_BLOCK },
	{ "gptj-99", "gpt-j-6b", CHECKPOINT_PLAIN }, { "GPT-J", "gpt-j-6b", CHECKPOINT_PLAIN },
};
const size_t published_model_count = COUNT_OF(published_models);

/* fp4 mixtures keep attention in bf16, as NVIDIA's NVFP4 checkpoints of MLA models do (recalled). */
#define FP8 "model.dtype=fp8 model.kv_dtype=fp8 "
#define FP4 "model.dtype=fp4 model.kv_dtype=fp8 "
#define FP4_BLOCK "model.dtype=fp4 model.attention_dtype=bf16 model.kv_dtype=fp8 "
#define FP8_BLOCK "model.dtype=fp8_block "
#define INT4 "model.dtype=int4_wo "
#define INT4_BLOCK "model.dtype=bf16 model.expert_dtype=int4_wo "
#define ALIKE(text) { text, text, text }
static const struct precision_name precisions[] = {
	{ "fp8", { FP8, FP8_BLOCK, "" } }, { "fp8 (TensorRT-LLM; form says fp16)", { FP8, FP8_BLOCK, "" } },
	{ "fp4", { FP4, FP4_BLOCK, "" } }, { "fp4 (form says fp16)", { FP4, FP4_BLOCK, "" } },
	{ "int4", { INT4, INT4_BLOCK, "" } }, { "int8", ALIKE("model.dtype=int8 ") },
	{ "mxfp4", ALIKE("") }, { "", ALIKE("") }, { "fp8+bf16", ALIKE("") },
	{ "fp16", ALIKE("model.dtype=fp16 ") }, { "bf16", ALIKE("model.dtype=bf16 ") },
	{ "weights bf16, compute bf16", ALIKE("model.dtype=bf16 ") },
};

static const struct metric_name metrics[] = {
	{ "ttft", "ms (mean or median", FIGURE_TTFT_MEAN, 1e-3 }, { "ttft", "ms", FIGURE_TTFT_MEAN, 1e-3 }, { "ttft_mean", "ms", FIGURE_TTFT_MEAN, 1e-3 },
	{ "ttft_p50", "ms", FIGURE_TTFT_P50, 1e-3 }, { "ttft_median", "ms", FIGURE_TTFT_P50, 1e-3 },
	{ "ttft_p90", "ms", FIGURE_TTFT_P90, 1e-3 }, { "ttft_p95", "ms", FIGURE_TTFT_P95, 1e-3 },
	{ "ttft_p99", "ms", FIGURE_TTFT_P99, 1e-3 },
	{ "tpot", "ms", FIGURE_TPOT_MEAN, 1e-3 }, { "tpot_mean", "ms", FIGURE_TPOT_MEAN, 1e-3 },
	{ "tpot_p50", "ms", FIGURE_TPOT_P50, 1e-3 }, { "tpot_median", "ms", FIGURE_TPOT_P50, 1e-3 },
	{ "tpot_p90", "ms", FIGURE_TPOT_P90, 1e-3 }, { "tpot_p95", "ms", FIGURE_TPOT_P95, 1e-3 },
	{ "tpot_p99", "ms", FIGURE_TPOT_P99, 1e-3 },
	{ "request_latency_mean", "ms", FIGURE_E2E_MEAN, 1e-3 }, { "request_latency_median", "ms", FIGURE_E2E_P50, 1e-3 },
	{ "request_latency_p90", "ms", FIGURE_E2E_P90, 1e-3 }, { "request_latency_p95", "ms", FIGURE_E2E_P95, 1e-3 },
	{ "request_latency_p99", "ms", FIGURE_E2E_P99, 1e-3 }, { "request_latency", "s (whole batch)", FIGURE_E2E_MAX, 1 },
	{ "throughput", "tokens/s (output", FIGURE_OUTPUT, 1 }, { "throughput", "samples/s", FIGURE_REQUESTS, 1 },
	{ "output_throughput_per_gpu", "tokens/s", FIGURE_OUTPUT_DEVICE, 1 },
	{ "total_throughput_per_gpu", "tokens/s", FIGURE_TOTAL_DEVICE, 1 },
	{ "input_throughput_per_node", "tokens/s/node (8 GPU)", FIGURE_INPUT_NODE, 1 },
	{ "output_throughput_per_node", "tokens/s/node (8 GPU)", FIGURE_OUTPUT_NODE, 1 },
	{ "output_speed_per_user", "tokens/s/user", FIGURE_USER, 1 },
	{ "system_power_avg", "W", FIGURE_SYSTEM_POWER, 1 }, { "throughput_per_MW", "tokens/s/MW", FIGURE_POWER, 1 },
	{ "cost", "USD", FIGURE_COST, 1 }, { "cost_per_day", "USD", FIGURE_COST, 1 },
};

/*
 * Data sets of MLPerf Inference. Prompts of OpenOrca under Llama-2-70B: 24,576 of 5,463,976 tokens, 48 to 1,021 (FlashLab-MBZUAI/HBFSim at
 * 96cf1b37, validation/calibration). Quantiles are ours, of samples from tables of each data set's lengths (openshift-psap/
 * performance-dashboard, mlperf-data/summaries): a few hundred from each of its parts (OpenOrca's chains of thought, FLAN, NIv2 and T0;
 * Mixtral's GSM8K with worked examples at some 665 tokens each, MBXP, OpenOrca again). Answers end where the rules of the
 * benchmark cut them (recalled); their spread is ours. GPT-J's articles are those of Llama-3.1-8B, cut at 1,919 tokens.
 */
#define ORCA "0:48,.01:56,.05:71,.1:82,.2:103,.3:117,.4:133,.5:153,.6:180,.7:232,.8:306,.85:380,.9:511,.95:613,.98:690,.99:820,1:1021"
#define MIXTRAL_SET "0:36,.01:53,.05:85,.1:114,.15:132,.2:143,.25:158,.3:175,.35:200,.4:224,.45:258,.5:320,.55:460,.6:637,.65:648,.7:655,.75:661," \
	".8:669,.85:681,.9:715,.925:900,.95:1060,.975:1380,.99:1660,1:1950"
#define LONG_SET "0:476,.01:1500,.05:3000,.1:3850,.2:5200,.3:6500,.4:7750,.5:9050,.6:10400,.7:11900,.8:13400,.9:15500,.95:17500,1:20000"
#define ARTICLES "0:113,.01:200,.05:280,.1:335,.25:465,.5:665,.75:980,.9:1370,.95:1620,.99:"
static const struct dataset_lengths datasets[] = {
	{ "llama-2-70b", "MLPerf", 222, 0, 294, 0.7, 1024, 1024, 0, "OpenOrca: sum of prompts as extracted, output 294 stated", ORCA },
	{ "mixtral-8x7b", "MLPerf", 446, 0, 145, 0.8, 2048, 1024, 0, "OpenOrca, GSM8K with worked examples, MBXP: output 145 stated", MIXTRAL_SET },
	{ "llama-3.1-405b", "MLPerf", 9400, 0, 0, 0.5, 20000, 2000, 0, "mean 9.4k stated", LONG_SET },
	{ "llama-3.1-8b", "MLPerf", 780, 0, 128, 0, 2540, 128, 0, "CNN/DailyMail, stated", ARTICLES "2100,1:2540" },
	{ "gpt-j-6b", "MLPerf", 780, 0, 69, 0.3, 1919, 128, 4, "CNN/DailyMail; output mean and four beams recalled", ARTICLES "1919,1:1919" },
	{ "", "LLMServingSim", 860, 0.56, 660, 0.16, 4600, 1230, 0, "ShareGPT as two published request traces hold it", NULL },
	{ "deepseek-r1", "MLPerf", 800, 1.0, 0, 0.8, 3000, 20000, 0, "output stated; prompt mean recalled", NULL },
};

/* Requests of NVIDIA's performance overview of TensorRT-LLM by lengths (its section "Preparing a Dataset", github:NVIDIA/TensorRT-LLM
 * at 00f37686 and 03e27c7d). */
static const struct bench_requests bench_requests[] = {
	{ 128, 128, 30000 }, { 128, 2048, 3000 }, { 128, 4096, 1500 }, { 500, 2000, 3000 }, { 1000, 1000, 3000 },
	{ 1000, 2000, 1500 }, { 2048, 128, 3000 }, { 2048, 2048, 1500 }, { 5000, 500, 1500 }, { 20000, 2000, 1000 },
	{ 1024, 1024, 3000 }, { 1024, 8192, 1500 }, { 1024, 32768, 1000 }, { 8192, 1024, 1500 }, { 32768, 1024, 1000 },
};

/* inference-perf profiles of the runs of inference-sim (testdata/trained_physics_iter29.json). */
static const struct load_profile profiles[] = {
	{ "'general-lite'", 600, { 2.5, 6 }, 45, 547, 248 }, { "general-lite-", 600, { 2.5, 6 }, 45, 547, 248 },
	{ "'general'", 600, { 8, 20 }, 45, 547, 248 }, { "'codegen'", 600, { 5, 10 }, 44, 566, 247 },
	{ "'roleplay'", 1200, { 6, 0 }, 50, 750, 251 }, { "'reasoning-lite'", 1200, { 1, 0 }, 23, 1034, 1448 },
	{ "reasoning-lite-", 1200, { 1, 0 }, 23, 1034, 1448 },
};

const struct accelerator_name *published_accelerator(const char *name)
{
	for (size_t i = 0; i < published_accelerator_count; i++)
		if (strcmp(published_accelerators[i].name, name) == 0)
			return &published_accelerators[i];
	return NULL;
}

const struct accelerator_name *published_accelerator_of(const char *device)
{
	for (size_t i = 0; i < published_accelerator_count; i++)
		if (strcmp(published_accelerators[i].device, device) == 0)
			return &published_accelerators[i];
	return NULL;
}

const struct model_name *published_model(const char *name)
{
	for (size_t i = 0; i < published_model_count; i++)
		if (strcmp(published_models[i].name, name) == 0)
			return &published_models[i];
	return NULL;
}

const struct model_name *published_model_of(const char *catalog)
{
	for (size_t i = 0; i < published_model_count; i++)
		if (strcmp(published_models[i].catalog, catalog) == 0)
			return &published_models[i];
	return NULL;
}

const struct precision_name *published_precision(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(precisions); i++)
		if (strcmp(precisions[i].name, name) == 0)
			return &precisions[i];
	return NULL;
}

const struct metric_name *published_metric(const char *metric, const char *unit)
{
	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		if (strcmp(metrics[i].metric, metric) == 0 && text_starts(unit, metrics[i].unit))
			return &metrics[i];
	return NULL;
}

const struct dataset_lengths *published_dataset(const char *model, const char *source)
{
	for (size_t i = 0; i < COUNT_OF(datasets); i++)
		if ((!datasets[i].model[0] || strcmp(datasets[i].model, model) == 0) && text_starts(source, datasets[i].source))
			return &datasets[i];
	return NULL;
}

double published_bench_requests(double prompt, double output)
{
	for (size_t i = 0; i < COUNT_OF(bench_requests); i++)
		if (bench_requests[i].prompt == prompt && bench_requests[i].output == output)
			return bench_requests[i].requests;
	return 0;
}

const struct load_profile *published_profile(const char *scenario)
{
	for (size_t i = 0; i < COUNT_OF(profiles); i++)
		if (strstr(scenario, profiles[i].name))
			return &profiles[i];
	return NULL;
}
