#include "validation/training_map.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"

/* Sizes: GPT of Megatron papers from Narayanan et al. 2021, table 1; MPT from llm-foundry's configuration files. Megatron-Bridge
 * trains DeepSeek-V3 with its module of multi-token prediction: the 260 GFLOP a token between its two columns hold it. */
static const struct name_pair models[] = {
	{ "Megatron-22B", "megatron-22b" }, { "Turing-530B", "mt-nlg-530b" }, { "MT-NLG-530B", "mt-nlg-530b" }, { "Megatron-1T", "megatron-1t" },
	{ "GPT-1T", "megatron-1t" }, { "GPT-3-175B", "gpt3-175b" }, { "GPT-175B", "gpt3-175b" }, { "GPT3-175B", "gpt3-175b" }, { "PaLM-540B", "palm-540b" },
	{ "GPT-1.7B", "gpt:layers=24,hidden=2304,heads=24,vocab=51200" }, { "GPT-3.6B", "gpt:layers=30,hidden=3072,heads=32,vocab=51200" },
	{ "GPT-7.5B", "gpt:layers=36,hidden=4096,heads=32,vocab=51200" }, { "GPT-18.4B", "gpt:layers=40,hidden=6144,heads=48,vocab=51200" },
	{ "GPT-39.1B", "gpt:layers=48,hidden=8192,heads=64,vocab=51200" }, { "GPT-76.1B", "gpt:layers=60,hidden=10240,heads=80,vocab=51200" },
	{ "GPT-145.6B", "gpt:layers=80,hidden=12288,heads=96,vocab=51200" }, { "GPT-310.1B", "gpt:layers=96,hidden=16384,heads=128,vocab=51200" },
	{ "GPT-529.6B", "gpt:layers=105,hidden=20480,heads=128,vocab=51200" }, { "GPT-1008.0B", "gpt:layers=128,hidden=25600,heads=160,vocab=51200" },
	{ "MPT-125m", "gpt:layers=12,hidden=768,heads=12,vocab=50368" }, { "MPT-350m", "gpt:layers=24,hidden=1024,heads=16,vocab=50368" },
	{ "MPT-760m", "gpt:layers=24,hidden=1536,heads=12,vocab=50368" }, { "MPT-1b", "gpt:layers=24,hidden=2048,heads=16,vocab=50368" },
	{ "MPT-3b", "gpt:layers=32,hidden=2560,heads=20,vocab=50368" }, { "MPT-7b", "gpt:layers=32,hidden=4096,heads=32,vocab=50368" },
	{ "MPT-13b", "gpt:layers=40,hidden=5120,heads=40,vocab=50368" }, { "MPT-30b", "gpt:layers=48,hidden=7168,heads=56,vocab=50368" },
	{ "MPT-70b", "gpt:layers=80,hidden=8192,heads=64,vocab=50368" },
	{ "GPT3-5B", "gpt:layers=24,hidden=4096,heads=32,vocab=51200" }, { "GPT3-20B", "gpt:layers=44,hidden=6144,heads=48,vocab=51200" },
	{ "Nemotron-8B", "gpt:layers=32,hidden=4096,heads=32,intermediate=16384,vocab=256000,tied=no" },
	{ "LLAMA2-7B", "llama-2-7b" }, { "Llama2-7B", "llama-2-7b" }, { "Llama-2-7B", "llama-2-7b" }, { "LLAMA2-13B", "llama-2-13b" }, { "Llama-2-13B", "llama-2-13b" },
	{ "LLAMA2-70B", "llama-2-70b" }, { "Llama-2-70B", "llama-2-70b" }, { "Llama-2-70B LoRA", "llama-2-70b" },
	{ "LLAMA3_8B", "llama-3-8b" }, { "LLAMA3-8B", "llama-3-8b" }, { "Llama-3-8B", "llama-3-8b" }, { "LLAMA3_70B", "llama-3-70b" }, { "LLAMA3-70B", "llama-3-70b" },
	{ "Llama-3-70B", "llama-3-70b" }, { "LLAMA3.1_405B", "llama-3.1-405b" }, { "Llama-3.1-405B", "llama-3.1-405b" }, { "llama3.1-405b", "llama-3.1-405b" },
	{ "Llama-3.1-8B", "llama-3.1-8b" }, { "Llama3.1-8B", "llama-3.1-8b" }, { "Llama-3.1-70B", "llama-3.1-70b" }, { "Llama3.1-70B", "llama-3.1-70b" },
	{ "llama3.1-70b", "llama-3.1-70b" }, { "Llama-3.3-70B", "llama-3.3-70b" }, { "Llama-3.2-1B", "llama-3.2-1b" }, { "Llama-3.2-3B", "llama-3.2-3b" },
	{ "Llama-4-Scout", "llama-4-scout-17b-16e" }, { "Llama-4-Maverick", "llama-4-maverick-17b-128e" }, { "Llama4-Maverick-17B-128E", "llama-4-maverick-17b-128e" },
	{ "Llama4-Scout-17B-16E", "llama-4-scout-17b-16e" },
	{ "Mixtral-8x7B", "mixtral-8x7b" }, { "Mixtral-8x22B", "mixtral-8x22b" }, { "DeepSeekV3", "deepseek-v3 model.mtp=1" }, { "DeepSeek3-671B", "deepseek-v3" },
	{ "DeepSeek-V3", "deepseek-v3" }, { "DeepSeekV3 (w/ MTP)", "deepseek-v3 model.mtp=1" }, { "DeepSeekV3 (tokendrop)", "deepseek-v3 model.mtp=1" }, { "DeepSeekV3 (dropless)", "deepseek-v3 model.mtp=1" },
	{ "DeepSeek-V2", "deepseek-v2" }, { "Kimi_K2", "kimi-k2" }, { "GPT OSS 120B", "gpt-oss-120b" }, { "Qwen3_30B_a3B", "qwen3-30b-a3b" },
	{ "Qwen3_30B_a3B (tokendrop)", "qwen3-30b-a3b" }, { "Qwen3_235B_a22B", "qwen3-235b-a22b" }, { "Qwen3_235B_a22B (tokendrop)", "qwen3-235b-a22b" },
	{ "qwen3-235b-a22b", "qwen3-235b-a22b" }, { "qwen3-30b-a3b", "qwen3-30b-a3b" }, { "GPT-2-124M", "gpt2-124m" },
};

