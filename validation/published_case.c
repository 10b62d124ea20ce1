#include "validation/published_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardware/system.h"
#include "models/memory.h"
#include "models/model.h"
#include "validation/published_build.h"

const char *const published_why_text[WHY_COUNT] = {
	[WHY_NONE] = "",
	[WHY_MODEL] = "the model is not in the catalog",
	[WHY_ACCELERATOR] = "the accelerator is not in the catalog",
	[WHY_LENGTHS] = "prompt or answer lengths are not stated",
	[WHY_LOAD] = "the load (rate, batch or concurrency) is not stated",
	[WHY_FRONTIER] = "interpolated on a frontier of many configurations that are not named",
	[WHY_POWER] = "the power cap of the run, or what else a megawatt feeds, is not stated",
	[WHY_COST] = "a price, not a measurement",
	[WHY_METRIC] = "the metric and unit are not ones that we map",
	[WHY_SPECULATION] = "speculative decoding whose acceptance is not stated",
	[WHY_ALTERED] = "the model was pruned or altered",
	[WHY_PRODUCTION] = "a mean over a day of production traffic, whose load is not stated",
	[WHY_REFUSED] = "the scenario is refused",
	[WHY_SATURATED] = "no rate keeps the latency limits",
	[WHY_VALUE] = "its figures cannot be read",
};

/* Texts in `scenario` (or the source) that say what kind of run it was; the first that is found counts. */
static const struct scenario_kind kinds[] = {
	{ "interactivity", LOAD_NONE, WHY_FRONTIER, NULL }, { "production", LOAD_NONE, WHY_PRODUCTION, NULL },
	{ "draft", LOAD_NONE, WHY_SPECULATION, NULL }, { "sessions/s", LOAD_SESSIONS, WHY_NONE, NULL },
	{ "ShareGPT", LOAD_NONE, WHY_LENGTHS, NULL },
	{ "closed-loop", LOAD_CLOSED, WHY_NONE, NULL }, { "closed loop", LOAD_CLOSED, WHY_NONE, NULL },
	{ "open loop", LOAD_PROFILE, WHY_NONE, "vllm" }, { "static batch", LOAD_BATCH, WHY_NONE, "static" },
	{ "Offline", LOAD_OFFLINE, WHY_NONE, NULL }, { "offline", LOAD_OFFLINE, WHY_NONE, NULL },
	{ "MLPerf", LOAD_SERVER, WHY_NONE, NULL }, { "single stream", LOAD_BATCH, WHY_NONE, "static" },
	{ "tt-metal demo", LOAD_BATCH, WHY_NONE, "static" }, { "Real Time", LOAD_BATCH, WHY_NONE, "static" },
	{ "saturated", LOAD_OFFLINE, WHY_NONE, NULL }, { "max throughput", LOAD_OFFLINE, WHY_NONE, NULL }, { "concurrency", LOAD_CLOSED, WHY_NONE, NULL },
	{ "Batch", LOAD_BATCH, WHY_NONE, "static" }, { "no speculation", LOAD_BATCH, WHY_NONE, "static" },
};

static const struct { const char *text, *scheduler; } engines[] = {
	{ "trtllm", "trtllm" }, { "TensorRT", "trtllm" }, { "_TRT", "trtllm" }, { "NVIDIA", "trtllm" }, { "sglang", "sglang" },
	{ "SGLang", "sglang" }, { "vllm", "vllm" }, { "vLLM", "vllm" },
};

bool published_refuse(struct builder *b, enum published_why why, const char *detail)
{
	b->out->why = why;
	b->out->detail = detail;
	return false;
}

double published_length(const char *text)
{
	const char *p = text_starts(text, "mean~") ? text + 5 : text[0] == '~' ? text + 1 : text;
	char *end;
	double v = strtod(p, &end);

	if (end == p || !isfinite(v))
		return 0;
	/* "1,024" */
	if (*end == ',' && v >= 1 && v < 1000 && strspn(end + 1, "0123456789") == 3)
		v = 1000 * v + strtod(end + 1, &end);
	return *end == 'k' ? v * 1000 : *end == 'K' ? v * 1024 : v;
}

