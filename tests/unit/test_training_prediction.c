/* Training: multi-token prediction, messages that both ends wait for, limits of older kernels, products of a sister. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/arena.h"
#include "models/prediction.h"
#include "sim/train/train.h"

static struct train_result simulate(const struct job *job, const struct train_parts *parts, struct arena *arena)
{
	struct train_wishes any = { .any_memory = true };
	struct train_result r = { 0 };
	struct err err = { 0 };

	if (!(parts ? train_layout_run(job, parts, &any, &r, arena, &err) : train_run(job, &any, &r, arena, &err))) {
		printf("%s\n", err.text);
		CU_FAIL("a job does not run");
	}
	return r;
}

/* DeepSeek-V3 as Megatron-Bridge lays it out on 256 devices of eight a node. */
static struct job *deepseek(struct arena *arena)
{
	struct job *job = job_new(arena, NULL);

	job->model.name = "deepseek-v3", job->model.dtype = DTYPE_FP8_BLOCK;
	job->hardware.system = "dgx-b200", job->hardware.devices = 256;
	job->layout.pp = 16, job->layout.ep = 8;
	job->batch.global = 512, job->batch.sequence = 4096;
	job->run.trials = 5;
	return job;
}

/* Megatron-Bridge's pipeline layouts "Et*4|(t*4|)*14tmL" and "Et|(tt|)*30mL", and eight stages. */
static void heavy_end(void)
{
	static const struct {
		int64_t pp, first, middle, last;
	} cases[] = { { 16, 4, 4, 1 }, { 32, 1, 2, 0 }, { 8, 8, 8, 5 }, { 1, 61, 61, 61 }, { 61, 1, 1, 1 } };
	struct arena *arena = arena_new();
	const struct model *m = model_load("deepseek-v3", arena, NULL);

	CU_ASSERT_FATAL(m != NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct placement p = { .tp = 1, .pp = cases[i].pp, .heavy_end = true };
		int64_t next = 0;

		for (int stage = 0; stage < p.pp; stage++) {
			int64_t first, count;

			placement_layers(m, &p, stage, &first, &count);
			CU_ASSERT_EQUAL(first, next);
			CU_ASSERT_EQUAL(count, stage == p.pp - 1 ? cases[i].last : stage == 0 ? cases[i].first : cases[i].middle);
			next = first + count;
		}
		CU_ASSERT_EQUAL(next, 61);
	}
	arena_free(arena);
}

/* A module's own parameters are its layer, 2 h h and two norms (DeepSeek's card: 11.5e9); 260 GFLOP a token with it are what
 * Megatron-Bridge's published pairs of TFLOP/s and tokens/s say, 250.5 without. */
static void module(void)
{
	struct arena *arena = arena_new();
	struct job *job = deepseek(arena);
	struct train_result without, with;
	double own, multiplied;

	prediction_parameters(model_load("deepseek-v3", arena, NULL), &own, &multiplied);
	CU_ASSERT_DOUBLE_EQUAL(own / 11.5e9, 1, 0.02);
	without = simulate(job, NULL, arena);
	job->model.predictions = 1;
	with = simulate(job, NULL, arena);
	CU_ASSERT_DOUBLE_EQUAL(without.tflops_per_device / without.tokens_per_s_device * 1e3, 250.5, 0.1);
	CU_ASSERT_DOUBLE_EQUAL(with.tflops_per_device / with.tokens_per_s_device * 1e3, 260, 1);
	/* The arithmetic that is run grows alike; stages before the last have four layers in both. */
	CU_ASSERT_DOUBLE_EQUAL(with.hardware_flops_step / without.hardware_flops_step, with.model_flops_step / without.model_flops_step, 0.004);
	CU_ASSERT(with.step_s < 1.05 * without.step_s);
	/* On one stage everything is on the same devices: time and memory grow. */
	job->layout.pp = 1, job->layout.recompute = RECOMPUTE_FULL;
	with = simulate(job, NULL, arena);
	job->model.predictions = 0;
	without = simulate(job, NULL, arena);
	CU_ASSERT(with.step_s > 1.01 * without.step_s);
	CU_ASSERT(with.memory.weights > without.memory.weights && with.memory.activations > without.memory.activations);
	CU_ASSERT(with.reliability.checkpoint_bytes > without.reliability.checkpoint_bytes + 14 * 11e9);
	arena_free(arena);
}