static const struct name_pair devices[] = {
	{ "H100-SXM", "hardware.device=h100 hardware.system=dgx-h100 " }, { "H800", "hardware.device=h800 hardware.system=hgx-h800 " },
	{ "H200-SXM", "hardware.device=h200 hardware.system=hgx-h200 " }, { "A100-80GB", "hardware.device=a100 hardware.system=dgx-a100 " },
	{ "A100", "hardware.device=a100 hardware.system=dgx-a100 " }, { "A100-40GB", "hardware.device=a100-40gb hardware.system=a100-40gb-8 " },
	{ "Ampere (A100-class)", "hardware.device=a100 hardware.system=dgx-a100 " }, { "B200-SXM", "hardware.device=b200 hardware.system=dgx-b200 " },
	{ "B300-SXM", "hardware.device=b300 hardware.system=hgx-b300 " }, { "GB200", "hardware.device=gb200 hardware.system=gb200-nvl72 " },
	{ "GB300", "hardware.device=gb300 hardware.system=gb300-nvl72 " }, { "MI300X", "hardware.device=mi300x hardware.system=mi300x-8 " },
	{ "MI325X", "hardware.device=mi325x hardware.system=mi325x-8 " }, { "MI350X", "hardware.device=mi350x " },
	{ "MI355X", "hardware.device=mi355x hardware.system=mi355x-8 " }, { "TPU-v5p", "hardware.device=tpu-v5p hardware.system=tpu-v5p-8960 " },
	{ "TPU-v6e", "hardware.device=tpu-v6e hardware.system=tpu-v6e-256 " }, { "TPU-v7-Ironwood", "hardware.device=tpu7x hardware.system=tpu7x-9216 " },
	{ "H100-96GB-HBM2e", "hardware.device=h100-96gb " }, { "TPU-v4", "hardware.device=tpu-v4 hardware.system=tpu-v4-4096 " }, { "L40S", "hardware.device=l40s hardware.system=l40s-8 " },
	{ "Gaudi2", "hardware.device=gaudi2 hardware.system=gaudi2-8 " }, { "Trainium1 (trn1.32xlarge)", "hardware.device=trainium1 hardware.system=trn1-16 " },
	{ "Trainium2 (trn2.48xlarge)", "hardware.device=trainium2 hardware.system=trn2-16 " }, { "V100", "hardware.device=v100-32gb " },
};