/* Does text hold the part, whatever the case of either? */
static bool holds_fold(const char *text, const char *part)
{
	size_t n = strlen(part);
	char piece[64];

	for (; strlen(text) >= n; text++) {
		snprintf(piece, sizeof(piece), "%.*s", (int)n, text);
		if (text_equal_fold(piece, part))
			return true;
	}
	return false;
}

/* Nothing in the scenario's text is known: a stated number of requests is kept in flight, a throughput without one is that
 * of an offline run. */
static const struct scenario_kind *kind_assumed(struct builder *b)
{
	static const struct scenario_kind closed = { "", LOAD_CLOSED, WHY_NONE, NULL }, offline = { "", LOAD_OFFLINE, WHY_NONE, NULL };
	double batch = published_length(b->row->batch);
	bool rate = b->out->figure >= FIGURE_OUTPUT && b->out->figure <= FIGURE_OUTPUT_NODE;

	if (batch >= 1)
		published_note(&b->notes, "load '%s' read as %g requests in flight", b->row->scenario, batch);
	else if (rate)
		published_note(&b->notes, "load '%s' read as all requests at once", b->row->scenario);
	return batch >= 1 ? &closed : rate ? &offline : NULL;
}

static const struct scenario_kind *kind_of(struct builder *b)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strstr(b->row->scenario, kinds[i].text))
			return &kinds[i];
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (holds_fold(b->row->scenario, kinds[i].text))
			return &kinds[i];
	return kind_assumed(b);
}

enum benchmark published_benchmark(const struct published_row *row)
{
	if (!text_starts(row->source, "InferenceX"))
		return BENCHMARK_OTHER;
	return strstr(row->source, "_epnone_") ? BENCHMARK_NVIDIA : BENCHMARK_INFERENCEX;
}

const char *published_engine(const struct published_row *row)
{
	const char *texts[] = { row->scenario, row->source };

	for (size_t t = 0; t < COUNT_OF(texts); t++)
		for (size_t i = 0; i < COUNT_OF(engines); i++)
			if (strstr(texts[t], engines[i].text))
				return engines[i].scheduler;
	return "vllm";
}

bool published_blackwell(const struct builder *b)
{
	return strstr(b->accelerator->device, "b200") || strstr(b->accelerator->device, "b300");
}

long published_vllm_minor(const struct published_row *row)
{
	static const char *const words[] = { "vllm 0.", "vLLM 0.", "vLLM v0." };
	const char *texts[] = { row->scenario, row->source }, *at;

	for (size_t t = 0; t < COUNT_OF(texts); t++)
		for (size_t w = 0; w < COUNT_OF(words); w++)
			if ((at = strstr(texts[t], words[w])))
				return strtol(at + strlen(words[w]), NULL, 10);
	return 0;
}

static bool figure(struct builder *b)
{
	const struct published_row *row = b->row;
	struct metric_name metric;

	if (row->fault)
		return published_refuse(b, WHY_VALUE, row->fault);
	if (!published_find_metric(row->metric, row->unit, &metric))
		return published_refuse(b, WHY_METRIC, row->metric);
	if (metric.figure == FIGURE_SYSTEM_POWER && strstr(b->row->scenario, "MaxQ"))
		return published_refuse(b, WHY_POWER, NULL);
	if (metric.figure == FIGURE_POWER || metric.figure == FIGURE_COST)
		return published_refuse(b, metric.figure == FIGURE_POWER ? WHY_POWER : WHY_COST, NULL);
	b->out->figure = metric.figure;
	b->out->to_si = metric.to_si;
	return true;
}

/* How the checkpoint is quantised where no table says: mixtures of experts in blocks, others alike throughout. */
static bool checkpoint(struct builder *b)
{
	const struct model *model;
	struct model_counts counts;

	b->checkpoint = b->model->checkpoint;
	if (b->checkpoint != CHECKPOINT_UNKNOWN)
		return true;
	if (!(model = model_load(b->model->catalog, b->arena, &(struct err){ 0 })))
		return published_refuse(b, WHY_MODEL, b->model->catalog);
	model_parameters(model, &counts);
	b->checkpoint = counts.experts > 0 ? CHECKPOINT_BLOCK : CHECKPOINT_PLAIN;
	return true;
}

