#include "validation/training_case.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "validation/training_map.h"
#include "validation/training_recipes.h"

struct metric {
	const char *metric, *unit;     /* unit: how it begins */
	enum training_figure figure;
	double to_si;
};
static const struct metric metrics[] = {
	{ "step_time", "s", TRAIN_STEP, 1 }, { "throughput_per_gpu", "tokens/s", TRAIN_TOKENS_DEVICE, 1 }, { "throughput", "tokens/s", TRAIN_TOKENS, 1 },
	{ "throughput", "sequences/s", TRAIN_SAMPLES, 1 }, { "throughput", "samples/s", TRAIN_SAMPLES, 1 }, { "model_tflops_per_gpu", "", TRAIN_TFLOPS, 1 },
	{ "achieved_tflops_per_gpu", "TFLOP/s/GPU (hardware", TRAIN_HARDWARE_TFLOPS, 1 }, { "achieved_tflops_per_gpu", "", TRAIN_TFLOPS, 1 },
	{ "percent_of_peak", "%", TRAIN_HFU, 0.01 }, { "hfu", "%", TRAIN_HFU, 0.01 }, { "mfu", "%", TRAIN_MFU, 0.01 },
	{ "gpu_hours", "GPU-h", TRAIN_DEVICE_HOURS, 1 }, { "gpu_hours_per_T_tokens", "", TRAIN_DEVICE_HOURS, 1 },
	{ "time_to_train_raw", "min (mean", TRAIN_MINUTES, 1 }, { "energy_to_train", "kWh (nodes", TRAIN_KWH, 1 }, { "node_power_avg", "W per 8", TRAIN_NODE_W, 1 },
	{ "peak_memory", "GiB", TRAIN_PEAK_BYTES, 1073741824.0 }, { "memory_activations", "GiB", TRAIN_ACTIVATIONS, 1073741824.0 },
	{ "memory_params_optimizer", "GiB", TRAIN_STATES, 1073741824.0 },
};

/* A number that follows the word in a lower-case text: "tp8", "tp=8", "interleave 6"; 0: not there. */
static int64_t number_after(const char *text, const char *word)
{
	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
		const char *n = at + strlen(word);

		if (at > text && isalpha((unsigned char)at[-1]))
			continue;
		while (*n == '=' || *n == ' ')
			n++;
		if (isdigit((unsigned char)*n))
			return strtoll(n, NULL, 10);
	}
	return 0;
}