/* "-mx" and mxfp8: block scales; "-cs" and plain fp8: one scale a tensor. AMD's submissions write fp8/mxfp for all generations;
 * its recipe in MXFP4 came with round 6.0 (ROCm blog of June 2026), those of 5.1 are in FP8. */
static const struct name_pair precisions[] = {
	{ "fp16", "model.dtype=fp16 " }, { "bf16", "model.dtype=bf16 " }, { "amp_bf16", "model.dtype=bf16 " }, { "bf16/fp8", "model.dtype=bf16 " },
	{ "fp8", "model.dtype=fp8 " }, { "fp8-cs", "model.dtype=fp8 " }, { "amp_fp8", "model.dtype=fp8 " }, { "fp8_full", "model.dtype=fp8 " },
	{ "fp8/bf16", "model.dtype=fp8 " }, { "fp8/mxfp", "model.dtype=fp8 " }, { "mxfp8", "model.dtype=fp8_block " }, { "fp8-mx", "model.dtype=fp8_block " }, { "nvfp4", "model.dtype=fp4 " },
	{ "fp4", "model.dtype=fp4 " }, { "int8/bf16", "model.dtype=int8 " },
	{ "Autocast:BF16+FP32Optimizer", "model.dtype=bf16 " }, { "Autocast:BF16+SR", "model.dtype=bf16 " }, { "", "model.dtype=bf16 " },
};

/* Megatron-Bridge reduces gradients in 16 bits (grad_reduce_in_fp32=False in all its performance recipes). */
static const struct training_source sources[] = {
	{ "vTrain-ground-truth", "hardware.stack=megatron-2022 layout.zero=0 layout.scatter_sends=yes layout.recompute=full layout.sequence_parallel=no ", false, false },
	{ "Korthikanti-2022", "hardware.stack=megatron-2022 layout.zero=0 layout.scatter_sends=yes ", false, false },
	{ "Narayanan-2021", "hardware.stack=megatron-2022 layout.zero=0 layout.scatter_sends=yes layout.recompute=full layout.sequence_parallel=no ", false, false },
	{ "MegaScale", "hardware.stack=megatron layout.zero=2 ", false, false },
	{ "llm-foundry-train-bench", "hardware.stack=fsdp layout.zero=3 ", false, false },
	{ "torchtitan-bench", "hardware.stack=torchtitan layout.zero=3 ", false, false },
	{ "TPU-recipes", "hardware.stack=maxtext layout.zero=3 ", true, false },
	{ "AWS-Neuron-benchmarks", "hardware.stack=neuron layout.zero=1 layout.recompute=selective ", false, true },
	{ "MLPerf-Training", "hardware.stack=megatron-graphs layout.zero=1 ", false, true },
	{ "Megatron-Bridge-perf", "hardware.stack=megatron layout.zero=1 optimizer.grad_bytes=2 ", true, false },
	{ "NeMo-24.12-perf-summary", "hardware.stack=megatron layout.zero=1 ", false, false },
	{ "Llama-3-paper", "hardware.stack=llama3 layout.zero=2 ", false, true },
	{ "Megatron-Core", "hardware.stack=megatron layout.zero=1 ", false, false },
	{ "PaLM", "hardware.stack=maxtext layout.zero=3 layout.recompute=full ", false, false },
	{ "", "hardware.stack=megatron layout.zero=1 ", false, true },
};