static bool names(struct builder *b)
{
	const struct published_row *row = b->row;

	if (!figure(b))
		return false;
	if (strstr(row->model, "pruned") || strstr(row->model, "sparse"))
		return published_refuse(b, WHY_ALTERED, row->model);
	if (!(b->model = published_find_model(b->names, row->model, &b->notes)))
		return published_refuse(b, WHY_MODEL, row->model);
	if (!(b->accelerator = published_find_accelerator(b->names, row->accelerator, &b->notes)))
		return published_refuse(b, WHY_ACCELERATOR, row->accelerator);
	b->precision = published_find_precision(published_mlperf_quantised(b) ? "fp8" : row->precision, row->model, &b->notes);
	b->device = device_load(b->accelerator->device, b->arena, &(struct err){ 0 });
	if (!b->device)
		return published_refuse(b, WHY_ACCELERATOR, b->accelerator->device);
	if (!checkpoint(b))
		return false;
	str_addf(&b->settings, "model.name=%s %s", b->model->catalog, published_is_metal(b) ? "" : b->precision->settings[b->checkpoint]);
	if (published_is_metal(b))
		published_metal_formats(b);
	/* Of chips that form a chain the model takes as many as it needs, when nobody says how many there were; of wafers as many as
	 * the row says (size()). */
	if (b->accelerator->system && !published_metal_alone(b) && !b->device->execution.regions &&
	    !(b->device->execution.streams && !(row->devices >= 1)))
		str_addf(&b->settings, "hardware.system=%s ", b->accelerator->system);
	else
		str_addf(&b->settings, "hardware.device=%s ", b->accelerator->device);
	return true;
}

/* "tp24 NeuronCores": two cores a chip; "attnDP+ep8": experts and attention over all devices. */
static bool special_layout(struct builder *b)
{
	const char *text = b->row->parallelism;

	if (strstr(text, "NeuronCores")) {
		b->layout.decode.tp = (int64_t)b->row->devices;
		return b->row->devices > 0;
	}
	if (text_starts(text, "attnDP+ep")) {
		b->layout.decode.attention_dp = b->layout.decode.ep = strtol(text + 9, NULL, 10);
		return b->layout.decode.ep > 0;
	}
	return false;
}

static void add_choice(struct builder *b, int64_t devices, const char *format)
{
	struct published_choice *c = &b->out->choices[b->out->choice_count];

	if (b->out->choice_count == CHOICES_MOST || (double)devices > b->row->devices)
		return;
	c->devices = (double)devices;
	c->settings = arena_printf(b->arena, format, (long long)devices, (long long)devices);
	if (c->settings)
		b->out->choice_count++;
	else
		b->settings.failed = true;
}

/* Attention apart on every device: each of these ranks schedules for itself, with batch limits of its own. */
static void add_ranks(struct builder *b, int64_t ranks)
{
	add_choice(b, ranks, "deployment.tp=1 deployment.ep=%lld deployment.dp_attention=%lld ");
}

/* MLPerf runs of TensorRT-LLM write "tp8 pp1 ep8", where tp is all ranks and whether attention is split over them a switch of its
 * own: the faster stands for the row. */
static bool ranks_or_cut(const struct builder *b)
{
	const struct published_degrees *d = &b->layout.decode;

	return text_starts(b->row->source, "MLPerf") && strcmp(published_engine(b->row), "trtllm") == 0 && d->ep == d->tp &&
	       b->checkpoint != CHECKPOINT_PLAIN && !b->layout.split && d->tp > 1 && d->pp == 1 && d->attention_dp == 1 &&
	       b->row->devices >= (double)d->tp;
}

/* NVIDIA's servers of Llama-3.1-405B on 72 devices in round 6.0 keep prompts apart: 26 pairs prefill, five fours decode
 * (dynamo_cluster of closed/NVIDIA/configs/GB300-NVL72_GB300-288GB_aarch64x72, github:gbeezybez/inference_results_v6.0 at ab33b214). */
static bool pools_apart(const struct builder *b)
{
	return text_starts(b->row->source, "MLPerf-Inference-v6") && strcmp(published_engine(b->row), "trtllm") == 0 &&
	       strcmp(b->model->catalog, "llama-3.1-405b") == 0 && b->row->devices == 72 && !strstr(b->row->scenario, "Offline");
}

