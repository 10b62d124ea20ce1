#include "validation/published_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool profile_load(struct builder *b)
{
	const struct load_profile *p = published_profile(b->row->scenario);
	const char *batched = strstr(b->row->batch, "max_num_batched_tokens ");
	double only, requests;
	char *end;

	if (!p)
		return published_refuse(b, WHY_LOAD, NULL);
	b->isl = p->prompt, b->osl = p->output;
	if (batched)
		str_addf(&b->settings, "scheduler.max_num_batched_tokens=%ld ", strtol(batched + 23, &end, 10));
	/* Each user repeats one prompt, which comes from the prefix cache after its first use. */
	str_addf(&b->settings,
		 "scheduler.max_num_seqs=128 workload.prompt_tokens.kind=fixed workload.prompt_tokens.value=1 "
		 "workload.output_tokens.kind=fixed workload.output_tokens.value=%.0f workload.prefixes.block_tokens=16 "
		 "workload.prefixes.shared_tokens=%.0f workload.prefixes.shared_prompts=%.0f workload.prefixes.shared_share=1 ",
		 p->output, p->prompt - 1, p->users);
	/* "...; stage of 6 req/s" measures one stage alone. */
	if (strstr(b->row->scenario, "stage of ") && (only = strtod(strstr(b->row->scenario, "stage of ") + 9, NULL)) > 0) {
		requests = only * p->stage_s / 2;
		str_addf(&b->settings, "workload.arrivals.kind=poisson workload.qps=%g workload.requests=%.0f ", only, requests);
		return true;
	}
	if (!(p->qps[1] > 0)) {
		str_addf(&b->settings, "workload.arrivals.kind=poisson workload.qps=%g workload.requests=%.0f ", p->qps[0], p->qps[0] * p->stage_s);
		return true;
	}
	str_addf(&b->settings, "workload.arrivals.kind=stages stages=%g:%g,%g:%g workload.requests=%.0f ", p->stage_s, p->qps[0], p->stage_s,
		 p->qps[1], (p->qps[0] + p->qps[1]) * p->stage_s);
	return true;
}

/* "[p99 TTFT<=450ms TPOT<=40ms]"; limits in seconds. */
static double limit_of(const char *scenario, const char *what)
{
	const char *at = strstr(scenario, what);
	char *end;
	double v;

	if (!at)
		return 0;
	v = strtod(at + strlen(what), &end);
	return text_starts(end, "ms") ? v / 1000 : v;
}

/* Tokens/s of the whole system that the row's server completed: from the throughput row of the same run. */
static double measured_rate(const struct builder *b)
{
	for (size_t i = 0; i < b->rows->count; i++) {
		const struct published_row *r = &b->rows->at[i];

		if (strcmp(r->metric, "throughput") == 0 && strcmp(r->source, b->row->source) == 0 &&
		    strcmp(r->scenario, b->row->scenario) == 0 && strcmp(r->model, b->row->model) == 0 &&
		    strcmp(r->accelerator, b->row->accelerator) == 0 && strcmp(r->osl, b->row->osl) == 0)
			return r->value * (text_starts(r->unit, "samples") ? b->osl : 1);
	}
	return 0;
}

/* Batch limits of a saturated benchmark, of a scheduler (each attention rank has one), are chosen by its authors: large enough
 * not to bind (trtllm-bench: 2,048). A prompt fits into a batch beside the decodes, as engines that do not chunk need. */
double published_tuned_tokens(const struct builder *b)
{
	const struct dataset_lengths *data = published_dataset(b->model->catalog, b->row->source);
	double longest = data ? data->most : published_length(b->row->isl);

	return fmax(8192, 64 * ceil((longest + PUBLISHED_TUNED_SEQS) / 64));
}

static void tuned(struct builder *b)
{
	if (published_mlperf(b))
		return;
	/* Graphs are captured at sizes that suit the run. */
	if (strcmp(published_engine(b->row), "trtllm") == 0)
		str_add(&b->settings, "hardware.stack=trtllm-tuned ");
	str_addf(&b->settings, "scheduler.max_num_seqs=%d scheduler.max_num_batched_tokens=%.0f ", PUBLISHED_TUNED_SEQS, published_tuned_tokens(b));
}

