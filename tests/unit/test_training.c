/* Training: memory by the published formulas, scaling laws, failures, what a row of a step costs. */
#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/arena.h"
#include "models/optimizer.h"
#include "models/scaling_law.h"
#include "models/training_memory.h"
#include "sim/train/failures.h"
#include "sim/train/layout.h"
#include "sim/train/train.h"
#include "validation/training_recipes.h"

static struct train_result run(const struct job *job, struct arena *arena)
{
	struct train_wishes any = { .any_memory = true };
	struct train_result r = { 0 };
	struct err err = { 0 };

	if (!train_run(job, &any, &r, arena, &err)) {
		printf("%s\n", err.text);
		CU_FAIL("a job does not run");
	}
	return r;
}

static struct job *job_of(const char *model, const char *stack, int64_t tp, int64_t pp, int64_t vp, struct arena *arena)
{
	struct job *job = job_new(arena, NULL);

	job->model.name = model;
	job->model.dtype = DTYPE_FP16;
	job->hardware.device = "a100", job->hardware.system = "dgx-a100", job->hardware.stack = stack;
	job->layout.tp = tp, job->layout.pp = pp, job->layout.vp = vp, job->layout.zero = 0;
	job->batch.sequence = 2048;
	job->run.trials = 5;
	return job;
}