static void add_pools(struct builder *b)
{
	add_choice(b, 72,
		   "deployment.tp=4 deployment.replicas=5 deployment.prefill_replicas=26 deployment.prefill_tp=2 deployment.router=least-outstanding "
		   "scheduler.max_num_seqs=256 scheduler.max_num_batched_tokens=4096 ");
}

static bool of_experts(const struct builder *b)
{
	const struct model *model = model_load(b->model->catalog, b->arena, &(struct err){ 0 });
	struct model_counts counts;

	if (!model)
		return false;
	model_parameters(model, &counts);
	return counts.experts > 0;
}

/* Recipes of split pools on SGLang exchange tokens by DeepEP, which puts experts on all ranks of a pool whatever is written for
 * them (docs/advanced_features/expert_parallelism.md: ep_size becomes tp_size). */
static void spread_experts(struct published_degrees *d)
{
	if (d->attention_dp > 1 && d->ep == 1)
		d->ep = d->attention_dp * d->tp;
}

/* NVIDIA's overview of TensorRT-LLM writes "tp8" for eight devices; mixtures of experts ran with attention data parallel over them
 * (published_bench.c). */
static void bench_layout(struct builder *b)
{
	struct published_degrees *d = &b->layout.decode;

	if (!published_is_bench(b->row) || b->layout.split || d->tp <= 1 || d->pp > 1 || d->attention_dp > 1 || !of_experts(b))
		return;
	d->attention_dp = d->ep = d->tp;
	d->tp = 1;
}

/* What cannot be read counts as not stated. */
static void read_layout(struct builder *b)
{
	const char *text = b->row->parallelism;

	if (published_layout_read(text, &b->layout) || special_layout(b))
		return;
	if (published_layout_read_loosely(text, &b->layout)) {
		const struct published_degrees *d = &b->layout.decode;

		published_note(&b->notes, "layout '%s' read as tp%lld pp%lld ep%lld attnDP%lld", text, (long long)d->tp, (long long)d->pp,
			       (long long)d->ep, (long long)d->attention_dp);
		return;
	}
	published_note(&b->notes, "layout '%s' not understood: chosen as if not stated", text);
	published_layout_read("", &b->layout);
}

static void layout(struct builder *b)
{
	struct published_degrees *d = &b->layout.decode, *p = &b->layout.prefill;

	read_layout(b);
	b->out->devices = b->row->devices;
	if (published_is_metal(b))
		published_metal_layout(b);
	/* dp2 ep2 of one server is attention data parallelism. */
	if (d->dp > 1 && d->attention_dp == 1)
		d->attention_dp = d->dp;
	if (!b->layout.stated)
		return;                /* chosen by size(): needs the model */
	b->out->copies = 1;
	bench_layout(b);
	if (b->layout.split && strcmp(published_engine(b->row), "sglang") == 0) {
		spread_experts(d);
		spread_experts(p);
	}
	if (pools_apart(b)) {
		add_choice(b, d->tp, "deployment.tp=%lld ");
		add_pools(b);
		return;
	}
	if (ranks_or_cut(b)) {
		add_choice(b, d->tp, d->ep > 1 ? "deployment.tp=%lld deployment.ep=%lld " : "deployment.tp=%lld ");
		add_ranks(b, d->tp);
		return;
	}
	str_addf(&b->settings, "deployment.tp=%lld deployment.pp=%lld deployment.ep=%lld deployment.dp_attention=%lld ", (long long)d->tp,
		 (long long)d->pp, (long long)d->ep, (long long)d->attention_dp);
	if (b->layout.split)
		str_addf(&b->settings,
			 "deployment.replicas=%lld deployment.prefill_replicas=%lld deployment.prefill_tp=%lld deployment.prefill_ep=%lld "
			 "deployment.prefill_dp_attention=%lld ",
			 (long long)d->count, (long long)p->count, (long long)p->tp, (long long)p->ep, (long long)p->attention_dp);
	else if (b->row->devices > 0)
		b->out->copies = fmax(1, floor(b->row->devices / (double)(d->tp * d->pp * d->attention_dp)));
	if (b->metal_copies > 0)
		b->out->copies = b->metal_copies;
}