static const char *lower(const char *text, struct arena *arena)
{
	char *copy = arena_strdup(arena, text);

	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static int64_t at_least_one(int64_t v)
{
	return v > 0 ? v : 1;
}

struct reading {
	const struct published_row *row;
	const char *parallel, *scenario, *batch;       /* lower-case */
	int64_t tp, pp, cp, ep, vp, dp, global, micro, sequence, shard;
	struct str settings;
};

static void no(struct training_case *out, const char *why, const char *detail)
{
	if (!out->why)
		out->why = why, out->detail = detail;
}

static void layout(struct reading *r, struct training_case *out)
{
	const char *p = r->parallel;
	bool fsdp = strstr(p, "fsdp") != NULL, stated = strstr(p, "tp") || fsdp || strstr(p, "dp");

	r->tp = at_least_one(number_after(p, "tp")), r->pp = at_least_one(number_after(p, "pp")), r->cp = at_least_one(number_after(p, "cp"));
	/* Neuron counts cores, two on a chip; our device is the chip. */
	if (text_starts(r->row->accelerator, "Trainium1") && r->tp % 2 == 0)
		r->tp /= 2;
	r->ep = at_least_one(number_after(p, "ep")), r->dp = number_after(p, "dp");
	r->vp = number_after(p, "vp") > 0 ? number_after(p, "vp") : at_least_one(number_after(p, "interleave"));
	if (r->vp == 1 && strstr(p, "interleaved"))
		r->vp = 2;
	/* Tables of memory leave out what tables of times state. */
	if (r->vp == 1 && r->pp > 1 && strstr(r->row->metric, "memory"))
		r->vp = at_least_one(number_after(training_usual_layout(r->row->source, r->row->model, r->row->accelerator, r->row->devices), "interleave"));
	if (r->pp == 1)
		r->vp = 1;
	/* Their tables have no column for it; all interleave (Llama 3: figure 6; MLPerf: by how the rate falls with fewer micro-batches). */
	out->free_chunks = r->pp > 1 && r->vp == 1 && (text_starts(r->row->source, "MLPerf") || text_starts(r->row->source, "Llama-3-paper"));
	out->search = !stated;
	str_addf(&r->settings, "layout.tp=%lld layout.pp=%lld layout.vp=%lld layout.cp=%lld layout.ep=%lld ", (long long)r->tp, (long long)r->pp,
		 (long long)r->vp, (long long)r->cp, (long long)r->ep);
	if (fsdp && strstr(p, "shard_grad_op"))
		str_add(&r->settings, "layout.zero=2 ");
	else if (fsdp)
		str_add(&r->settings, "layout.zero=3 ");
	if (strstr(p, "zero-1"))
		str_add(&r->settings, "layout.zero=1 ");
	if (strstr(r->scenario, "full recompute"))
		str_add(&r->settings, "layout.recompute=full layout.sequence_parallel=no ");
	/* torchtitan's llama3_405b.toml: activation_checkpoint.mode = full. */
	else if (strstr(p, "act-ckpt") || strstr(p, "full ac") || (text_starts(r->row->source, "torchtitan") && strstr(r->row->model, "405B")))
		str_add(&r->settings, "layout.recompute=full ");
	else if (strstr(p, "sac") || strstr(r->scenario, "selective"))
		str_add(&r->settings, "layout.recompute=selective ");
	else if ((fsdp && !strstr(p, "maxtext") && r->pp == 1) || strstr(r->scenario, "no recompute") || strstr(r->row->metric, "memory_params"))
		str_add(&r->settings, "layout.recompute=none ");
	/* torchtitan keeps weights gathered and gradients whole under a pipeline (its reshard_after_forward "default"). */
	if (fsdp && r->pp > 1)
		str_add(&r->settings, "layout.regather=no ");
	if (strstr(r->scenario, "no sequence parallel"))
		str_add(&r->settings, "layout.sequence_parallel=no ");
	if (r->row->devices > 0)
		str_addf(&r->settings, "hardware.devices=%.0f ", r->row->devices);
	else
		no(out, "the number of devices is not stated", NULL);
}

static void batch(struct reading *r, struct training_case *out)
{
	const char *b = r->batch;
	double tokens = 0;
	int64_t model_ranks = r->tp * r->pp * r->cp, dp;

	r->sequence = strtoll(r->row->isl, NULL, 10);
	if (r->sequence <= 0) {
		if (text_starts(r->row->source, "AWS-Neuron"))
			r->sequence = strstr(r->row->model, "GPT3") ? 2048 : 4096;     /* the configurations of that benchmark page */
		else
			no(out, "the sequence length is not stated", NULL);
	}
	r->global = number_after(b, "gbs");
	if (r->global == 0 && isdigit((unsigned char)b[0]) && !strstr(b, "token"))
		r->global = strtoll(b, NULL, 10);
	if (strstr(b, "tokens/step"))
		tokens = strtod(b, NULL);
	if (strstr(b, "m tokens"))
		tokens = strtod(b, NULL) * 1048576;
	if (tokens > 0 && r->sequence > 0)
		r->global = (int64_t)(tokens / (double)r->sequence + 0.5);
	dp = r->row->devices > 0 ? (int64_t)r->row->devices / model_ranks : 1;
	r->micro = number_after(b, "mbs") > 0 ? number_after(b, "mbs") : number_after(r->parallel, "mbs");
	if (r->global == 0 && r->micro > 0)
		r->global = r->micro * at_least_one(dp);
	/* torchtitan splits the local batch into as many micro-batches as there are stages, unless told (its pipelining_utils.py). */
	if (text_starts(r->row->source, "torchtitan") && r->pp > 1) {
		r->global = r->micro * at_least_one(dp);
		r->micro = at_least_one(r->micro / r->pp);
	}
	if (r->global == 0)
		no(out, "the batch is not stated", NULL);
	/* Figures of memory stand for a full pipeline. */
	if (strstr(r->row->metric, "memory") && r->global == r->micro * at_least_one(dp) && !text_starts(r->row->source, "torchtitan"))
		r->global *= 8 * r->pp;
	if (r->micro == 0) {
		out->free_micro = true;
		r->micro = 1;
	}
	if (dp >= 1 && r->global > 0 && r->global % (dp * r->micro) != 0 && r->micro > 1)
		r->micro = 1;
	str_addf(&r->settings, "batch.global=%lld batch.micro=%lld batch.sequence=%lld ", (long long)r->global, (long long)r->micro, (long long)r->sequence);
}

static void metric(const struct published_row *row, struct training_case *out)
{
	for (size_t i = 0; i < COUNT_OF(metrics); i++)
		if (strcmp(metrics[i].metric, row->metric) == 0 && text_starts(row->unit, metrics[i].unit)) {
			out->figure = metrics[i].figure;
			out->to_si = metrics[i].to_si;
			return;
		}
	if (strcmp(row->metric, "samples_to_target") == 0)
		no(out, "samples to a target are the optimizer's luck, not the machine's time", NULL);
	else if (strcmp(row->metric, "time_to_train_scaled") == 0)
		no(out, "scaled by the rules' convergence factor; the raw time is compared", NULL);
	else
		no(out, "a figure that is not simulated", row->metric);
}

/* The same run's row of another metric; NAN. */
static double of_same_run(const struct published_rows *rows, const struct published_row *row, const char *metric_name)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct published_row *o = &rows->at[i];

		if (strcmp(o->metric, metric_name) == 0 && strcmp(o->source, row->source) == 0 && strcmp(o->model, row->model) == 0 &&
		    o->devices == row->devices)
			return o->value;
	}
	return NAN;
}