/* Korthikanti et al. 2022, figure 1 and table 4: GiB of activations on the first stage, and of weights and state. */
static void korthikanti(void)
{
	static const struct {
		const char *model;
		int64_t micro, pp, vp, micros;
		double none, sequence, selective, both, full, states;
	} rows[] = {
		{ "gpt:layers=48,hidden=6144,heads=64,vocab=51200", 4, 1, 1, 1, 59.25, 39.56, 29.25, 9.5625, 4.5, 45.56 },
		{ "gpt:layers=96,hidden=12288,heads=96,vocab=51200", 1, 8, 3, 64, 66.84, 41.41, 37.78, 12.35, 5.8125, 45.56 },
		{ "gpt:layers=105,hidden=20480,heads=128,vocab=51200", 1, 35, 3, 280, 114.02, 66.51, 70.59, 23.08, 10.86, 31.64 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const double expected[] = { rows[i].none, rows[i].sequence, rows[i].selective, rows[i].both, rows[i].full };

		for (int k = 0; k < 5; k++) {
			struct arena *arena = arena_new();
			struct job *job = job_of(rows[i].model, "megatron-2022", 8, rows[i].pp, rows[i].vp, arena);
			struct layer l;
			struct train_parts parts;
			struct train_setup s;
			struct err err = { 0 };
			double in_flight, held, layers;

			job->batch.micro = rows[i].micro, job->batch.global = rows[i].micro * rows[i].micros;
			job->layout.recompute = k == 4 ? RECOMPUTE_FULL : k >= 2 ? RECOMPUTE_SELECTIVE : RECOMPUTE_NONE;
			job->layout.sequence_parallel = k == 1 || k == 3 ? 1 : 2;
			CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
			CU_ASSERT_FATAL(train_setup(job, &parts, &s, &err));
			model_layer(parts.model, 1, &l);
			in_flight = s.schedule->in_flight((int)s.pp, (int)s.vp, (int)s.micros) * (double)s.vp;
			layers = (double)parts.model->shape.layers / (double)(s.pp * s.vp);
			/* Full: one input a layer, whole on each tensor rank. */
			held = training_layer_activations(&s.graph, &l) * layers * in_flight / 1073741824.0;
			CU_ASSERT_DOUBLE_EQUAL(held / expected[k], 1, 5e-4);
			train_parts_release(&parts);
			arena_free(arena);
		}
	}
}

/* Rajbhandari et al. 2020, section 3: 7.5e9 parameters, 16 bytes each, over 64 ranks. */
static void zero_stages(void)
{
	static const double expected_gb[] = { 120, 31.4, 16.6, 1.875 };
	const char *model = "gpt:layers=36,hidden=4096,heads=32,vocab=51200";

	for (int zero = 0; zero <= 3; zero++) {
		struct arena *arena = arena_new();
		struct job *job = job_of(model, "megatron", 1, 1, 1, arena);
		struct train_result r;
		double parameters;

		job->layout.zero = zero, job->layout.dp = 64;
		job->batch.global = 64, job->batch.micro = 1;
		job->optimizer.grad_bytes = 2;
		r = run(job, arena);
		parameters = zero == 0 ? (r.memory.weights + r.memory.gradients + r.memory.optimizer) / 16 : 0;
		if (zero == 0)
			CU_ASSERT_DOUBLE_EQUAL(parameters / 7.5e9, 1, 0.02);
		CU_ASSERT_DOUBLE_EQUAL((r.memory.weights + r.memory.gradients + r.memory.optimizer) / 1e9 / expected_gb[zero], 1, 0.02);
		/* FSDP shards the 32-bit weights alone: 4 + 2 + 8 bytes. */
		job->hardware.stack = "fsdp";
		if (zero == 3) {
			r = run(job, arena);
			CU_ASSERT_DOUBLE_EQUAL((r.memory.weights + r.memory.gradients + r.memory.optimizer) / 1e9 / (1.875 * 14 / 16), 1, 0.02);
		}
		arena_free(arena);
	}
}

static void scaling(void)
{
	const struct scaling_law *refit = scaling_law_require(NULL, NULL), *repeated = scaling_law_require("data-constrained", NULL);
	static const double flops[] = { 1e19, 1e22, 1e25 }, n[] = { 0.262e9, 9.05e9, 312e9 };
	struct err err = { 0 };

	CU_ASSERT_DOUBLE_EQUAL(scaling_loss_repeated(repeated, 6.34e9, 242e9, 25e9), 2.2256440889984477, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(scaling_loss_repeated(repeated, 8.67e9, 178e9, 25e9), 2.2269634075087867, 1e-12);
	for (size_t i = 0; i < 3; i++) {
		double parameters, tokens, best;

		scaling_optimum(refit, flops[i], &parameters, &tokens);
		CU_ASSERT_DOUBLE_EQUAL(parameters / n[i], 1, 5e-3);
		best = scaling_loss(refit, parameters, tokens);
		for (double f = 0.9; f < 1.11; f += 0.2)
			CU_ASSERT(scaling_loss(refit, parameters * f, tokens / f) > best);
		CU_ASSERT_DOUBLE_EQUAL(scaling_tokens_to_loss(refit, parameters, best) / tokens, 1, 1e-9);
	}
	CU_ASSERT(isinf(scaling_tokens_to_loss(refit, 1e9, 1.0)));
	CU_ASSERT_PTR_NULL(scaling_law_require("chinchila-refit", &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "did you mean chinchilla-refit"));
}

/* Young and Daly's estimate, and the simulated jobs, agree where failures are rare beside checkpoints. */
static void failures(void)
{
	struct failure_model f = { .mtbf_s = 3.09 * 3600, .checkpoint_s = 30, .recovery_s = 300 };
	struct failure_trials t, again;
	double least = INFINITY, at = 0;

	CU_ASSERT_DOUBLE_EQUAL(failure_interval(&f) / 60, 13.6, 0.05);
	failure_simulate(&f, 3000 * 3600, 40, 1, &t);
	failure_simulate(&f, 3000 * 3600, 40, 1, &again);
	CU_ASSERT_EQUAL(t.mean, again.mean);
	CU_ASSERT_DOUBLE_EQUAL((1 / t.mean - 1) / (1 / failure_effective(&f) - 1), 1, 0.08);
	for (double tau = 200; tau < 3000; tau *= 1.1) {
		struct failure_model g = f;

		g.interval_s = tau;
		if (1 / failure_effective(&g) < least)
			least = 1 / failure_effective(&g), at = tau;
	}
	CU_ASSERT_DOUBLE_EQUAL(at / failure_interval(&f), 1, 0.1);
}

/* Whatever the layout: a step is at least its FLOPs at peak, its parts add up to it, more devices are not slower in sum. */
static void laws(void)
{
	static const char *const models[] = { "llama-3.1-8b", "qwen3-30b-a3b", "deepseek-v2-lite", "gpt2-124m", "mamba2-2.7b", "jamba-v0.1" };
	static const int64_t cuts[][3] = { { 1, 1, 1 }, { 2, 1, 1 }, { 1, 2, 1 }, { 2, 4, 1 } };

	for (size_t m = 0; m < sizeof(models) / sizeof(models[0]); m++)
		for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++)
			for (int recompute = 0; recompute <= 2; recompute += 2) {
				struct arena *arena = arena_new();
				struct job *job = job_of(models[m], "megatron", cuts[c][0], cuts[c][1], 1, arena);
				struct train_result r;
				const struct train_breakdown *b;

				job->layout.recompute = recompute, job->layout.dp = 2;
				job->batch.global = 16;
				r = run(job, arena);
				b = &r.breakdown;
				CU_ASSERT(r.step_s > r.hardware_flops_step / (double)r.devices / r.peak_flop_s);
				CU_ASSERT(r.mfu > 0.01 && r.mfu < 1);
				CU_ASSERT_DOUBLE_EQUAL((b->compute + b->tp_comm + b->ep_comm + b->cp_comm + b->pp_bubble + b->dp_comm + b->optimizer + b->data +
							b->recompute + b->host + b->straggler + b->offload) / r.step_s, 1, 1e-9);
				CU_ASSERT((recompute == RECOMPUTE_FULL) == (b->recompute > 0));
				arena_free(arena);
			}
}

static void refusals(void)
{
	static const struct { const char *path, *value, *says; } cases[] = {
		{ "layout.tp", "3", "devices" }, { "layout.schedule", "1f1", "did you mean 1f1b" }, { "optimizer.name", "adam", "did you mean adamw" },
		{ "batch.global", "7", "batch.global=7" }, { "layout.ep", "4", "no experts" }, { "model.dtype", "int4_wo", "cannot be trained" },
		{ "hardware.stack", "megatrom", "megatron" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new();
		struct job *job = job_of("llama-3.1-8b", "megatron", 1, 1, 1, arena);
		struct train_result r;
		struct err err = { 0 };

		job->hardware.devices = 8;
		CU_ASSERT(schema_set(&job_element, job, cases[i].path, cases[i].value, "test", arena, NULL));
		CU_ASSERT_FALSE(train_run(job, NULL, &r, arena, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		if (!strstr(err.text, cases[i].says)) {
			printf("%s\n", err.text);
			CU_FAIL("the message does not say what is wrong");
		}
		arena_free(arena);
	}
}

/* Bounds prune nothing that simulating every candidate would have chosen. */
static void search_is_exhaustive(void)
{
	static const struct {
		const char *model, *stack, *system;
		enum layout_space space;
		enum layout_objective objective;
		int64_t devices, global, sequence, predictions;
	} cases[] = {
		{ "gpt:layers=6,hidden=1024,heads=8,vocab=51200", "megatron-2022", "dgx-a100", SPACE_EXECUTIONS, LAYOUT_STEP, 2, 2, 2048, 0 },
		{ "gpt:layers=4,hidden=2048,heads=2,vocab=51200", "megatron-2022", "dgx-a100", SPACE_EXECUTIONS, LAYOUT_MEMORY, 2, 4, 1024, 0 },
		{ "llama-3.2-1b", "megatron", "dgx-h100", SPACE_LAYOUTS, LAYOUT_STEP, 8, 16, 4096, 0 },
		{ "llama-3.1-8b", "torchtitan", "dgx-h100", SPACE_LAYOUTS, LAYOUT_STEP, 16, 32, 8192, 0 },
		{ "deepseek-v2-lite", "megatron", "dgx-h100", SPACE_LAYOUTS, LAYOUT_STEP, 8, 8, 4096, 0 },
		{ "qwen3-30b-a3b", "megatron", "dgx-h100", SPACE_LAYOUTS, LAYOUT_MEMORY, 16, 16, 4096, 0 },
		{ "deepseek-v2-lite", "megatron", "dgx-h100", SPACE_LAYOUTS, LAYOUT_STEP, 8, 8, 4096, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new();
		struct job *job = job_of(cases[i].model, cases[i].stack, 1, 1, 1, arena);
		struct layout_search quick = { .objective = cases[i].objective, .space = cases[i].space }, all = quick;
		struct train_parts parts;
		struct err err = { 0 };

		job->hardware.system = cases[i].system, job->hardware.device = NULL;
		job->hardware.devices = cases[i].devices, job->batch.global = cases[i].global, job->batch.sequence = cases[i].sequence;
		job->model.predictions = cases[i].predictions;
		all.exhaustive = true;
		CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
		CU_ASSERT_FATAL(layout_best(job, &parts, &quick, &err));
		CU_ASSERT_FATAL(layout_best(job, &parts, &all, &err));
		CU_ASSERT_EQUAL(all.candidates, quick.candidates);
		CU_ASSERT_EQUAL(all.beyond, 0);
		CU_ASSERT_EQUAL(all.impossible, quick.impossible);
		CU_ASSERT(quick.simulated < all.simulated / 2);
		CU_ASSERT_EQUAL(quick.best_step_s, all.best_step_s);
		CU_ASSERT_EQUAL(quick.best_peak_bytes, all.best_peak_bytes);
		CU_ASSERT_EQUAL(memcmp(&quick.best.layout, &all.best.layout, sizeof(quick.best.layout)), 0);
		train_parts_release(&parts);
		arena_free(arena);
	}
}

/* Isaev et al. 2023: Megatron's 22B on 8 devices has 290,624 executions. */
static void calculons_space(void)
{
	struct arena *arena = arena_new();
	struct job *job = job_of("gpt:layers=48,hidden=6144,heads=64,vocab=51200", "megatron-2022", 1, 1, 1, arena);
	struct layout_search search = { .space = SPACE_EXECUTIONS };
	struct train_parts parts;
	struct err err = { 0 };

	job->hardware.devices = 8, job->batch.global = 8;
	CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
	CU_ASSERT_FATAL(layout_best(job, &parts, &search, &err));
	CU_ASSERT_EQUAL(search.candidates, 290624);
	CU_ASSERT_EQUAL(search.candidates, search.impossible + search.over_memory + search.beyond + search.simulated);
	train_parts_release(&parts);
	arena_free(arena);
}

/* Each dimension of an execution has its own mechanism: what it costs and what it saves. */
static void executions(void)
{
	static const struct {
		const char *set;
		int step, peak;        /* sign of the change that it makes */
	} cases[] = {
		{ "layout.offload_weights=yes", 1, -1 },       { "layout.offload_activations=yes", 1, -1 }, { "layout.offload_optimizer=yes", 1, -1 },
		{ "layout.gather_again=no", -1, 1 },           { "layout.tp_overlap=ring", -1, 0 },         { "layout.tp_overlap=pipe", -1, 0 },
		{ "layout.tp_network=scale-out", 1, 0 },       { "layout.dp_network=scale-up", 0, 0 },      { "layout.pp_network=scale-up", -1, 0 }, 
		{ "layout.dp_overlap=yes", -1, 0 },            { "layout.sequence_parallel=no", 1, 1 },
	};
	struct arena *arena = arena_new();
	struct job *job = job_of("gpt:layers=16,hidden=6144,heads=64,vocab=51200", "megatron-2022", 4, 2, 1, arena);
	struct train_result base;

	job->hardware.devices = 16, job->batch.global = 8;
	base = run(job, arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job changed = *job;
		const char *equals = strchr(cases[i].set, '=');
		struct train_result r;
		double step, peak;

		CU_ASSERT(schema_set(&job_element, &changed, arena_printf(arena, "%.*s", (int)(equals - cases[i].set), cases[i].set), equals + 1, "test", arena, NULL));
		r = run(&changed, arena);
		step = r.step_s / base.step_s - 1, peak = r.memory.peak_bytes / base.memory.peak_bytes - 1;
		if ((step > 1e-9) - (step < -1e-9) != cases[i].step || (peak > 1e-9) - (peak < -1e-9) != cases[i].peak) {
			printf("%s: step %+.4f %%, memory %+.4f %%\n", cases[i].set, 100 * step, 100 * peak);
			CU_FAIL("a dimension does not do what it should");
		}
		CU_ASSERT((strstr(cases[i].set, "offload") != NULL) == (r.memory.host_bytes > 0));
	}
	arena_free(arena);
}

/* What newer settings trade: each run against its base. */
static void settings(void)
{
	struct arena *arena = arena_new();
	struct job *job = job_of("llama-3.1-8b", "megatron", 1, 1, 1, arena);
	struct train_result none, some, full, once, each, even, uneven;
	struct train_wishes any = { .any_memory = true };
	struct training_stack pieces;
	struct train_parts parts;
	struct err err = { 0 };

	job->layout.dp = 8, job->batch.global = 8, job->batch.sequence = 8192;
	none = run(job, arena);
	job->layout.recompute = RECOMPUTE_ELEMENTWISE, some = run(job, arena);
	job->layout.recompute = RECOMPUTE_FULL, full = run(job, arena);
	CU_ASSERT(none.memory.activations > 1.2 * some.memory.activations && some.memory.activations > full.memory.activations);
	CU_ASSERT(none.step_s < some.step_s && some.step_s < 1.05 * none.step_s && some.step_s < full.step_s);
	/* Of a quarter of its 32 layers: between the two, in proportion. */
	job->layout.recompute_layers = 8, some = run(job, arena);
	CU_ASSERT_DOUBLE_EQUAL(some.breakdown.recompute / full.breakdown.recompute, 0.25, 0.02);
	CU_ASSERT(some.memory.activations < none.memory.activations && some.memory.activations > none.memory.activations - 0.3 * (none.memory.activations - full.memory.activations));
	job->layout.recompute_layers = 32, some = run(job, arena);
	CU_ASSERT(some.step_s == full.step_s && some.memory.peak_bytes == full.memory.peak_bytes);
	job->layout.recompute_layers = 0;
	/* Weights kept and gradients whole: two bytes and four of all parameters more, the traffic of one micro-batch. */
	job->layout.zero = 3, job->batch.global = 64;
	each = run(job, arena);
	job->layout.regather = false, once = run(job, arena);
	CU_ASSERT(once.breakdown.dp_comm < each.breakdown.dp_comm / 4);
	CU_ASSERT(once.memory.buffers > each.memory.buffers + 6 * 7e9);
	/* The last of four pieces of a sequence attends to 7/4 of the mean. */
	job = job_of("llama-3.1-8b", "torchtitan", 1, 1, 1, arena);
	job->hardware.system = "dgx-h100", job->hardware.device = NULL;
	job->layout.dp = 1, job->layout.cp = 4, job->batch.global = 1, job->batch.sequence = 262144, job->layout.recompute = RECOMPUTE_FULL;
	CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
	CU_ASSERT(parts.stack->ring_even);
	CU_ASSERT_FATAL(train_layout_run(job, &parts, &any, &even, arena, &err));
	pieces = *parts.stack, pieces.ring_even = false, parts.stack = &pieces;
	CU_ASSERT_FATAL(train_layout_run(job, &parts, &any, &uneven, arena, &err));
	CU_ASSERT(uneven.step_s > 1.6 * even.step_s && uneven.step_s < 1.75 * even.step_s);
	train_parts_release(&parts);
	arena_free(arena);
}

/* The last stage holds one micro-batch where the first holds four, and the logits of all. */
static void last_stage(void)
{
	struct arena *arena = arena_new();
	struct job *job = job_of("llama-3.1-8b", "megatron", 1, 4, 1, arena);
	struct train_result plain, kept, narrow, wide;
	const double logits = 8192 * 128256.0 * 2, states = 8192 * 4096.0 * 2;

	job->layout.dp = 8, job->batch.global = 8 * 16, job->batch.sequence = 8192, job->layout.recompute = RECOMPUTE_FULL;
	plain = run(job, arena);
	job->hardware.stack = "torchtitan", kept = run(job, arena);
	CU_ASSERT(plain.memory.last_peak_bytes > 0 && plain.memory.last_peak_bytes <= plain.memory.peak_bytes);
	/* Fourteen bytes a logit at work for six, and fifteen micro-batches' in two; sixteen inputs, of which one is at work, and their
	 * gradients; 18 bytes a parameter over ranks in both. */
	CU_ASSERT_DOUBLE_EQUAL((kept.memory.last_peak_bytes - plain.memory.last_peak_bytes) / (logits * (15 + 4) + states * 31), 1, 0.01);
	/* Gathered whole: 8-bit layers take a byte less each, two of them once more on their way. */
	job->layout.zero = 3, job->layout.regather = false, wide = run(job, arena);
	job->model.dtype = DTYPE_FP8, narrow = run(job, arena);
	CU_ASSERT_DOUBLE_EQUAL((wide.memory.buffers - narrow.memory.buffers) / ((8 + 2) * 218.1e6), 1, 0.01);
	arena_free(arena);
}

/* What torch's pipelines and FSDP hold beside weights and activations, from one layer's sizes. */
static void torch_buffers(void)
{
	struct training_graph_options graph = { .place = { .tp = 2, .pp = 8, .cp = 1, .ep = 1, .dp_attention = 1, .sequence_parallel = true }, .micro_batch = 1, .sequence = 4096, .recompute = RECOMPUTE_FULL };
	struct training_memory_options o = { .graph = &graph, .optimizer = optimizer_require("adamw", NULL), .stages = 4, .data_ranks = 8, .shard_ranks = 8, .zero = 3,
					     .weight_bytes = 2, .grad_bytes = 4, .gathered_bytes = 1, .in_flight = 3 };
	const struct training_parameters n = { .dense = 4e9, .layer_largest = 0.5e9, .trainable = 4e9 };
	struct training_activations a[4], none = { .chunk = 1e9, .at_work = 1e9 };
	struct training_memory plain, kept, whole;
	struct arena *arena = arena_new();

	graph.model = model_load("llama-3.1-8b", arena, NULL);
	CU_ASSERT_FATAL(graph.model != NULL);
	for (int stage = 0; stage < 4; stage++) {
		double edge = 4096 * 4096.0 * 2 / 2, inputs = stage == 0 ? 0.5 : 1;

		training_activations(&o, stage, &a[stage]);
		CU_ASSERT_DOUBLE_EQUAL(a[stage].edge, edge, 1e-6);
		CU_ASSERT(a[stage].entries == (stage == 0 ? 1 : 2) && a[stage].exits == (stage == 3 ? 1 : 2));
		o.kept_edges = 0, training_memory_of(&o, &n, &a[stage], &plain);
		o.kept_edges = 16, training_memory_of(&o, &n, &a[stage], &kept);
		/* Two an edge and micro-batch; inputs in flight are counted already. */
		CU_ASSERT_DOUBLE_EQUAL((kept.activations - plain.activations) / edge, 16 * 2 * (a[stage].entries + a[stage].exits) - 3 * inputs, 1e-6);
	}
	/* Weights whole in a byte, gradients in four, two layers arriving; two layers' gradients leave while a layer is made again. */
	o.kept_edges = 0, training_memory_of(&o, &n, &none, &plain);
	o.keep_gathered = true, training_memory_of(&o, &n, &none, &whole);
	CU_ASSERT_DOUBLE_EQUAL(plain.buffers - 2 * 0.5e9 * 5, whole.buffers - (4e9 * 5 + 2 * 0.5e9), 1);
	CU_ASSERT_DOUBLE_EQUAL(whole.activations - plain.activations, 2 * 0.5e9 * 4, 1);
	none.head = 9e9, training_memory_of(&o, &n, &none, &whole);
	CU_ASSERT_DOUBLE_EQUAL(whole.activations, 3e9 + 9e9, 1);
	arena_free(arena);
}

/* Rows whose form names two formats, and what configurations of submissions say. */
static void submissions(void)
{
	static const struct {
		const char *model, *accelerator, *source, *precision, *format;
		double devices;
	} rows[] = {
		{ "Llama-3.1-8B", "B200-SXM", "MLPerf-Training-v5.1 Somebody/results/x/llama31_8b", "fp4/fp8", "fp4", 8 },
		{ "Llama-3.1-8B", "B200-SXM", "MLPerf-Training-v5.1 University-of-Florida/results/x/llama31_8b", "fp4/fp8", "fp8", 8 },
		{ "Llama-3.1-8B", "GB200", "MLPerf-Training-v5.1 NVIDIA/results/x/llama31_8b", "fp4/fp8", "fp8", 512 },
		{ "Llama-3.1-405B", "GB200", "MLPerf-Training-v5.1 NVIDIA/results/x/llama31_405b", "fp4/fp8", "fp4", 512 },
		{ "Llama-2-70B LoRA", "B300-SXM", "MLPerf-Training-v5.1 Dell/results/x/llama2_70b_lora", "fp4/fp8", "fp8", 8 },
		{ "Llama-3.1-8B", "B200-SXM", "MLPerf-Training-v5.1 Dell/results/x/llama31_8b", "fp8", "fp8", 8 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct published_row row = { .model = rows[i].model, .accelerator = rows[i].accelerator, .source = rows[i].source, .precision = rows[i].precision,
					     .devices = rows[i].devices, .batch = "" };

		CU_ASSERT_STRING_EQUAL(training_format(&row), rows[i].format);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(training_recipe(&(struct published_row){ .model = "Llama-2-70B LoRA", .accelerator = "MI300X", .source = "MLPerf-Training-v5.1 x", .precision = "fp8", .batch = "8" }, 1),
				      "layout.recompute_layers=21"));
	CU_ASSERT_STRING_EQUAL(training_recipe(&(struct published_row){ .model = "Llama-2-70B LoRA", .accelerator = "MI325X", .source = "MLPerf-Training-v5.1 x", .precision = "fp8", .batch = "8" }, 1),
			       "hardware.stack=rocm ");
}

static void best_layout(void)
{
	struct arena *arena = arena_new();
	struct job *job = job_of("gpt:layers=48,hidden=6144,heads=64,vocab=51200", "megatron", 1, 1, 1, arena);
	struct layout_search search = { .objective = LAYOUT_STEP };
	struct train_parts parts;
	struct err err = { 0 };

	job->hardware.devices = 8, job->batch.global = 16;
	CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
	CU_ASSERT_FATAL(layout_best(job, &parts, &search, &err));
	CU_ASSERT_EQUAL(search.candidates, search.impossible + search.over_memory + search.beyond + search.simulated);
	/* No layout that we try by hand beats it. */
	for (int64_t tp = 1; tp <= 8; tp *= 2) {
		struct job mine = *job;
		struct train_result r;
		struct err own = { 0 };

		mine.layout.tp = tp;
		if (train_layout_run(&mine, &parts, NULL, &r, arena, &own))
			CU_ASSERT(r.step_s >= search.best_step_s * (1 - 1e-9));
	}
	train_parts_release(&parts);
	arena_free(arena);
}

CU_TestInfo suite_training[] = { { "Korthikanti's memory tables", korthikanti }, { "ZeRO's memory table", zero_stages }, { "scaling laws", scaling }, { "buffers of torch", torch_buffers },
				 { "failures", failures }, { "laws of a step", laws }, { "what is refused", refusals }, { "best layout", best_layout },
				 { "search equals simulating all", search_is_exhaustive }, { "Calculon's space", calculons_space }, { "dimensions of an execution", executions }, { "recomputation, gathering, rings", settings }, { "memory of the last stage", last_stage }, { "submissions of MLPerf", submissions },
				 CU_TEST_INFO_NULL };