/* Bytes of an element as the row's precision stores weights. */
static double weight_bytes(const char *precision)
{
	if (strstr(precision, "fp4") || strstr(precision, "int4"))
		return 0.56;
	return strstr(precision, "fp8") || strstr(precision, "int8") ? 1 : 2;
}

/* The least power of two of devices that weights fill to at most 60 %. */
static int64_t least_devices(const struct builder *b, double params)
{
	enum { UNSTATED_MOST = 64 };
	double need = params * weight_bytes(b->precision->name), capacity = device_memory_bytes(b->device);
	double most = b->row->devices >= 1 ? b->row->devices : UNSTATED_MOST;
	int64_t tp = 1;

	while ((double)tp * 2 <= most && need / (double)tp > 0.6 * capacity)
		tp *= 2;
	return tp;
}

/*
 * Submitters tune the layout that they do not state: products split over the least number of devices that holds the model,
 * twice and four times that, under TensorRT-LLM also its layers (NVIDIA's configurations for H100: published_mlperf.c);
 * mixtures of experts also with attention apart on every device, which keeps the latent cache of
 * DeepSeek's models once instead of on all.
 */
static void tuned_layouts(struct builder *b, bool experts, int64_t least)
{
	if (least > 1 && !experts && strcmp(published_engine(b->row), "trtllm") == 0)
		add_choice(b, least, "deployment.pp=%lld ");
	if (least == 4 && !experts && strcmp(published_engine(b->row), "trtllm") == 0)
		add_choice(b, least, "deployment.tp=2 deployment.pp=2 ");
	for (int64_t n = least; n <= 4 * least; n *= 2) {
		add_choice(b, n, experts ? "deployment.tp=%lld deployment.ep=%lld " : "deployment.tp=%lld ");
		if (n > 1 && experts)
			add_ranks(b, n);
	}
}

static int64_t power_of_two_below(double devices)
{
	int64_t n = 1;

	while ((double)n * 2 <= devices)
		n *= 2;
	return n;
}

/* Fewer devices than the box has that stands for its kind. (The chips of tt-metal's boxes come two a card, and rows may count either.) */
static bool part_of_system(const struct builder *b)
{
	const struct system *s = b->accelerator->system ? system_load(b->accelerator->system, b->arena, &(struct err){ 0 }) : NULL;

	return s && !b->device->execution.streams && !published_is_metal(b) && b->row->devices >= 2 && b->row->devices < (double)s->devices_per_node;
}

/* A row without a layout: that of least_devices, the rest of the system copies of it; or the best of several. */
static void size(struct builder *b, const struct model *model, bool tuned)
{
	struct model_counts counts;
	int64_t tp;

	/* Devices that serve as one machine lie as sim/spread.h lays them: all of the system, or as many as the row says. */
	if (b->device->execution.streams || (b->device->execution.together && b->accelerator->system)) {
		b->out->copies = 1;
		if (b->device->execution.regions && b->row->devices > 1)
			str_addf(&b->settings, "deployment.pp=%.0f ", floor(b->row->devices));
		if (part_of_system(b))
			str_addf(&b->settings, "deployment.tp=%lld ", (long long)power_of_two_below(b->row->devices));
		return;
	}
	model_parameters(model, &counts);
	tp = least_devices(b, counts.total);
	if (!(b->row->devices >= 1)) {
		published_note(&b->notes, "number of devices not stated: %lld, the least that hold the model", (long long)tp);
		tuned = false;
	}
	b->out->copies = b->row->devices >= 1 ? floor(b->row->devices / (double)tp) : 1;
	if (tuned) {
		tuned_layouts(b, counts.experts > 0, tp);
		if (pools_apart(b))
			add_pools(b);
		return;
	}
	str_addf(&b->settings, "deployment.tp=%lld ", (long long)tp);
	if (b->checkpoint == CHECKPOINT_BLOCK)
		str_addf(&b->settings, "deployment.ep=%lld ", (long long)tp);
}

/* Lognormal of that mean, clipped. */
static void spread(struct builder *b, const char *name, double mean, double sigma, double most)
{
	if (sigma <= 0)
		str_addf(&b->settings, "workload.%s.kind=fixed workload.%s.value=%.0f ", name, name, mean);
	else
		str_addf(&b->settings,
			 "workload.%s.kind=lognormal workload.%s.mu=%.6g workload.%s.sigma=%g workload.%s.least=2 workload.%s.most=%.0f ",
			 name, name, log(mean) - sigma * sigma / 2, name, sigma, name, name, most);
}

