/* Training of expert mixtures cut by pipeline, experts and tensor ranks together: what each degree moves. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/arena.h"
#include "sim/train/pipeline.h"
#include "sim/train/train.h"

/* Mixtral 8x7B on 32 H100: two tensor ranks, two stages of two chunks, eight expert ranks over the data ranks. */
static struct job *mixture(struct arena *arena)
{
	struct job *job = job_new(arena, NULL);

	job->model.name = "mixtral-8x7b", job->model.dtype = DTYPE_BF16;
	job->hardware.system = "dgx-h100", job->hardware.devices = 32;
	job->layout.tp = 2, job->layout.pp = 2, job->layout.vp = 2, job->layout.ep = 8;
	job->batch.global = 64, job->batch.sequence = 4096;
	job->run.trials = 5;
	return job;
}

static struct train_result simulate(const struct job *job, const struct train_wishes *wishes, struct arena *arena)
{
	struct train_result r = { 0 };
	struct err err = { 0 };

	if (!train_run(job, wishes, &r, arena, &err)) {
		printf("%s\n", err.text);
		CU_FAIL("a job does not run");
	}
	return r;
}

static void degrees(void)
{
	static const struct {
		const char *set, *value;
		int step, exchange, peak;      /* sign of the change; 2: not looked at */
	} cases[] = {
		/* Experts held whole by each pair of tensor ranks: nothing is exchanged, the weights do not fit any better. */
		{ "layout.ep", "1", 2, -1, 1 },
		/* Popular experts: their rank works longer and everybody waits. */
		{ "model.routing_skew", "1", 1, 0, 2 },
		{ "layout.recompute", "full", 1, 1, -1 },
		/* One chunk a stage: the pipeline stands longer, fewer micro-batches are held. */
		{ "layout.vp", "1", 1, 0, -1 },
		/* Exchanges behind another micro-batch take a little of its arithmetic instead. */
		{ "layout.ep_overlap", "yes", -1, -1, 0 },
		/* Whole steps in graphs, one kernel for a product of all experts. */
		{ "hardware.stack", "megatron-2606", -1, 0, 2 },
		/* 8-bit experts get 16-bit tokens from Megatron, 8-bit ones from DeepSeek. */
		{ "model.dtype", "fp8", -1, 0, 2 },
		/* A copy of a token for each of its experts, also where one crossing would do. */
		{ "layout.exchange", "copies", 1, 1, 0 },
	};
	struct arena *arena = arena_new();
	struct train_wishes any = { .any_memory = true };
	struct train_result base = simulate(mixture(arena), &any, arena);

	CU_ASSERT(base.breakdown.ep_comm > 0 && base.breakdown.tp_comm > 0 && base.breakdown.pp_bubble > 0);
	CU_ASSERT_EQUAL(base.tokens_per_step, 64 * 4096);
	CU_ASSERT_EQUAL(base.dp, 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job *job = mixture(arena);
		struct err err = { 0 };
		struct train_result r;
		double change[3];
		const int expected[] = { cases[i].step, cases[i].exchange, cases[i].peak };

		CU_ASSERT_FATAL(schema_set(&job_element, job, cases[i].set, cases[i].value, "test", arena, &err));
		r = simulate(job, &any, arena);
		change[0] = r.step_s / base.step_s - 1, change[1] = r.breakdown.ep_comm / base.breakdown.ep_comm - 1;
		change[2] = r.memory.peak_bytes / base.memory.peak_bytes - 1;
		for (int k = 0; k < 3; k++)
			if (expected[k] != 2 && (change[k] > 1e-9) - (change[k] < -1e-9) != expected[k]) {
				printf("%s=%s: step %+.3f %%, exchange %+.3f %%, memory %+.3f %%\n", cases[i].set, cases[i].value, 100 * change[0],
				       100 * change[1], 100 * change[2]);
				CU_FAIL("a degree does not do what it should");
			}
		/* Routed work does not depend on where experts lie. */
		CU_ASSERT(fabs(r.model_flops_step / base.model_flops_step - 1) < 1e-9);
	}
	arena_free(arena);
}

/* Fused grouped products in 8 bits do twice the work of 16: the step is shorter, by less than half. */
static void fused(void)
{
	struct arena *arena = arena_new();
	struct train_wishes any = { .any_memory = true };
	struct job *wide = mixture(arena), *narrow = mixture(arena);
	struct train_result a, b;

	wide->hardware.stack = narrow->hardware.stack = "megatron-2606";
	narrow->model.dtype = DTYPE_FP8_BLOCK;
	a = simulate(wide, &any, arena), b = simulate(narrow, &any, arena);
	CU_ASSERT(b.breakdown.compute < a.breakdown.compute);
	CU_ASSERT(b.breakdown.compute > a.breakdown.compute / 2);
	CU_ASSERT(fabs(b.hardware_flops_step / a.hardware_flops_step - 1) < 0.01);
	arena_free(arena);
}