/* Each forward and backward pass ends with a message that the stage waits for, where chunks are not interleaved: a step is longer
 * by two of them a micro-batch at most, and by part of that where the pipeline stood still for its messages before. */
static void messages(void)
{
	struct arena *arena = arena_new();
	struct job *job = deepseek(arena);
	struct training_stack free;
	struct train_parts parts;
	struct err err = { 0 };
	double more_s, message_s = 4096.0 * 7168 * 2 / 50e9;   /* hidden states of a micro-batch over one network interface */

	job->batch.global = 4096;
	CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
	for (int64_t vp = 1; vp <= 2; vp++) {
		const struct training_stack *stack = parts.stack;
		struct train_result wait, go;

		job->layout.vp = vp;
		wait = simulate(job, &parts, arena);
		free = *stack, free.messages_wait = false, parts.stack = &free;
		go = simulate(job, &parts, arena);
		parts.stack = stack;
		more_s = wait.step_s - go.step_s;
		CU_ASSERT(vp == 1 ? more_s > 0.1 * (double)wait.micros * message_s && more_s < 2.5 * (double)(wait.micros + wait.pp) * message_s :
				    more_s == 0);
	}
	train_parts_release(&parts);
	arena_free(arena);
}

/* What a stack's kernels reach at most holds after its sustained share, and twice that in 8 bits. */
static void limits(void)
{
	struct arena *arena = arena_new();
	struct job *job = job_new(arena, NULL);
	struct training_stack slow;
	struct train_parts parts;
	struct err err = { 0 };
	struct train_result fast, capped, eight;

	job->model.name = "llama-2-7b", job->model.dtype = DTYPE_BF16;
	job->hardware.system = "dgx-h100", job->hardware.stack = "fsdp", job->hardware.devices = 1;
	job->batch.global = job->batch.micro = 8, job->batch.sequence = 512;
	CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
	slow = *parts.stack, slow.gemm_flop_s_most = 0, parts.stack = &slow;
	fast = simulate(job, &parts, arena);
	slow.gemm_flop_s_most = 100e12;
	capped = simulate(job, &parts, arena);
	job->model.dtype = DTYPE_FP8;
	eight = simulate(job, &parts, arena);
	CU_ASSERT(capped.step_s > fast.step_s && capped.step_s > capped.model_flops_step / 100e12 * 0.97);
	CU_ASSERT(capped.step_s - fast.step_s < capped.model_flops_step / 100e12);
	/* All but the head, in 16 bits still, and what is not products. */
	CU_ASSERT(eight.step_s < 0.65 * capped.step_s && eight.step_s > 0.5 * eight.model_flops_step / 100e12);
	train_parts_release(&parts);
	arena_free(arena);
}

/* GB200 promises no less than B200 in anything: its block-scaled products are as fast. B200 has no such sister. */
static void sister(void)
{
	struct arena *arena = arena_new();
	struct job *job = job_new(arena, NULL);
	double step_s[2];

	job->model.name = "llama-3-8b", job->model.dtype = DTYPE_FP8_BLOCK;
	job->layout.recompute = RECOMPUTE_NONE;
	job->batch.global = job->batch.micro = 2, job->batch.sequence = 8192;
	for (int i = 0; i < 2; i++) {
		struct train_parts parts;
		struct err err = { 0 };
		struct cost_model *own;
		struct train_result r;

		job->hardware.device = i ? "gb200" : "b200";
		CU_ASSERT_FATAL(train_parts_load(job, &parts, arena, &err));
		CU_ASSERT_EQUAL(parts.sister != NULL, i == 1);
		r = simulate(job, &parts, arena), step_s[i] = r.step_s;
		own = parts.sister, parts.sister = NULL;
		r = simulate(job, &parts, arena);
		CU_ASSERT(i == 1 ? r.step_s > 1.1 * step_s[1] : r.step_s == step_s[0]);
		parts.sister = own;
		train_parts_release(&parts);
	}
	CU_ASSERT_DOUBLE_EQUAL(step_s[1] / step_s[0], 1, 0.15);
	arena_free(arena);
}

CU_TestInfo suite_training_prediction[] = { { "layers before a heavy end", heavy_end }, { "a module of prediction", module }, { "messages", messages },
					    { "limits of older kernels", limits }, { "a sister's products", sister }, CU_TEST_INFO_NULL };