static double two_digits(double v)
{
	double unit = pow(10, floor(log10(v)) - 1);

	return round(v / unit) * unit;
}

static bool lengths(struct builder *b)
{
	const struct dataset_lengths *data = published_dataset(b->model->catalog, b->row->source);
	bool spread_80 = published_benchmark(b->row) == BENCHMARK_INFERENCEX;
	const char *names2[] = { "prompt_tokens", "output_tokens" };

	b->isl = published_length(b->row->isl);
	b->osl = published_length(b->row->osl);
	if (data) {
		double out = b->osl > 0 ? b->osl : data->output;

		if (!(out > 0))
			return published_refuse(b, WHY_LENGTHS, NULL);
		/* Means of one data set differ by chance from run to run: of two digits, they share simulations. */
		b->isl = data->prompt, b->osl = two_digits(out);
		if (data->prompts)
			str_addf(&b->settings, "workload.prompt_tokens.kind=empirical workload.prompt_tokens.quantiles=%s ", data->prompts);
		else
			spread(b, names2[0], data->prompt, data->prompt_sigma, data->most);
		/*
		 * Beams of one answer decode a token each in one pass over the cache of their one prompt, which TensorRT-LLM reads once
		 * for all of them (cpp/kernels/xqa/mha.cu, isConvergedTile): as a sequence does of which a pass verifies as many tokens, and
		 * accepts all. Its answer is as long as all beams together. What follows a pass is done request by request, each on a stream of its
		 * own (runtime/gptDecoderBatch.cpp, forwardUnfusedDecoder), before the next can start: 150 us each, set on offline rows that may
		 * be fitted to, where the same time is missing on H100 NVL, H100 PCIe and L40S.
		 */
		if (data->beams > 1)
			str_addf(&b->settings, "with=eagle3_v1861:draft=none,depth=%.0f,acceptance=1,host=waits,host_round_us=0,host_seq_us=150 ",
				 data->beams - 1);
		if (data->beams > 0 && b->out->figure != FIGURE_REQUESTS)
			return published_refuse(b, WHY_METRIC, "latency under beam search");
		spread(b, names2[1], b->osl * fmax(data->beams, 1), data->output_sigma, data->output_most * fmax(data->beams, 1));
		return true;
	}
	/* Speed of one stream hardly depends on lengths: 1,000 + 500 tokens where a vendor names none. */
	if (b->out->figure == FIGURE_USER || strcmp(b->row->scenario, "no speculation") == 0) {
		b->isl = b->isl > 0 ? b->isl : 1000;
		b->osl = b->osl > 0 ? b->osl : 500;
	}
	if (b->isl > 0 && !(b->osl > 0) && strcmp(b->row->scenario, "tt-metal demo") == 0)
		b->osl = 128;
	if (!(b->isl > 0) || !(b->osl > 0))
		return published_refuse(b, WHY_LENGTHS, NULL);
	for (int i = 0; i < 2; i++) {
		double most = i ? b->osl : b->isl;

		if (spread_80)
			str_addf(&b->settings, "workload.%s.kind=uniform workload.%s.least=%.0f workload.%s.most=%.0f ", names2[i], names2[i],
				 ceil(0.8 * most), names2[i], most);
		else
			spread(b, names2[i], most, 0, most);
	}
	return true;
}

/* "vLLM 0.4.3": before 0.6 prompts went first, alone, and the device waited for the host between steps. From 0.6 on decisions for
 * several steps and cut prompts are to be had (release notes), which who tunes a run takes: as V1 does. */
static const char *scheduler_of(const struct published_row *row)
{
	const char *engine = published_engine(row);
	long minor = published_vllm_minor(row);

	return strcmp(engine, "vllm") == 0 && minor > 0 && minor < 6 ? "vllm-v0" : engine;
}