/*
 * Requests of one copy: MLPerf runs last ten minutes or longer, so that filling and draining the batch do not count: of
 * DeepSeek-R1's long answers, thousands of them at once, 10,000 (45 million tokens). Fewer do for prompts as long as those of
 * Llama-3.1-405B, whose batches are small. trtllm-bench sends what its authors wrote down.
 */
static double run_requests(const struct builder *b)
{
	double bench = published_is_bench(b->row) ? published_bench_requests(b->isl, b->osl) : 0;

	if (bench > 0)
		return bench;
	if (!text_starts(b->row->source, "MLPerf"))
		return 4000;
	return ceil(fmin(20000, (b->isl > 4000 ? 2e7 : 4.5e7) / (b->osl + b->isl / 4)));
}

/*
 * MLPerf's Server and Interactive runs are valid only when their limits hold, and are driven as hard as they do: the
 * throughput is the highest such rate, latencies are those at the rate that was measured or, where the simulated system
 * cannot keep up with it, at its own highest.
 */
static bool server_load(struct builder *b)
{
	double ttft = limit_of(b->row->scenario, "TTFT<="), tpot = limit_of(b->row->scenario, "TPOT<="), e2e = limit_of(b->row->scenario, "latency<=");
	double rate = measured_rate(b), copies = b->out->copies;
	bool throughput = strcmp(b->row->metric, "throughput") == 0;

	if ((!(ttft > 0) || !(tpot > 0)) && !(e2e > 0))
		return published_refuse(b, WHY_LOAD, "latency limits are not stated");
	if (!throughput && !(rate > 0))
		return published_refuse(b, WHY_LOAD, "no row holds the throughput of this run");
	/* Where more are needed for ten minutes of a rate, they are added when it is known (published_run.c). */
	str_addf(&b->settings, "workload.arrivals.kind=poisson workload.requests=%.0f ", fmin(run_requests(b), 8000));
	tuned(b);
	if (!throughput)
		b->out->rate_most = rate / (b->out->choice_count > 0 ? b->row->devices : copies);
	b->out->ttft_p99_s = ttft;
	b->out->tpot_p99_s = tpot;
	b->out->e2e_p99_s = e2e;
	return true;
}

/*
 * The token budget that the scripts of these benchmarks set. TensorRT-LLM: a prompt and the decodes in flight, rounded up
 * to 64, as InferenceX writes it; at least 8,192 for DeepSeek's models where they do not draft (benchmarks/dsr1_*_trt.sh),
 * else with the tokens of a pass of each (dsr1_*_trt_mtp.sh). NVIDIA's runs of vLLM behave so too: the waits of their requests are those of batches of
 * one prompt each.
 */
static void client_limits(struct builder *b, double each, double batch)
{
	enum benchmark who = published_benchmark(b->row);
	const char *engine = published_engine(b->row);
	bool one_prompt = who != BENCHMARK_OTHER && strcmp(engine, "trtllm") == 0;
	int drafts = published_drafted(b, batch);
	double least = drafts == 0 && who == BENCHMARK_INFERENCEX && text_starts(b->model->catalog, "deepseek") ? 8192 : 0;
	double seqs = drafts > 0 ? ceil(each / (double)b->layout.decode.attention_dp) : each;

	if (who == BENCHMARK_NVIDIA && strcmp(engine, "vllm") == 0)
		one_prompt = true;
	/* Scripts of TensorRT-LLM, and those of split pools, capture graphs for as many sequences as there may be. */
	if (who == BENCHMARK_INFERENCEX && (b->layout.split || strcmp(engine, "trtllm") == 0) && each > 256)
		str_addf(&b->settings, "scheduler.graph_max_tokens=%.0f ", fmax(each, 1024));
	/* Its scripts for gpt-oss write 20,000 instead (recalled). */
	if (who == BENCHMARK_INFERENCEX && one_prompt && b->checkpoint == CHECKPOINT_NATIVE)
		str_add(&b->settings, "scheduler.max_num_batched_tokens=20000 ");
	else if (one_prompt && !b->layout.split)
		str_addf(&b->settings, "scheduler.max_num_batched_tokens=%.0f ", fmax(64 * ceil((b->isl + (1 + drafts) * seqs + 64) / 64), least));
}

