/* validation/published: rows become the scenarios that their text describes, or say why not. */
#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "tests/unit/scratch.h"
#include "models/model.h"
#include "validation/published.h"
#include "validation/published_build.h"
#include "validation/published_layout.h"

#define HEADER "id,model,precision,accelerator,n_accel,parallelism,scenario,isl,osl,batch_or_concurrency,metric,value,unit,source\n"

static bool load_text(const char *text, struct published_rows *rows, struct arena *a, struct err *err)
{
	char path[SCRATCH_PATH];
	bool ok = published_rows_load(scratch_text(path, "rows.csv", text), rows, a, err);

	remove(path);
	return ok;
}

static bool read_case(const struct published_rows *rows, size_t index, struct published_case *out, struct arena *a, struct err *err)
{
	const struct published_lexicon *names = published_lexicon_new(a, err);

	return names && published_case(rows, index, names, out, a, err);
}

/* The only row of a file, as it stands there. */
static void read_row(const char *row, struct published_case *out, struct arena *a)
{
	struct published_rows rows;
	struct err err = { 0 };
	char text[1024];

	snprintf(text, sizeof(text), HEADER "%s\n", row);
	CU_ASSERT_TRUE_FATAL(load_text(text, &rows, a, &err));
	CU_ASSERT_TRUE_FATAL(read_case(&rows, 0, out, a, &err));
}