static double trained_tokens(const struct published_row *row, const char *scenario)
{
	const char *at = strstr(scenario, "t tokens");

	if (strcmp(row->metric, "gpu_hours_per_T_tokens") == 0)
		return 1e12;
	if (!at)
		return NAN;
	while (at > scenario && (isdigit((unsigned char)at[-1]) || at[-1] == '.'))
		at--;
	return isdigit((unsigned char)*at) ? strtod(at, NULL) * 1e12 : NAN;
}

/* MLPerf's clock runs through the evaluations of a run: so many sequences after every so many trained, as the rules of the
 * benchmark say (mlcommons/training_policies; forward passes alone: a third of a trained sequence's time, half with a frozen
 * base). Fine-tuning's reference starts with the fourth. */
static const struct exam {
	const char *model;
	double sequences, every, skipped, share;
} exams[] = {
	{ "Llama-2-70B LoRA", 173, 384, 3, 0.5 }, { "Llama-3.1-405B", 5760, 46080, 0, 1.0 / 3 }, { "Llama-3.1-8B", 1024, 12288, 0, 1.0 / 3 },
	{ "GPT-3-175B", 5663, 24576, 0, 1.0 / 3 },
};

/* Fine-tuning in NVIDIA's containers for Hopper evaluates outside the graphs that hold its training steps: a pass takes 0.5 s
 * even where the device needs half of that. The time between training and clock over passes: median 0.53 of ten runs on 64 to 1,024
 * H100 of the fitted half; on 8, where the device needs 0.46, none beyond it. Those for Blackwell pass in 0.1 s. */
static const double HOPPER_PASS_S = 0.5;

static void evaluations(const struct published_row *row, double samples, struct training_exams *out)
{
	for (size_t i = 0; i < COUNT_OF(exams); i++) {
		const struct exam *e = &exams[i];

		if (strcmp(row->model, e->model) != 0 || !text_starts(row->source, "MLPerf"))
			continue;
		*out = (struct training_exams){ .count = fmax(1, floor(samples / e->every) - e->skipped), .sequences = e->sequences, .share = e->share };
		if (strstr(row->model, "LoRA") && (text_starts(row->accelerator, "H100") || text_starts(row->accelerator, "H200")))
			out->pass_least_s = HOPPER_PASS_S;
	}
}