/* Streaming kernels and launches of one layer's experts, forward and backward: gpt-oss with 16 of 128 experts on a device. */
static void biases(void)
{
	static const struct {
		bool bias, clamp, fused, copies;
		double forward, backward, kernels[2];  /* bytes over 16-bit rows of hidden size: 16,384 x 2,880 = intermediate */
	} cases[] = {
		/* Sorted there and back, three passes each. */
		{ false, false, false, false, 6, 6, { 2, 2 } },
		/* By rank first: two passes more each way. */
		{ false, false, false, true, 10, 10, { 2, 2 } },
		/* Two halves of eight bytes and ten an element. */
		{ false, true, false, false, 6 + 8, 6 + 10, { 2 + 3, 2 + 3 } },
		/* 28 bytes and 40, and two for the first product's two halves of gradient; two and five kernels an expert, one for its gradient. */
		{ true, false, false, false, 6 + 14, 6 + 20 + 2, { 2 + 34, 2 + 82 + 16 } },
		/* A fused grouped product does not take them: gates out of their interleaving and through one operator after the other. */
		{ true, true, true, false, 6 + 14 + 21, 6 + 20 + 2 + 40, { 2 + 34 + 8, 2 + 82 + 16 + 12 } },
	};
	struct arena *arena = arena_new();
	const struct model *m = model_load("gpt-oss-120b", arena, NULL);

	CU_ASSERT_FATAL(m != NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model own = *m;
		struct training_graph_options o = { .model = &own, .micro_batch = 1, .sequence = 4096, .fused = true, .attention_backward = 2.9, .trainable = 1,
						    .fused_experts = cases[i].fused, .copies = cases[i].copies };
		struct placement asked = { .tp = 1, .cp = 1, .pp = 36, .ep = 8, .dp_attention = 8, .weights = DTYPE_BF16, .activations = DTYPE_BF16, .kv = DTYPE_BF16, .head = DTYPE_BF16 };
		double bytes[PHASE_COUNT] = { 0 }, kernels[PHASE_COUNT] = { 0 };
		struct training_ops ops;
		struct err err = { 0 };

		own.moe.bias = cases[i].bias;
		if (!cases[i].clamp)
			own.mlp.activation = "silu";
		placement_resolve(&own, &asked, &o.place);
		CU_ASSERT_FATAL(training_graph_build(&o, 1, &ops, arena, &err));
		for (size_t k = 0; k < ops.count; k++)
			if (strcmp(ops.at[k].label, "moe") == 0 && ops.at[k].op.kind == OP_COPY) {
				bytes[ops.at[k].phase] += op_bytes(&ops.at[k].op) * ops.at[k].count;
				kernels[ops.at[k].phase] += ops.at[k].kernels * ops.at[k].count;
			}
		CU_ASSERT_DOUBLE_EQUAL(bytes[PHASE_FORWARD] / (16384 * 2880.0 * 2), cases[i].forward, 1e-6);
		CU_ASSERT_DOUBLE_EQUAL(bytes[PHASE_BACKWARD] / (16384 * 2880.0 * 2), cases[i].backward, 1e-6);
		CU_ASSERT(kernels[PHASE_FORWARD] == cases[i].kernels[0] && kernels[PHASE_BACKWARD] == cases[i].kernels[1]);
	}
	arena_free(arena);
}

/* Bytes of a token on its way: to 8-bit experts it may travel in 8 bits, back in 16; the gradients likewise. */
static void dispatch(void)
{
	struct arena *arena = arena_new();
	struct train_wishes any = { .any_memory = true };
	struct job *job = mixture(arena);
	struct train_result wide, narrow;

	job->model.dtype = DTYPE_FP8;
	wide = simulate(job, &any, arena);
	job->hardware.stack = "deepseek";
	narrow = simulate(job, &any, arena);
	CU_ASSERT(narrow.breakdown.ep_comm < wide.breakdown.ep_comm && narrow.breakdown.ep_comm > wide.breakdown.ep_comm / 2);
	arena_free(arena);
}

/* Every micro-batch goes once forward and once backward through each of the four chunks, never two at once on a stage. */
static void passes(void)
{
	struct arena *arena = arena_new();
	struct train_wishes wishes = { .any_memory = true, .spans = true };
	struct train_result r = simulate(mixture(arena), &wishes, arena);
	double busy_until[2] = { 0 };
	size_t count[2] = { 0 };

	for (size_t i = 0; i < r.span_count; i++) {
		const struct train_span *s = &r.spans[i];

		if (s->kind != PASS_FORWARD && s->kind != PASS_BACKWARD)
			continue;
		count[s->kind == PASS_BACKWARD]++;
		CU_ASSERT(s->start_s >= busy_until[s->rank] - 1e-12 && s->end_s > s->start_s);
		busy_until[s->rank] = s->end_s;
	}
	CU_ASSERT_EQUAL(count[0], (size_t)(4 * r.micros));
	CU_ASSERT_EQUAL(count[1], (size_t)(4 * r.micros));
	arena_free(arena);
}

CU_TestInfo suite_training_experts[] = { { "degrees", degrees }, { "fused experts", fused }, { "biases of experts", biases }, { "bytes on the way", dispatch }, { "passes of chunks", passes }, CU_TEST_INFO_NULL };