/* Containers of MLPerf's submissions (NVIDIA's and AMD's, which most partners run), and the interleaving of Korthikanti's table 3; in the
 * order of devices. */
static const struct {
	const char *source, *model, *accelerator;
	double most;                   /* devices */
	const char *layout;
} usual[] = {
	{ "MLPerf", "Llama-2-70B LoRA", "H100", 8, "tp4 pp1 cp1" }, { "MLPerf", "Llama-2-70B LoRA", "H100", 1e9, "tp4 pp1 cp2" },
	{ "MLPerf", "Llama-2-70B LoRA", "L40S", 1e9, "tp4 pp1 cp2" }, { "MLPerf", "Llama-2-70B LoRA", "MI", 8, "tp1 pp1 cp1" }, { "MLPerf", "Llama-2-70B LoRA", "MI", 16, "tp1 pp1 cp2" }, { "MLPerf", "Llama-2-70B LoRA", "B", 8, "tp1 pp1 cp1" },
	{ "MLPerf", "Llama-2-70B LoRA", "GB", 4, "tp1 pp1 cp2" }, { "MLPerf", "Llama-2-70B LoRA", "GB", 8, "tp1 pp1 cp1" },
	{ "MLPerf", "Llama-2-70B LoRA", "GB", 1e9, "tp1 pp1 cp8" },
	{ "MLPerf", "Llama-3.1-8B", "B", 32, "tp1 pp1 cp1" }, { "MLPerf", "Llama-3.1-8B", "B", 1e9, "tp1 pp1 cp2" },
	{ "MLPerf", "Llama-3.1-8B", "GB", 8, "tp1 pp1 cp1" }, { "MLPerf", "Llama-3.1-8B", "GB", 72, "tp1 pp1 cp2" },
	{ "MLPerf", "Llama-3.1-8B", "GB", 1e9, "tp2 pp1 cp4" },
	{ "MLPerf", "Llama-3.1-405B", "GB", 1e9, "tp4 pp8 cp2" }, { "MLPerf", "Llama-3.1-405B", "H100", 1e9, "tp8 pp8 cp2" },
	{ "MLPerf", "GPT-3-175B", "H100", 4096, "tp4 pp8" }, { "MLPerf", "GPT-3-175B", "H100", 1e9, "tp4 pp6" },
	{ "Korthikanti", "GPT-3-175B", "", 1e9, "interleave3" }, { "Korthikanti", "Turing-530B", "", 1e9, "interleave3" },
};

const char *training_usual_layout(const char *source, const char *model, const char *accelerator, double count)
{
	for (size_t i = 0; i < COUNT_OF(usual); i++)
		if (text_starts(source, usual[i].source) && strcmp(model, usual[i].model) == 0 && text_starts(accelerator, usual[i].accelerator) &&
		    count <= usual[i].most)
			return usual[i].layout;
	return "";
}

static const char *find(const struct name_pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].ours;
	return NULL;
}

const char *training_model_name(const char *name)
{
	return find(models, COUNT_OF(models), name);
}

const char *training_device_name(const char *name)
{
	return find(devices, COUNT_OF(devices), name);
}

const char *training_precision(const char *name)
{
	return find(precisions, COUNT_OF(precisions), name);
}

const struct training_source *training_source_of(const char *source)
{
	for (size_t i = 0; i < COUNT_OF(sources); i++)
		if (text_starts(source, sources[i].source))
			return &sources[i];
	return NULL;
}