static void whole_runs(const struct published_rows *rows, struct reading *r, struct training_case *out)
{
	double samples;

	if (out->figure == TRAIN_DEVICE_HOURS) {
		double tokens = trained_tokens(r->row, r->scenario);

		if (isnan(tokens))
			no(out, "the number of tokens is not stated", NULL);
		else
			str_addf(&r->settings, "batch.tokens=%.0f ", tokens);
	}
	if (out->figure != TRAIN_MINUTES && out->figure != TRAIN_KWH)
		return;
	samples = of_same_run(rows, r->row, "samples_to_target");
	if (isnan(samples))
		no(out, "the samples that the run took are not stated", NULL);
	else if (r->global > 0) {
		out->steps = samples / (double)r->global;
		evaluations(r->row, samples, &out->exams);
	}
}

/* Whether a layout can be that of the row: devices and sequences a step divide. */
static bool divides(const char *parallelism, const struct published_row *row)
{
	int64_t ranks = at_least_one(number_after(parallelism, "tp")) * at_least_one(number_after(parallelism, "pp")) * at_least_one(number_after(parallelism, "cp"));
	int64_t devices = (int64_t)row->devices, global = strtoll(row->batch, NULL, 10);

	return devices % ranks == 0 && (global == 0 || global % (devices / ranks) == 0);
}

bool training_case(const struct published_rows *rows, size_t index, struct training_case *out, struct arena *arena, struct err *err)
{
	const struct published_row *row = &rows->at[index];
	struct reading r = { .row = row, .parallel = lower(row->parallelism, arena), .scenario = lower(row->scenario, arena), .batch = lower(row->batch, arena) };
	const char *model = training_model_name(row->model), *device = training_device_name(row->accelerator);
	const char *precision = training_precision(training_format(row));
	const struct training_source *source = training_source_of(row->source);

	*out = (struct training_case){ 0 };
	if (!r.parallel || !r.scenario || !r.batch)
		return err_memory(err);
	if (row->fault)
		no(out, "its figures cannot be read", row->fault);
	metric(row, out);
	/* "GPT h1024 L24 heads16" describes itself. */
	if (!model && text_starts(row->model, "GPT h"))
		model = arena_printf(arena, "gpt:layers=%lld,hidden=%lld,heads=%lld,vocab=51200", (long long)number_after(row->model, "L"),
				     (long long)number_after(row->model, "h"), (long long)number_after(row->model, "heads"));
	if (!model)
		no(out, "the model is not in the catalog", row->model);
	if (!device)
		no(out, "the accelerator is not in the catalog", row->accelerator);
	if (!precision)
		no(out, "the number format is not one that we map", row->precision);
	str_addf(&r.settings, "model.name=%s %s%s%s", model ? model : "", device ? device : "", precision ? precision : "", source->settings);
	/* A submission that does not state its layout has that of its device's usual container, where that divides. */
	if (text_starts(row->source, "MLPerf") && !*r.parallel) {
		const char *usual = training_usual_layout(row->source, row->model, row->accelerator, row->devices);

		if (*usual && divides(usual, row))
			r.parallel = usual;
	}
	layout(&r, out);
	batch(&r, out);
	whole_runs(rows, &r, out);
	if (strstr(row->model, "LoRA") || strcmp(row->scenario, "LoRA") == 0)
		str_add(&r.settings, "model.adapter=lora ");    /* MLPerf's: rank 16 at attention's projections */
	/* torchtitan without torch.compile runs eager kernels. */
	if (text_starts(row->source, "torchtitan") && !strstr(r.parallel, "compile") && r.pp == 1)
		str_add(&r.settings, "hardware.stack=fsdp2-eager ");
	str_add(&r.settings, training_recipe(row, r.vp));
	/* MegaScale's baseline is the Megatron-LM of 2023: nothing overlaps. */
	if (strstr(row->scenario, "Megatron-LM"))
		str_add(&r.settings, "hardware.stack=megatron-2023 ");
	/* Its metrics are logged where the loss is: by the last stage (_get_metrics_rank of torchtitan's metrics.py). */
	out->last_stage = text_starts(row->source, "torchtitan");
	out->causal = source->causal, out->plain = source->plain;
	out->bridge_count = text_starts(row->source, "Megatron-Bridge") && training_recipe_before(row, "26.06");
	/* llm-foundry counts H100 at 989, A100 at 312; others state shares of the format's peak. */
	out->peak_flop_s = strstr(row->unit, "312") ? 312e12 : 0;
	out->settings = r.settings.failed ? NULL : arena_strdup(arena, str_text(&r.settings));
	str_release(&r.settings);
	return out->settings ? true : err_memory(err);
}