static bool build(struct builder *b)
{
	const struct scenario_kind *kind;
	struct err err = { 0 };
	const struct model *model;

	if (!names(b))
		return false;
	if (!(kind = kind_of(b)))
		return published_refuse(b, WHY_LOAD, b->row->scenario);
	if (kind->why != WHY_NONE)
		return published_refuse(b, kind->why, NULL);
	layout(b);
	if (!b->layout.stated) {
		model = model_load(b->model->catalog, b->arena, &err);
		if (!model)
			return published_refuse(b, WHY_MODEL, b->row->model);
		size(b, model, text_starts(b->row->source, "MLPerf") && (kind->load == LOAD_OFFLINE || kind->load == LOAD_SERVER));
	}
	if (kind->load != LOAD_PROFILE && !lengths(b))
		return false;
	str_addf(&b->settings, "scheduler.name=%s ", kind->scheduler ? kind->scheduler : scheduler_of(b->row));
	return published_load(b, kind);
}

static char *kept(const struct str *s, struct arena *arena)
{
	return s->failed ? NULL : arena_strdup(arena, str_text(s));
}

bool published_case(const struct published_rows *rows, size_t index, const struct published_lexicon *names_known, struct published_case *out,
		    struct arena *arena, struct err *err)
{
	struct builder b = { .rows = rows, .row = &rows->at[index], .names = names_known, .out = out, .arena = arena };
	bool ok;

	*out = (struct published_case){ .copies = 1 };
	ok = build(&b);
	out->osl = b.osl;
	ok = (!ok || (out->settings = kept(&b.settings, arena))) && !b.settings.failed && (out->note = kept(&b.notes, arena));
	str_release(&b.settings);
	str_release(&b.notes);
	return ok || err_memory(err);
}

static double output_of(const struct published_case *c, const struct result *r)
{
	return (c->decode_seqs > 0 ? c->decode_seqs / r->tpot_s.mean : r->output_throughput) * c->copies;
}

static double figure_of(const struct published_case *c, const struct result *r)
{
	double devices = c->devices > 0 ? c->devices : (double)r->devices * (double)r->replicas * c->copies;

	switch (c->figure) {
	case FIGURE_TTFT_MEAN: return r->ttft_s.mean;
	case FIGURE_TTFT_P50: return r->ttft_s.p50;
	case FIGURE_TTFT_P90: return r->ttft_s.p90;
	case FIGURE_TTFT_P95: return r->ttft_s.p95;
	case FIGURE_TTFT_P99: return r->ttft_s.p99;
	case FIGURE_TPOT_MEAN: return r->tpot_s.mean;
	case FIGURE_TPOT_P50: return r->tpot_s.p50;
	case FIGURE_TPOT_P90: return r->tpot_s.p90;
	case FIGURE_TPOT_P95: return r->tpot_s.p95;
	case FIGURE_TPOT_P99: return r->tpot_s.p99;
	case FIGURE_E2E_MEAN: return r->e2e_s.mean;
	case FIGURE_E2E_P50: return r->e2e_s.p50;
	case FIGURE_E2E_P90: return r->e2e_s.p90;
	case FIGURE_E2E_P95: return r->e2e_s.p95;
	case FIGURE_E2E_P99: return r->e2e_s.p99;
	case FIGURE_E2E_MAX: return r->e2e_s.max;
	case FIGURE_OUTPUT: return output_of(c, r);
	case FIGURE_TOTAL: return r->total_token_throughput * c->copies;
	case FIGURE_INPUT: return r->prompt_tokens / r->duration_s * c->copies;
	case FIGURE_REQUESTS: return r->request_throughput * c->copies;
	case FIGURE_OUTPUT_DEVICE: return output_of(c, r) / devices;
	case FIGURE_TOTAL_DEVICE: return r->total_token_throughput * c->copies / devices;
	case FIGURE_INPUT_DEVICE: return r->prompt_tokens / r->duration_s * c->copies / devices;
	case FIGURE_INPUT_NODE: return r->prompt_tokens / r->duration_s * c->copies / devices * 8;
	case FIGURE_OUTPUT_NODE: return r->output_throughput * c->copies / devices * 8;
	case FIGURE_USER: return 1 / r->tpot_s.mean;
	case FIGURE_SYSTEM_POWER: return r->system_power_w * c->copies;
	case FIGURE_POWER: case FIGURE_COST: case FIGURE_COUNT: break;
	}
	return NAN;
}

double published_predict(const struct published_case *c, const struct result *r)
{
	return figure_of(c, r) / c->to_si;
}