static void layouts(void)
{
	static const struct { const char *text; bool ok, split; int64_t count, tp, ep, attention_dp, prefill_count, prefill_tp; } cases[] = {
		{ "", true, false, 1, 1, 1, 1, 1, 1 },
		{ "tp8 ep8", true, false, 1, 8, 8, 1, 1, 1 },
		{ "tp2,pp1", true, false, 1, 2, 1, 1, 1, 1 },
		{ "attnDP4 ep4", true, false, 1, 1, 4, 4, 1, 1 },
		{ "P 2x(tp4) / D 3x(tp1 attnDP8 ep8)", true, true, 3, 1, 8, 8, 2, 4 },
		{ "18 VMs x 4 GPU", false, false, 0, 0, 0, 0, 0, 0 },
		{ "P 2x(tp4)", false, true, 0, 0, 0, 0, 0, 0 },
		{ "tp0", false, false, 0, 0, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct published_layout l;

		CU_ASSERT_EQUAL(published_layout_read(cases[i].text, &l), cases[i].ok);
		if (!cases[i].ok)
			continue;
		CU_ASSERT_EQUAL(l.split, cases[i].split);
		CU_ASSERT_EQUAL(l.decode.count, cases[i].count);
		CU_ASSERT_EQUAL(l.decode.tp, cases[i].tp);
		CU_ASSERT_EQUAL(l.decode.ep, cases[i].ep);
		CU_ASSERT_EQUAL(l.decode.attention_dp, cases[i].attention_dp);
		CU_ASSERT_EQUAL(l.prefill.count, cases[i].prefill_count);
		CU_ASSERT_EQUAL(l.prefill.tp, cases[i].prefill_tp);
	}
}

static void columns(void)
{
	struct arena *a = arena_new();
	struct published_rows rows;
	struct err err = { 0 };

	/* Columns in any order; unknown ones are kept; a figure that is none stays, and says so. */
	CU_ASSERT_TRUE_FATAL(load_text("unit,value,metric,accelerator,model,id,source,colour\nms,10.5,tpot,H100-SXM,gptj,a,S,red\n"
				       "ms,-1,tpot,H100-SXM,gptj,b,S,\nms,about 3,tpot,H100-SXM,gptj,c,S,\n", &rows, a, &err));
	CU_ASSERT_EQUAL_FATAL(rows.count, 3);
	CU_ASSERT_STRING_EQUAL(rows.at[0].id, "a");
	CU_ASSERT_DOUBLE_EQUAL(rows.at[0].value, 10.5, 0);
	CU_ASSERT_STRING_EQUAL(rows.at[0].extra, "colour=red");
	CU_ASSERT_PTR_NULL(rows.at[0].fault);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rows.at[1].fault);
	CU_ASSERT_PTR_NOT_NULL(strstr(rows.at[1].fault, ":3: value=\"-1\": expected a positive figure"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(rows.at[2].fault);
	CU_ASSERT_PTR_NOT_NULL(strstr(rows.at[2].fault, ":4: "));
	/* What makes the whole file useless is refused. */
	CU_ASSERT_FALSE(load_text("id,model,accelerator,metric,value,source\na,b,c,d,1,e\n", &rows, a, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "unit"));
	err = (struct err){ 0 };
	CU_ASSERT_FALSE(load_text("id,model,accelerator,metric,value,unit,source\na,m,c,d,1,ms,e\na,m,c,d,2,ms,e\n", &rows, a, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "id \"a\" stands on line 2 already"));
	arena_free(a);
}

/* A row of each family, and what must be in (or, with '!', not in) its scenario. */
static void families(void)
{
	static const struct { const char *row, *holds[6]; double copies; } cases[] = {
		{ "a,Llama-3.1-70B,fp8,H200-SXM,2,tp2,closed-loop agg trtllm,1024,1024,4,tpot,9,ms,InferenceX/x id=y_cfg1",
		  { "model.name=llama-3.1-70b ", "hardware.system=hgx-h200 ", "deployment.tp=2 ", "workload.prompt_tokens.least=820 ",
		    "workload.concurrency=4 workload.requests=60 ", "scheduler.max_num_batched_tokens=1152 " }, 1 },
		{ "a,Qwen3-32B,,H100-SXM,2,tp2,closed-loop agg vllm,1024,128,8,ttft,60,ms,InferenceX/x id=qwen_tp2_epnone_1",
		  { "workload.prompt_tokens.kind=fixed workload.prompt_tokens.value=1024 ", "scheduler.name=vllm ", NULL }, 1 },
		{ "a,DeepSeek-V3,fp4,GB200,36,P 1x(tp1 attnDP4 ep4) / D 1x(tp1 attnDP32 ep32),closed-loop disagg sglang,1024,1024,2048,tpot,17,ms,"
		  "InferenceX/x id=dsr1_cfg2",
		  { "deployment.dp_attention=32 ", "deployment.prefill_replicas=1 ", "model.attention_dtype=bf16 ", "scheduler.name=sglang ",
		    "scheduler.graph_max_tokens=2048 ", "!scheduler.max_num_batched_tokens" }, 1 },
		/* SGLang's split pools exchange tokens: their experts lie on all ranks. */
		{ "a,DeepSeek-V3,fp4,GB200,36,P 1x(tp1 attnDP4) / D 1x(tp1 attnDP32),closed-loop disagg sglang,1024,1024,2048,tpot,17,ms,"
		  "InferenceX/x id=dsr1_cfg2", { "deployment.ep=32 deployment.dp_attention=32 ", "deployment.prefill_ep=4 ", NULL }, 1 },
		/* Of DeepSeek-R1 on TensorRT-LLM an image, and under 1.1.0rc2 the layout and the load, tell whether tokens were drafted. */
		{ "a,DeepSeek-R1,fp4,B200-SXM,8,tp8,closed-loop agg trtllm,1024,1024,4,tpot,4.3,ms,InferenceX/x id=2026_03_25_deepseek_r1 backend=trtllm 1.2.0rc6.post3",
		  { "with=eagle3_v1861:draft=module,depth=3,", "scheduler.max_num_batched_tokens=1152 ", "!hardware.stack" }, 1 },
		{ "a,DeepSeek-R1,fp8,B200-SXM,8,tp8,closed-loop agg trtllm,1024,1024,8,tpot,7,ms,InferenceX/x id=2026_03_25_deepseek_r1 backend=trtllm 1.2.0rc6.post3",
		  { "with=eagle3_v1861:draft=module,depth=3,", "hardware.stack=trtllm-piecewise ", NULL }, 1 },
		{ "a,DeepSeek-R1,fp8,B200-SXM,8,tp8,closed-loop agg trtllm,8192,1024,64,tpot,40,ms,InferenceX/x id=2026_03_25_deepseek_r1 backend=trtllm 1.2.0rc6.post2",
		  { "!with=eagle3", "scheduler.max_num_batched_tokens=8320 ", NULL }, 1 },
		{ "a,DeepSeek-R1,fp4,B200-SXM,4,tp4,closed-loop agg trtllm,1024,1024,8,tpot,7,ms,InferenceX/x id=2026_04_06_deepseek_r1 backend=trtllm 1.1.0rc2.post2",
		  { "with=eagle3_v1861:draft=module,depth=3,", "scheduler.max_num_batched_tokens=1152 ", NULL }, 1 },
		{ "a,DeepSeek-R1,fp4,B200-SXM,4,tp4,closed-loop agg trtllm,1024,1024,32,tpot,17,ms,InferenceX/x id=2026_04_06_deepseek_r1 backend=trtllm 1.1.0rc2.post2",
		  { "!with=eagle3", "scheduler.max_num_batched_tokens=8192 ", NULL }, 1 },
		{ "a,DeepSeek-R1,fp4,B200-SXM,4,tp4 ep4,closed-loop agg trtllm,8192,1024,16,tpot,18,ms,InferenceX/x id=2026_04_06_deepseek_r1 backend=trtllm 1.1.0rc2.post2",
		  { "!with=eagle3", "deployment.ep=4 ", NULL }, 1 },
		{ "a,DeepSeek-R1,fp8,B200-SXM,8,tp8,closed-loop agg sglang,1024,1024,16,tpot,11.7,ms,InferenceX/x id=2026_03_25_deepseek_r1",
		  { "hardware.stack=sglang-flashinfer model.kv_dtype=fp8 scheduler.stream_interval=30 scheduler.recv_interval=30 ",
		    "scheduler.max_num_batched_tokens=32768 ", NULL }, 1 },
		{ "a,Llama-3.1-8B-Instruct,,H100-SXM,1,tp1,closed-loop agg trtllm,1024,128,8,ttft,190,ms,InferenceX/x id=meta_tp1_epnone_1",
		  { "workload.concurrency=8 workload.requests=80 scheduler.max_num_seqs=7 ", NULL }, 1 },
		{ "a,DeepSeek-R1,fp4,B200-SXM,8,tp1 attnDP8 ep8,closed-loop agg trtllm,1024,1024,64,tpot,12,ms,InferenceX/x id=2026_03_25_deepseek_r1 backend=trtllm 1.2.0rc6.post3",
		  { "model.kv_dtype=fp8 scheduler.balance_timeout=60 ", "depth=1,", "scheduler.max_num_batched_tokens=1152 " }, 1 },
		{ "a,MiniMax-M2.5,fp8,B200-SXM,2,tp2,closed-loop agg vllm,1024,1024,4,tpot,10,ms,InferenceX/x id=z backend=vllm 0.17.0",
		  { "scheduler.memory_utilization=0.95 deployment.ep=2 ", "!kv_dtype", NULL }, 1 },
		{ "a,MiniMax-M2.5,fp8,B200-SXM,2,tp2,closed-loop agg vllm,1024,1024,4,tpot,10,ms,InferenceX/x id=z backend=vllm 0.17.0",
		  { "hardware.stack=vllm-triton ", "!router_dtype", NULL }, 1 },
		{ "a,MiniMax-M2.5,fp8,B200-SXM,2,attnDP2 ep2,closed-loop agg vllm,1024,1024,4,tpot,10,ms,InferenceX/x id=z backend=vllm 0.19.0",
		  { "deployment.tp=2 deployment.dp_attention=1 ", "!vllm-triton", NULL }, 1 },
		{ "a,MiniMax-M2.5,fp4,B200-SXM,2,attnDP2 ep2,closed-loop agg vllm,1024,1024,4,tpot,10,ms,InferenceX/x id=z backend=vllm 0.19.0",
		  { "model.router_dtype=tf32 ", "!deployment.dp_attention=1 ", NULL }, 1 },
		{ "a,MiniMax-M2.5,fp8,B300-SXM,2,tp2,closed-loop agg vllm,8192,1024,4,tpot,10,ms,InferenceX/x id=z backend=vllm 0.19.0",
		  { "model.kv_dtype=fp8 scheduler.max_num_batched_tokens=16384 scheduler.graph_max_tokens=2048 ", "!deployment.ep=2 ", NULL }, 1 },
		{ "a,MiniMax-M2.5,fp4,B200-SXM,2,tp2,closed-loop agg vllm,1024,1024,4,tpot,7,ms,InferenceX/x id=z backend=vllm nightly-5b8c30d",
		  { "!graph_max_tokens", "!max_num_batched_tokens", NULL }, 1 },
		{ "a,Kimi-K2.5,int4,H200-SXM,8,tp8,closed-loop agg vllm,1024,1024,4,tpot,10,ms,InferenceX/x id=z",
		  { "model.name=kimi-k2 model.dtype=bf16 model.expert_dtype=int4_wo ", NULL }, 1 },
		{ "a,llama2-70b,fp8,H100-SXM,8,,MLPerf closed Offline,<=1024,290,,throughput,24000,\"tokens/s (output, whole system)\",MLPerf-Inference-v4.1 x_TRT",
		  { "workload.arrivals.kind=all-at-once workload.requests=20000 ", "workload.output_tokens.most=1024 ", "!deployment.tp" }, 4 },
		{ "a,Llama-3.1-8B,fp8,H200-SXM,1,tp1,offline max throughput trtllm-bench,128,2048,,throughput,9000,\"tokens/s (output, whole system)\","
		  "TensorRT-LLM-perf-overview-v1.0", { "workload.requests=3000 ", "scheduler.name=trtllm ", "scheduler.chunked_prefill=no ", NULL }, 1 },
		{ "a,Qwen3-235B-A22B,fp4,B200-SXM,8,tp8,offline max throughput trtllm-bench,1000,1000,,throughput,9000,\"tokens/s (output, whole system)\","
		  "TensorRT-LLM-perf-overview-v1.0", { "deployment.tp=1 deployment.pp=1 deployment.ep=8 deployment.dp_attention=8 ", "hardware.stack=trtllm-cutlass ", NULL }, 1 },
		{ "a,Llama-3.3-70B,fp4,B200-SXM,8,tp8,offline max throughput trtllm-bench,1000,1000,,throughput,9000,\"tokens/s (output, whole system)\","
		  "TensorRT-LLM-perf-overview-v1.0", { "deployment.tp=8 deployment.pp=1 deployment.ep=1 deployment.dp_attention=1 ", NULL }, 1 },
		{ "a,Llama-3.1-405B,fp4,RTX-PRO-6000,8,\"tp1,pp8\",offline max throughput trtllm-bench,128,128,,throughput,4000,\"tokens/s (output, whole system)\","
		  "TensorRT-LLM-perf-overview-v1.0", { "scheduler.max_num_seqs=4096 ", "scheduler.graph_max_tokens=512 ", "model.kv_dtype=fp8 " }, 1 },
		{ "a,gpt-oss-120b,,B200-SXM,1,tp1,offline max throughput trtllm-bench,1024,32768,,output_throughput_per_gpu,5000,tokens/s/GPU (output),"
		  "TensorRT-LLM-perf-overview-v1.2", { "workload.requests=1000 ", "model.kv_dtype=fp8 ", NULL }, 1 },
		{ "a,gpt-oss-120b,,H200-SXM,1,tp1,offline max throughput trtllm-bench,1024,8192,,output_throughput_per_gpu,5000,tokens/s/GPU (output),"
		  "TensorRT-LLM-perf-overview-v1.2", { "workload.requests=1500 ", "!model.kv_dtype=fp8 ", NULL }, 1 },
		{ "a,Llama-2-70b,,Inferentia2 (inf2.48xlarge),12,tp24 NeuronCores,Real Time,1024,1024,1,tpot,20,ms,AWS-Neuron-benchmarks",
		  { "deployment.tp=12 ", "scheduler.name=static ", "workload.requests=1 " }, 1 },
		{ "a,Qwen2.5-7B,,Wormhole-n300,2,tp2,tt-metal demo,128,,32,throughput,1,\"tokens/s (output, whole system)\",tenstorrent/tt-metal",
		  { "hardware.system=n300-2 ", "model.dtype=fp8 model.head_dtype=fp8 model.attention_dtype=bf16 model.kv_dtype=bf16 ", "deployment.tp=2 ",
		    "workload.requests=32 scheduler.max_num_seqs=32 ", "!gate_up_dtype" }, 1 },
		{ "a,Llama-3.1-70B,,Wormhole-n300 (QuietBox),8,,tt-metal demo,128,,32,throughput,1,\"tokens/s (output, whole system)\",tenstorrent/tt-metal",
		  { "hardware.system=quietbox-8 ", "model.gate_up_dtype=fp4 ", "!deployment.tp=1", NULL }, 1 },
		{ "a,Llama-3.1-8B,,Wormhole-n300 (QuietBox),8,dp8,tt-metal demo,128,,256,throughput,1,\"tokens/s (output, whole system)\",tenstorrent/tt-metal",
		  { "hardware.device=tenstorrent-n300 ", "deployment.tp=1 deployment.pp=1 deployment.ep=1 deployment.dp_attention=1 ", "workload.requests=32 ", NULL }, 8 },
		{ "a,Llama-3.1-8B,,Blackhole-p150,4,,tt-metal demo,128,,32,output_speed_per_user,1,tokens/s/user,tenstorrent/tt-metal",
		  { "hardware.device=tenstorrent-p150a ", "deployment.tp=4 ", "workload.requests=32 ", NULL }, 1 },
		{ "a,Llama-3-8B,bf16,SN40L,8,,Batch,1024,1024,1,throughput,1,tokens/s (in+out),x",
		  { "hardware.system=sn40l-16 ", "deployment.tp=8 ", NULL }, 1 },
		{ "a,Llama-3.1-8B,fp16,Cerebras-CS3,1,,no speculation,,,1,output_speed_per_user,1,tokens/s/user,x",
		  { "hardware.device=cerebras-cs3 ", "!hardware.system", "!deployment.pp", NULL }, 1 },
		{ "a,Llama-3.1-70B,fp16,Cerebras-CS3,4,,no speculation,,,1,output_speed_per_user,1,tokens/s/user,x",
		  { "hardware.device=cerebras-cs3 ", "deployment.pp=4 ", NULL }, 1 },
		{ "a,Llama-3-8B,bf16,SN40L,16,,Batch,1024,1024,1,throughput,1,tokens/s,x", { "hardware.system=sn40l-16 ", "!deployment.tp", NULL }, 1 },
		{ "a,Llama-3.1-8B,bf16,RTX-PRO-6000,1,tp1,\"vLLM 0.19 open loop, ShareGPT 300 requests, ~10 sessions/s\",ShareGPT,ShareGPT,"
		  "\"max_num_seqs 128, max_num_batched_tokens 2048\",ttft_mean,7000,ms,LLMServingSim-bench",
		  { "workload.qps=10 workload.requests=300 ", "scheduler.max_num_seqs=128 ", "scheduler.max_num_batched_tokens=2048 " }, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct published_case set;

		read_row(cases[i].row, &set, a);
		CU_ASSERT_EQUAL(set.why, WHY_NONE);
		CU_ASSERT_PTR_NOT_NULL_FATAL(set.settings);
		CU_ASSERT_DOUBLE_EQUAL(set.copies, cases[i].copies, 0);
		for (size_t k = 0; k < COUNT_OF(cases[i].holds) && cases[i].holds[k]; k++) {
			const char *part = cases[i].holds[k];
			bool held = part[0] == '!' ? !strstr(set.settings, part + 1) : strstr(set.settings, part) != NULL;

			if (!held)
				printf("\nrow %zu: '%s' in '%s'\n", i, part, set.settings);
			CU_ASSERT_TRUE(held);
		}
		arena_free(a);
	}
}

/* tt-metal counts a batch over the time of a decode step: prompts, which run one after the other, take nothing away. */
static void decode_throughput(void)
{
	struct result r = { .output_throughput = 500, .devices = 8, .replicas = 1 };
	struct arena *a = arena_new();
	struct published_case set;

	r.tpot_s.mean = 0.04;
	read_row("a,Llama-3.1-8B,,Wormhole-n300 (QuietBox),8,dp8,tt-metal demo,128,,256,throughput,1,\"tokens/s (output, whole system)\",x", &set, a);
	CU_ASSERT_DOUBLE_EQUAL(published_predict(&set, &r), 8 * 32 / 0.04, 1e-9);
	read_row("a,Llama-3.1-8B,fp8,Gaudi3,1,tp1,static batch,128,128,32,throughput,1,\"tokens/s (output, whole system)\",Intel-Gaudi3", &set, a);
	CU_ASSERT_DOUBLE_EQUAL(published_predict(&set, &r), 500, 1e-9);
	r.total_token_throughput = 900;        /* prompts count, too, where the unit says so */
	read_row("a,Llama-3-8B,bf16,SN40L,8,,Batch,1024,1024,1,throughput,1,tokens/s (in+out),x", &set, a);
	CU_ASSERT_DOUBLE_EQUAL(published_predict(&set, &r), 900, 1e-9);
	arena_free(a);
}

/* MLPerf names no layout: those that may have been are tried. A server row takes the rate from the throughput of its run. */
static void tuned_runs(void)
{
	static const char text[] = HEADER
		"a,deepseek-r1,fp4,B300-SXM,8,,MLPerf closed Server [p99 TTFT<=2s TPOT<=80ms],,3750,,throughput,58000,\"tokens/s (output, whole system)\",MLPerf-Inference-v6.0 run 1\n"
		"b,deepseek-r1,fp4,B300-SXM,8,,MLPerf closed Server [p99 TTFT<=2s TPOT<=80ms],,3750,,ttft_mean,640,ms,MLPerf-Inference-v6.0 run 1\n"
		"c,deepseek-r1,fp4,B300-SXM,8,,MLPerf closed Server [p99 TTFT<=2s TPOT<=80ms],,3750,,ttft_mean,640,ms,MLPerf-Inference-v6.0 run 2\n";
	struct arena *a = arena_new();
	struct published_rows rows;
	struct published_case set[3];
	struct err err = { 0 };

	CU_ASSERT_TRUE_FATAL(load_text(text, &rows, a, &err));
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_TRUE_FATAL(read_case(&rows, i, &set[i], a, &err));
	CU_ASSERT_EQUAL_FATAL(set[0].choice_count, 4);
	CU_ASSERT_STRING_EQUAL(set[0].choices[0].settings, "deployment.tp=4 deployment.ep=4 ");
	CU_ASSERT_STRING_EQUAL(set[0].choices[1].settings, "deployment.tp=1 deployment.ep=4 deployment.dp_attention=4 ");
	CU_ASSERT_DOUBLE_EQUAL(set[0].choices[3].devices, 8, 0);
	CU_ASSERT_DOUBLE_EQUAL(set[0].ttft_p99_s, 2, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(set[0].tpot_p99_s, 0.08, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(set[0].rate_most, 0, 0);
	CU_ASSERT_STRING_EQUAL(set[1].settings, set[0].settings);
	CU_ASSERT_DOUBLE_EQUAL(set[1].rate_most * 8 / 58000, 1, 1e-9);
	CU_ASSERT_EQUAL(set[2].why, WHY_LOAD);
	arena_free(a);
}

/* MLPerf runs under TensorRT-LLM have the batch limits of NVIDIA's configurations, a generation its own, and run as long as they; on
 * H100 the layers may be split as well. Others are tuned alike. Beams of GPT-J are tokens that a pass verifies. */
static void mlperf_runs(void)
{
	static const struct { const char *row, *holds[2], *choice; double run_s, queries; } cases[] = {
		{ "a,llama2-70b,fp8,H100-SXM,8,,MLPerf closed Offline,<=1024,293,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT",
		  { "scheduler.name=trtllm-max-utilization scheduler.max_num_seqs=1024 scheduler.max_num_batched_tokens=1024 ", "hardware.stack=trtllm-engine-swiglu " },
		  "deployment.pp=2 ", 2400, 0 },
		{ "a,llama2-70b,fp4,B200-SXM,8,,MLPerf closed Offline,<=1024,293,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT",
		  { "scheduler.max_num_seqs=2048 scheduler.max_num_batched_tokens=3584 scheduler.memory_utilization=0.95 ", "hardware.stack=trtllm-engine " },
		  "deployment.tp=1 ", 2400, 0 },
		{ "a,deepseek-r1,fp4,B300-SXM,8,,MLPerf closed Offline,,3750,,throughput,1,tokens/s (output),MLPerf-Inference-v6.0 TensorRT",
		  { "scheduler.max_num_seqs=1024 scheduler.max_num_batched_tokens=6144 ", "scheduler.chunked_prefill=no " }, "deployment.tp=4 deployment.ep=4 ", 600, 105312 },
		{ "a,deepseek-r1,fp4,B200-SXM,8,,MLPerf closed Offline,,3750,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT",
		  { "scheduler.max_num_seqs=512 scheduler.max_num_batched_tokens=4608 ", "scheduler.memory_utilization=0.9 " }, "deployment.tp=4 deployment.ep=4 ", 600, 26328 },
		{ "a,mixtral-8x7b,fp4,B200-SXM,8,,MLPerf closed Offline,<=2048,144,,throughput,1,tokens/s (output),MLPerf-Inference-v6.0 TensorRT",
		  { "scheduler.max_num_seqs=6144 scheduler.max_num_batched_tokens=14336 ", "scheduler.chunked_prefill=no model.dtype=fp8 " }, "deployment.tp=1 deployment.ep=1 ", 2400, 0 },
		{ "a,llama3.1-8b,fp4,B200-SXM,8,,MLPerf closed Server [p99 TTFT<=2s TPOT<=100ms],~780 (CNN/DM),129,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT",
		  { "scheduler.max_num_seqs=6000 scheduler.max_num_batched_tokens=12000 ", "hardware.stack=trtllm-serve " }, "deployment.tp=1 ", 600, 0 },
		{ "a,deepseek-r1,fp4,B300-SXM,8,,MLPerf closed Server [p99 TTFT<=2s TPOT<=80ms],,3750,,throughput,1,tokens/s (output),MLPerf-Inference-v6.0 TensorRT",
		  { "scheduler.max_num_seqs=640 scheduler.max_num_batched_tokens=4608 ", "scheduler.balance_timeout=9 " }, "deployment.tp=4 deployment.ep=4 ", 600, 105312 },
		{ "a,deepseek-r1,fp4,B300-SXM,8,,MLPerf closed Interactive [p99 TTFT<=1.5s TPOT<=15ms],,3750,,throughput,1,tokens/s (output),MLPerf-Inference-v6.0 TensorRT",
		  { "scheduler.max_num_seqs=128 ", "with=eagle3_v1861:depth=3,acceptance=0.8/0.6/0.45," }, "deployment.tp=4 deployment.ep=4 ", 600, 26328 },
		{ "a,llama2-70b,fp8,MI300X,8,,MLPerf closed Offline,<=1024,293,,throughput,1,tokens/s (output),MLPerf-Inference-v4.1 vLLM 0.4.3",
		  { "scheduler.name=vllm-v0 ", "scheduler.max_num_seqs=2048 scheduler.max_num_batched_tokens=65536 " }, "deployment.tp=1 ", 600, 0 },
		{ "a,llama2-70b,fp8,MI300X,8,,MLPerf closed Offline,<=1024,293,,throughput,1,tokens/s (output),MLPerf-Inference-v5.0 vLLM 0.6.4",
		  { "scheduler.name=vllm ", "" }, "deployment.tp=1 ", 600, 0 },
		{ "a,llama2-70b,fp4,B200-SXM,8,,MLPerf closed Interactive [p99 TTFT<=450ms TPOT<=40ms],<=1024,293,,throughput,1,tokens/s (output),MLPerf-Inference-v6.0 TensorRT",
		  { "scheduler.max_num_seqs=768 scheduler.max_num_batched_tokens=768 ", "workload.prompt_tokens.kind=empirical workload.prompt_tokens.quantiles=0:48," }, "deployment.tp=1 ", 1200, 0 },
		{ "a,llama2-70b,fp8,H200-SXM,8,,MLPerf closed Offline,<=1024,293,,throughput,1,tokens/s (output),MLPerf-Inference-v4.1 TensorRT",
		  { "scheduler.max_num_seqs=1536 ", "hardware.stack=trtllm-tuned " }, "deployment.tp=1 ", 2400, 0 },
		/* AMD's: several passes a decision; 8 bits whatever a partner's form says. */
		{ "a,mixtral-8x7b,fp8,MI325X,8,,MLPerf closed Server [p99 TTFT<=2s TPOT<=200ms],,145,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 x; vLLM 0.6.5",
		  { "scheduler.name=vllm-v0 scheduler.max_num_seqs=2560 scheduler.max_num_batched_tokens=32000 ", "scheduler.recv_interval=10 hardware.stack=vllm " },
		  "deployment.tp=1 deployment.ep=1 ", 600, 0 },
		{ "a,llama2-70b,fp16,MI300X,8,,MLPerf closed Offline,<=1024,293,,throughput,1,tokens/s (output),MLPerf-Inference-v4.1 x; vLLM 0.4.3",
		  { "model.dtype=fp8 model.kv_dtype=fp8 ", "scheduler.max_num_seqs=2048 scheduler.max_num_batched_tokens=65536 scheduler.memory_utilization=0.99 " },
		  "deployment.tp=1 ", 600, 0 },
		{ "a,gptj,fp8,L40S,2,,MLPerf closed Server [p99 latency<=20s],<=1919,,,throughput,1,samples/s,MLPerf-Inference-v4.1 TensorRT",
		  { "with=eagle3_v1861:draft=none,depth=3,acceptance=1,host=waits,host_round_us=0,host_seq_us=150 ", "workload.output_tokens.most=512 scheduler.name=trtllm workload.arrivals.kind=poisson " }, "deployment.tp=1 ", 600, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct published_case set;

		read_row(cases[i].row, &set, a);
		CU_ASSERT_PTR_NOT_NULL_FATAL(set.settings);
		for (size_t k = 0; k < 2; k++)
			if (!strstr(set.settings, cases[i].holds[k]))
				CU_FAIL(printf("\nrow %zu: %s\n", i, set.settings));
		CU_ASSERT_TRUE_FATAL(set.choice_count > 0);
		CU_ASSERT_STRING_EQUAL(set.choices[0].settings, cases[i].choice);
		CU_ASSERT_DOUBLE_EQUAL(set.run_s, cases[i].run_s, 0);
		CU_ASSERT_DOUBLE_EQUAL(set.queries, cases[i].queries, 0);
		arena_free(a);
	}
	CU_ASSERT_EQUAL(published_vllm_minor(&(struct published_row){ .scenario = "backend=vllm 0.17.0", .source = "" }), 17);
	CU_ASSERT_EQUAL(published_vllm_minor(&(struct published_row){ .scenario = "", .source = "vLLM v0.9.2" }), 9);
	CU_ASSERT_EQUAL(published_vllm_minor(&(struct published_row){ .scenario = "vllm", .source = "" }), 0);
}

/*
 * A server's tokens are counted until the last answer: of what is sent in 600 s, at the highest rate within limits, 600 s and the time
 * of an answer. Latencies are those of a rate so much above what was completed: at the throughput that is predicted they are those of
 * the highest rate, which they would not be without (of these limits the time per token at a rate of 7 % less is a fifth shorter).
 */
static void server_throughput(void)
{
	static const char text[] = HEADER
		"a,llama2-70b,fp8,H200-SXM,1,tp1,MLPerf closed Server [p99 TTFT<=2s TPOT<=150ms],<=1024,294,,throughput,%.6f,tokens/s (output),MLPerf-Inference-v5.1 vLLM\n"
		"b,llama2-70b,fp8,H200-SXM,1,tp1,MLPerf closed Server [p99 TTFT<=2s TPOT<=150ms],<=1024,294,,tpot_mean,40,ms,MLPerf-Inference-v5.1 vLLM\n"
		"c,llama2-70b,fp8,H200-SXM,1,tp1,MLPerf closed Server [p99 TTFT<=2s TPOT<=150ms],<=1024,294,,request_latency_mean,4000,ms,MLPerf-Inference-v5.1 vLLM\n";
	char path[SCRATCH_PATH], rows[2048];
	double measured = 1e6, best[3] = { 0 };

	for (int round = 0; round < 3; round++) {
		struct published_study *s;
		struct err err = { 0 };

		snprintf(rows, sizeof(rows), text, measured);
		scratch_text(path, "server.csv", rows);
		s = published_validate(&(struct published_options){ .path = path, .threads = 1 }, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		for (int i = 0; i < 3 && round == 0; i++)
			best[i] = s->outcomes[i].predicted;
		if (round == 1)
			CU_ASSERT_DOUBLE_EQUAL(s->outcomes[1].predicted / best[1], 1, 0.05);
		if (round == 2)
			CU_ASSERT(s->outcomes[1].predicted < 0.9 * best[1]);
		CU_ASSERT_DOUBLE_EQUAL(s->outcomes[0].predicted, best[0], 1e-9 * best[0]);
		measured = best[0] / (round == 0 ? 1 : 1 + best[2] / 600e3);
		published_study_free(s);
		remove(path);
	}
	CU_ASSERT(best[2] > 15e3);
}

/* An offline run has as many samples as the rules ask for: 26,328 long answers on one copy, which then drain for a smaller part of the
 * run than those of each of eight copies. */
static void offline_runs_are_whole(void)
{
	static const char text[] = HEADER
		"a,deepseek-r1,fp4,B300-SXM,8,tp8 pp1 ep8,MLPerf closed Offline,,3750,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT\n"
		"b,deepseek-r1,fp4,B300-SXM,64,tp8 pp1 ep8,MLPerf closed Offline,,3750,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT\n";
	char path[SCRATCH_PATH];
	struct published_study *s;
	struct err err = { 0 };

	scratch_text(path, "offline.csv", text);
	s = published_validate(&(struct published_options){ .path = path, .threads = 1 }, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT(s->outcomes[0].predicted > 1.08 * s->outcomes[1].predicted / 8);
	published_study_free(s);
	remove(path);
}

/* Copies of a server share its queries: gaps at one of eight vary less than those of a Poisson stream, so that it keeps a limit on the
 * first token at a higher rate than a server of one copy does. */
static void server_copies(void)
{
	static const char text[] = HEADER
		"a,llama3.1-405b,fp4,B200-SXM,8,tp8,MLPerf closed Server [p99 TTFT<=2s TPOT<=175ms],~9400,650,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT\n"
		"b,llama3.1-405b,fp4,B200-SXM,64,tp8,MLPerf closed Server [p99 TTFT<=2s TPOT<=175ms],~9400,650,,throughput,1,tokens/s (output),MLPerf-Inference-v5.1 TensorRT\n";
	char path[SCRATCH_PATH];
	struct published_study *s;
	struct err err = { 0 };

	scratch_text(path, "copies.csv", text);
	s = published_validate(&(struct published_options){ .path = path, .threads = 1 }, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(s->outcomes[1].predicted > 1.05 * 8 * s->outcomes[0].predicted);
	published_study_free(s);
	remove(path);
}

/* Names, formats, layouts, loads and units in other words than our tables': what they are read as, and that it is said. */
static void other_words(void)
{
	static const struct { const char *row, *holds[3], *note; double to_si; } cases[] = {
		{ "a,meta-llama/Llama-3.1-70B-Instruct-FP8,,NVIDIA H200 SXM,2,TP=2,closed-loop agg trtllm,1024,1024,4,tpot,9,ms,S",
		  { "model.name=llama-3.1-70b model.dtype=fp8 ", "hardware.system=hgx-h200 ", "deployment.tp=2 " },
		  "model 'meta-llama/Llama-3.1-70B-Instruct-FP8' read as llama-3.1-70b; accelerator 'NVIDIA H200 SXM' read as h200; "
		  "number format fp8 as the model's name says; layout 'TP=2' read as tp2 pp1 ep1 attnDP1", 1e-3 },
		{ "a,RedHatAI/Qwen3-32B-quantized.w4a16,,h100_sxm5_80gb,1,tensor parallel 1,by moonlight,1k,\"1,024\",16,p99 ITL,9,s,S",
		  { "model.name=qwen3-32b model.dtype=int4_wo ", "hardware.system=dgx-h100 ", "workload.concurrency=16 " },
		  "load 'by moonlight' read as 16 requests in flight", 1 },
		{ "a,DEEPSEEK_R1,NVFP4 weights,b200,8,18 VMs x 4,OFFLINE,1000,1000,,Output Throughput,9,tok/s/GPU,S",
		  { "model.name=deepseek-r1 model.dtype=fp4 model.attention_dtype=bf16 ", "arrivals.kind=all-at-once ", "deployment.ep=4 " },
		  "layout '18 VMs x 4' not understood: chosen as if not stated", 1 },
		{ "a,Llama-3.1-8B,fp3,H100-SXM,,,some server,8,8,,throughput,1,req/s,S", { "model.name=llama-3.1-8b hardware", "deployment.tp=1 ", "all-at-once " },
		  "number format 'fp3' taken as the model's own; load 'some server' read as all requests at once; "
		  "number of devices not stated: 1, the least that hold the model", 1 },
		{ "a,Qwen/Qwen3-30B-A3B-Thinking-2507-FP8,fp8,8xH100 (HGX),8,tp8 ep8,Closed-Loop,8,8,4,E2E latency p90,1,us,S",
		  { "model.name=qwen3-30b-a3b model.dtype=fp8_block ", "hardware.system=dgx-h100 ", "concurrency=4 " }, "read as h100", 1e-6 },
		{ "a,google/gemma-3-27b-it,bfloat16,A100-SXM4-80GB,1,tp1,closed-loop agg vllm,8,8,4,tpot,1,ms,S",
		  { "model.name=gemma-3-27b model.dtype=bf16 ", "hardware.system=dgx-a100 ", NULL }, "number format 'bfloat16' read as bf16", 1e-3 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct published_case set;

		read_row(cases[i].row, &set, a);
		CU_ASSERT_EQUAL(set.why, WHY_NONE);
		CU_ASSERT_PTR_NOT_NULL_FATAL(set.settings);
		CU_ASSERT_DOUBLE_EQUAL(set.to_si, cases[i].to_si, 0);
		for (size_t k = 0; k < COUNT_OF(cases[i].holds) && cases[i].holds[k]; k++) {
			if (!strstr(set.settings, cases[i].holds[k]))
				printf("\nrow %zu: '%s' in '%s'\n", i, cases[i].holds[k], set.settings);
			CU_ASSERT_PTR_NOT_NULL(strstr(set.settings, cases[i].holds[k]));
		}
		if (!strstr(set.note, cases[i].note))
			printf("\nrow %zu: '%s' in '%s'\n", i, cases[i].note, set.note);
		CU_ASSERT_PTR_NOT_NULL(strstr(set.note, cases[i].note));
		arena_free(a);
	}
}

/* Names near to known ones that are other things stay unknown. */
static void no_wrong_names(void)
{
	static const char *const models[] = { "Llama-3.2-90B-Vision", "DeepSeek-R1-Distill-Falcon-3B", "Qwen2.5-Coder-7B", "gpt-oss-200b", "", "(x)", "Llama-3.1" },
				 *const devices[] = { "MI300A", "mixed-MI3xx", "Arc-Pro-B70", "H100-XYZ", "Jetson-Orin", "", "8x" };
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct published_lexicon *names = published_lexicon_new(a, &err);
	struct str notes = { 0 };
	struct metric_name metric;

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t i = 0; i < COUNT_OF(models); i++)
		CU_ASSERT_PTR_NULL(published_find_model(names, models[i], &notes));
	for (size_t i = 0; i < COUNT_OF(devices); i++)
		CU_ASSERT_PTR_NULL(published_find_accelerator(names, devices[i], &notes));
	CU_ASSERT_EQUAL(notes.length, 0);
	CU_ASSERT_FALSE(published_find_metric("ttft", "tokens/s?", &metric) && metric.figure <= FIGURE_TTFT_P99);
	CU_ASSERT_FALSE(published_find_metric("mood", "ms", &metric));
	CU_ASSERT_FALSE(published_find_metric("throughput", "tokens/s/MW", &metric));
	CU_ASSERT_TRUE(published_find_metric("Total token throughput", "tok/s", &metric) && metric.figure == FIGURE_TOTAL);
	CU_ASSERT_TRUE(published_find_metric("Median TTFT", "seconds", &metric) && metric.figure == FIGURE_TTFT_P50);
	str_release(&notes);
	arena_free(a);
}

static void refusals(void)
{
	static const struct { const char *row; enum published_why why; const char *detail; } cases[] = {
		{ "a,nonesuch,fp8,H100-SXM,1,tp1,closed-loop agg vllm,8,8,1,tpot,1,ms,S", WHY_MODEL, "nonesuch" },
		{ "a,Llama-3.1-8B,fp8,Abacus,1,tp1,closed-loop agg vllm,8,8,1,tpot,1,ms,S", WHY_ACCELERATOR, "Abacus" },
		{ "a,Llama-3.1-8B,fp8,H100-SXM,1,tp1,closed-loop agg vllm,8,8,1,mood,1,ms,S", WHY_METRIC, "mood" },
		{ "a,Llama-3.1-8B,fp8,H100-SXM,1,tp1,closed-loop agg vllm,8,,1,tpot,1,ms,S", WHY_LENGTHS, NULL },
		{ "a,Llama-3.1-8B,fp8,H100-SXM,1,tp1,closed-loop agg vllm,8,8,,tpot,1,ms,S", WHY_LOAD, NULL },
		{ "a,Llama-3.1-8B,fp8,H100-SXM,1,tp1,by moonlight,8,8,,tpot,1,ms,S", WHY_LOAD, "by moonlight" },
		{ "a,Llama-3.1-8B,fp8,H100-SXM,1,tp1,interactivity 40,8,8,1,tpot,1,ms,S", WHY_FRONTIER, NULL },
		{ "a,llama2-70b (depth-pruned),fp8,H100-SXM,1,tp1,Offline,8,8,1,tpot,1,ms,S", WHY_ALTERED, NULL },
		{ "a,Llama-3.1-8B,fp8,H100-SXM,1,tp1,closed-loop agg vllm,8,8,1,cost,1,USD,S", WHY_COST, NULL },
		{ "a,Llama-3.1-8B,fp8,H100-SXM,1,tp1,closed-loop agg vllm,8,8,1,tpot,0,ms,S", WHY_VALUE, NULL },
		{ "a,gptj,fp8,H100-SXM,8,,MLPerf closed Server [p99 TTFT<=2s TPOT<=9ms],<=1919,,,tpot_p99,1,ms,MLPerf-Inference-v4.1", WHY_METRIC,
		  "latency under beam search" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct published_case set;

		read_row(cases[i].row, &set, a);
		CU_ASSERT_EQUAL(set.why, cases[i].why);
		if (set.why != cases[i].why)
			printf("\nrow %zu: %s\n", i, published_why_text[set.why]);
		CU_ASSERT_PTR_NULL(set.settings);
		if (cases[i].detail)
			CU_ASSERT_STRING_EQUAL(set.detail ? set.detail : "", cases[i].detail);
		arena_free(a);
	}
}

/* One row that cannot run leaves the other standing, with any number of threads. */
static void study_goes_on(void)
{
	static const char text[] = HEADER
		"a,Llama-3.1-70B,bf16,H100-SXM,1,tp1,closed-loop agg vllm,256,16,2,tpot,30,ms,S\n"
		"b,Llama-3.1-8B,bf16,H100-SXM,1,tp1,closed-loop agg vllm,256,16,2,tpot,7,ms,S\n"
		"c,Llama-3.1-8B,bf16,H100-SXM,1,tp1,closed-loop agg vllm,256,16,2,ttft,7,furlongs,S\n"
		"d,Llama-3.1-8B,bf16,H100-SXM,1,tp1,closed-loop agg vllm,256,16,2,ttft,20,ms,S\n";
	char path[SCRATCH_PATH];
	double first = 0;

	scratch_text(path, "study.csv", text);
	for (int threads = 1; threads <= 3; threads += 2) {
		struct published_options o = { .path = path, .threads = threads };
		struct err err = { 0 };
		struct published_study *s = published_validate(&o, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL_FATAL(s->rows.count, 4);
		CU_ASSERT_EQUAL(s->simulations, 2);
		CU_ASSERT_EQUAL(s->outcomes[0].set.why, WHY_REFUSED);
		CU_ASSERT_PTR_NOT_NULL(strstr(s->outcomes[0].set.detail, "does not fit"));
		CU_ASSERT_TRUE(s->outcomes[1].predicted > 2 && s->outcomes[1].predicted < 20);
		CU_ASSERT_EQUAL(s->outcomes[2].set.why, WHY_METRIC);
		CU_ASSERT_TRUE(s->outcomes[3].predicted > 1);
		CU_ASSERT_TRUE(threads == 1 || s->outcomes[1].predicted == first);
		first = s->outcomes[1].predicted;
		published_study_free(s);
	}
	remove(path);
}

/* The estimates of trtllm-bench (tuning.py), by hand: 0.95 (8 x 141 - 70) GB over 2 x 80 layers x 8 heads x 128 of a byte, 2,000
 * tokens a request: 3,067 of them. */
static void bench_limits(void)
{
	struct model m = { .shape = { .layers = 80, .hidden = 8192 }, .attention = { .heads = 64, .kv_heads = 8, .head_dim = 128 } };
	struct bench_engine e = { .model = &m, .tp = 8, .pp = 1, .memory_bytes = 141e9, .weight_bytes = 70e9, .kv_bytes = 1, .prompt = 1000, .output = 1000 };
	double seqs, tokens;

	published_bench_limits(&e, &seqs, &tokens);
	CU_ASSERT_EQUAL(seqs, 3072);           /* in steps of 256 */
	CU_ASSERT_EQUAL(tokens, 6144);         /* 6,135 with the prompts that keep them busy, in steps of 512 */
	e.tp = 1, e.prompt = 20000, e.output = 2000;
	published_bench_limits(&e, &seqs, &tokens);
	CU_ASSERT_EQUAL(seqs, 64);             /* 18.7 fit; at least 64 */
	CU_ASSERT_EQUAL(tokens, 20064);
}

CU_TestInfo suite_published[] = {
	{ "parallel layouts as rows write them", layouts },
	{ "rows by column name; faults stay with their row", columns },
	{ "one row of each family", families },
	{ "throughput of decode steps alone", decode_throughput },
	{ "layouts and rates that are not stated", tuned_runs },
	{ "names and units in other words are read, and said to be", other_words },
	{ "names of other things are not taken for known ones", no_wrong_names },
	{ "batch limits of trtllm-bench", bench_limits },
	{ "offline runs are whole", offline_runs_are_whole }, { "copies of a server share its queries", server_copies },
	{ "MLPerf runs as NVIDIA's configurations, beams as verified tokens", mlperf_runs },
	{ "a server's throughput ends with its last answer", server_throughput },
	{ "every refusal says which it is", refusals },
	{ "one bad row leaves the study standing", study_goes_on },
	CU_TEST_INFO_NULL
};