struct job *training_case_job(const struct training_case *c, struct arena *arena, struct err *err)
{
	struct job *job = job_new(arena, err);
	char *list = job ? arena_strdup(arena, c->settings) : NULL, *save = NULL;

	for (char *pair = list ? strtok_r(list, " ", &save) : NULL; pair; pair = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(pair, '=');

		if (!equals)
			continue;
		*equals = '\0';
		if (!schema_set(&job_element, job, pair, equals + 1, "row", arena, err))
			return NULL;
	}
	if (job && !list)
		err_memory(err);
	return list ? job : NULL;
}

static double share_of_peak(const struct training_case *c, const struct train_result *r, double tflops)
{
	return tflops * 1e12 / (c->peak_flop_s > 0 ? c->peak_flop_s : r->peak_flop_s);
}

/* From the first step to the last evaluation. */
static double run_seconds(const struct training_case *c, const struct train_result *r)
{
	const struct training_exams *e = &c->exams;
	double at_once = (double)(r->dp * r->micro_batch), pass_s = e->share * r->step_s / (double)r->micros;

	return c->steps * r->step_s + e->count * ceil(e->sequences / at_once) * fmax(pass_s, e->pass_least_s);
}

double training_predict(const struct training_case *c, const struct train_result *r)
{
	double tflops = c->plain ? r->tflops_6n : c->causal ? r->tflops_per_device : r->tflops_full;

	switch (c->figure) {
	case TRAIN_STEP:
		return r->step_s / c->to_si;
	case TRAIN_TOKENS:
		return r->tokens_per_s / c->to_si;
	case TRAIN_TOKENS_DEVICE:
		return r->tokens_per_s_device / c->to_si;
	case TRAIN_SAMPLES:
		return r->samples_per_s / c->to_si;
	case TRAIN_TFLOPS:
		return tflops / c->to_si;
	case TRAIN_HARDWARE_TFLOPS:
		/* Full attention counted, as the sources do. */
		return (r->hardware_tflops_per_device + (r->tflops_full - r->tflops_per_device) * r->hardware_flops_step / r->model_flops_step) / c->to_si;
	case TRAIN_MFU:
		return share_of_peak(c, r, tflops) / c->to_si;
	case TRAIN_HFU:
		return share_of_peak(c, r, r->hardware_tflops_per_device + (r->tflops_full - r->tflops_per_device) * r->hardware_flops_step / r->model_flops_step) / c->to_si;
	case TRAIN_DEVICE_HOURS:
		return r->device_hours / c->to_si;
	case TRAIN_MINUTES:
		return run_seconds(c, r) / 60 / c->to_si;
	case TRAIN_KWH:
		return run_seconds(c, r) * r->mean_power_w / 3.6e6 / c->to_si;
	case TRAIN_NODE_W:
		return r->mean_power_w / (double)r->devices * 8 / c->to_si;
	case TRAIN_PEAK_BYTES:
		return (c->last_stage ? r->memory.last_peak_bytes : r->memory.peak_bytes) / c->to_si;
	case TRAIN_ACTIVATIONS:
		return r->memory.activations / c->to_si;
	case TRAIN_STATES:
		/* Korthikanti et al. 2022, figure 1: 18 bytes for each of 12 L h^2 / (t p) parameters, embeddings left out (their figures are
		 * that product to every digit given). */
		return r->memory.layer_states / c->to_si;
	case TRAIN_FIGURE_COUNT:
		break;
	}
	return NAN;
}