/*
 * Sequences that one copy runs at once. NVIDIA's runs of TensorRT-LLM (1.0) serve one less than are in flight: of the rows that
 * may be fitted to, a first token at 8 (16, 32) in flight waits 0.135 (0.063, 0.037) of a whole answer longer than its prompt takes,
 * in proportion to the answer's length on one device as on eight, which is what requests see that wait for one of c - 1 slots:
 * 1 / (c - 1). (The sequence that pads captured graphs holds a slot, we think.)
 */
static double slots(const struct builder *b, double each)
{
	if (published_benchmark(b->row) == BENCHMARK_NVIDIA && strcmp(published_engine(b->row), "trtllm") == 0 && each > 1)
		return each - 1;
	return fmax(each, 16);
}

/* A number that the text writes after these words. */
static long after(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	return at ? strtol(at + strlen(words), NULL, 10) : 0;
}

/* "ShareGPT 300 requests, ~10 sessions/s", engine limits in the column of the batch. */
static bool sessions_load(struct builder *b)
{
	const char *text = b->row->scenario, *rate = strchr(text, '~');
	long requests = after(text, "ShareGPT "), seqs = after(b->row->batch, "max_num_seqs "),
	     tokens = after(b->row->batch, "max_num_batched_tokens ");
	double qps = rate ? strtod(rate + 1, NULL) : 0;

	if (!(qps > 0) || requests <= 0)
		return published_refuse(b, WHY_LOAD, text);
	str_addf(&b->settings, "workload.arrivals.kind=poisson workload.qps=%g workload.requests=%ld ", qps, requests);
	if (seqs > 0)
		str_addf(&b->settings, "scheduler.max_num_seqs=%ld ", seqs);
	if (tokens > 0)
		str_addf(&b->settings, "scheduler.max_num_batched_tokens=%ld ", tokens);
	return true;
}

bool published_load(struct builder *b, const struct scenario_kind *kind)
{
	double batch = published_length(b->row->batch), each;

	b->out->batch = batch;
	switch (kind->load) {
	case LOAD_PROFILE:
		return profile_load(b);
	case LOAD_SERVER:
		return server_load(b);
	case LOAD_SESSIONS:
		return sessions_load(b);
	case LOAD_OFFLINE:
		str_addf(&b->settings, "workload.arrivals.kind=all-at-once workload.requests=%.0f ", run_requests(b));
		if (published_is_bench(b->row))
			published_bench(b);
		else
			tuned(b);
		return true;
	case LOAD_CLOSED:
		if (!(batch >= 1))
			return published_refuse(b, WHY_LOAD, NULL);
		each = ceil(batch / b->out->copies);
		/* The client of InferenceX sends ten requests for each that may be in flight. */
		str_addf(&b->settings, "workload.concurrency=%.0f workload.requests=%.0f scheduler.max_num_seqs=%.0f ", each, fmax(10 * each, 60),
			 slots(b, each));
		client_limits(b, each, batch);
		published_recipe(b, batch);
		return true;
	case LOAD_BATCH:
		if (!(batch >= 1))
			return published_refuse(b, WHY_LOAD, NULL);
		if (published_is_metal(b))
			batch = published_metal_batch(b, batch);
		str_addf(&b->settings, "workload.arrivals.kind=all-at-once workload.requests=%.0f scheduler.max_num_seqs=%.0f ", batch, batch);
		/* Intel's tables are runs of Optimum Habana's text-generation example, no server's. */
		if (text_starts(b->row->source, "Intel-Gaudi"))
			str_add(&b->settings, "hardware.stack=optimum-habana ");
		return true;
	case LOAD_NONE:
		break;
	}
	return published_refuse(b, kind->why, NULL);
}
