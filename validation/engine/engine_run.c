#include "validation/engine/engine_run.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "sim/compile.h"
#include "validation/engine/engine_methods.h"

/* A file may claim any context; tables of positions and the default cache follow what is used. */
enum { CONTEXT_MOST = 1 << 17 };

static bool format_of(int dtype, enum kernel_format *out, struct err *err)
{
	switch (dtype) {
	case DTYPE_FP32: *out = KERNEL_FP32; return true;
	case DTYPE_NONE: case DTYPE_BF16: *out = KERNEL_BF16; return true;
	case DTYPE_INT8: *out = KERNEL_INT8; return true;
	case DTYPE_INT4_WO: case DTYPE_INT4: *out = KERNEL_INT4; return true;
	default: return err_set(err, ERR_INPUT, "--dtype %s: the engine has fp32, bf16, int8 and int4_wo", dtype_names[dtype]);
	}
}

static bool kv_format_of(const struct scenario *sc, enum kernel_format weights, enum kernel_format *out, struct err *err)
{
	if (sc->model.kv_dtype == DTYPE_NONE)
		*out = weights == KERNEL_FP32 ? KERNEL_FP32 : KERNEL_BF16;
	else if (sc->model.kv_dtype == DTYPE_FP32 || sc->model.kv_dtype == DTYPE_BF16)
		*out = sc->model.kv_dtype == DTYPE_FP32 ? KERNEL_FP32 : KERNEL_BF16;
	else
		return err_set(err, ERR_INPUT, "--kv-dtype %s: the engine has fp32 and bf16", dtype_names[sc->model.kv_dtype]);
	return true;
}

static struct weight_source *source_of(const struct scenario *sc, const char *weights, struct arena *arena, struct err *err)
{
	struct engine_shape shape;
	const struct model *m;

	if (weights)
		return weight_source_file(weights, err);
	m = model_load(sc->model.name, arena, err);
	return m && engine_shape_of(m, &shape, err) ? weight_source_random(&shape, (uint64_t)sc->seed, err) : NULL;
}

static double memory_bytes(void)
{
	return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

/* Weights that do not fit are refused before they are made. */
static bool check_memory(const struct engine_shape *s, enum kernel_format format, struct err *err)
{
	static const double bytes[] = { [KERNEL_FP32] = 4, [KERNEL_BF16] = 2, [KERNEL_INT8] = 1.1, [KERNEL_INT4] = 0.6 };
	double need = engine_shape_parameters(s) * bytes[format];

	if (need < 0.8 * memory_bytes())
		return true;
	return err_set(err, ERR_INPUT, "--model: its weights take %.1f GB in %s, this host has %.1f GB of memory", need / 1e9, kernel_format_names[format],
		       memory_bytes() / 1e9);
}

static int64_t default_blocks(const struct engine_shape *s, const struct batcher_limits *l, enum kernel_format kv)
{
	double block = 2 * (double)(s->layers * s->kv_heads * s->head_dim * l->block_tokens) * (kv == KERNEL_FP32 ? 4 : 2);
	double wanted = (double)l->max_seqs * (double)(s->context > 0 ? s->context : 8192) / 2 / (double)l->block_tokens;
	double most = (memory_bytes() / 4 < 1e9 ? memory_bytes() / 4 : 1e9) / block;
	double blocks = floor(wanted < most ? wanted : most);

	return blocks < 1 ? 1 : (int64_t)blocks;
}

bool engine_limits(const struct scenario *sc, const struct engine_shape *shape, enum kernel_format kv, const struct scheduler_ops **scheduler,
		      struct batcher_limits *out, struct arena *arena, struct err *err)
{
	struct scenario asked = *sc;
	struct compiled compiled;
	struct compiled_pool pool;
	bool ok;

	if (asked.deployment.tp * asked.deployment.pp * asked.deployment.ep * asked.deployment.replicas > 1 || asked.deployment.prefill_replicas > 0)
		return err_set(err, ERR_INPUT, "the engine is one replica on this host: expected tp, pp, ep and replicas 1");
	if (asked.scheduler.kv_blocks == 0)
		asked.scheduler.kv_blocks = 1;         /* settled below: the device's memory is not this host's */
	ok = compile_scenario(&asked, &compiled, arena, err);
	if (ok) {
		ok = compile_pool(&asked, &compiled, false, &pool, err);
		if (ok) {
			*out = pool.limits;
			*scheduler = compiled.scheduler;
		}
		compiled_release(&compiled);
	}
	if (!ok)
		return false;
	if (sc->scheduler.kv_blocks == 0)
		out->kv_blocks = default_blocks(shape, out, kv);
	if (sc->scheduler.max_model_len == 0 && shape->context > 0)    /* weights of a file are not the scenario's model */
		out->max_model_len = shape->context < CONTEXT_MOST ? shape->context : CONTEXT_MOST;
	out->late = false;             /* it forms a batch after the last one has ended */
	out->watermark_blocks = out->watermark_blocks < out->kv_blocks ? out->watermark_blocks : 0;
	out->window_tokens = 0;        /* windows are a matter of the kernels here: all blocks are kept */
	out->window_blocks_per_token = 0;
	out->window_count = 1;
	out->windows[0] = 0;
	return true;
}

/* What a technique keeps for each sequence lies beside the blocks, and serves no other sequence. */
static void apply_methods(const struct engine_methods *m, struct batcher_limits *l)
{
	if (!m->cache && m->depth.every == 0 && m->draft.depth == 0)
		return;
	if (m->draft.depth == 0)       /* else slots for guesses */
		l->state_blocks = 0;
	l->prefix_caching = false;
}

static int64_t context_of(const struct scenario *sc, const struct engine_shape *s)
{
	int64_t context = sc->scheduler.max_model_len > 0 ? sc->scheduler.max_model_len : s->context;

	return context <= 0 ? 8192 : context < CONTEXT_MOST ? context : CONTEXT_MOST;
}

static bool replay(const struct scenario *sc, const struct engine_run_options *o, struct engine *e, struct engine_outcome *out, struct err *err)
{
	struct source *source = source_open(&sc->workload, (uint64_t)sc->seed, err);
	double start_s = forward_clock_s(CLOCK_OF_WALL);
	bool ok;

	if (!source)
		return false;
	ok = engine_replay(e, source, o->pace, o->clock, &out->log, o->progress, o->ctx, err);
	out->wall_s = forward_clock_s(CLOCK_OF_WALL) - start_s;
	memcpy(out->op_s, forward_op_s(engine_forward(e)), sizeof(out->op_s));
	memcpy(out->op_calls, forward_op_calls(engine_forward(e)), sizeof(out->op_calls));
	out->kv_bytes = forward_kv_bytes(engine_forward(e));
	source_close(source);
	return ok;
}

/* Threads are made, pages touched and code read in before the clock counts. */
static bool warm_up(struct engine *e, struct err *err)
{
	struct request r = { .id = -1, .prompt_tokens = 4, .output_tokens = 2 };
	struct engine_step step = { .ran = true };
	bool refused;

	if (!engine_add(e, &r, NULL, &refused, err))
		return false;
	while (engine_outstanding(e) > 0 && step.ran)
		if (!engine_step(e, 0, NULL, NULL, &step, err))
			return false;
	forward_reset_times(engine_forward(e));
	return true;
}

static bool run_model(const struct scenario *sc, const struct engine_run_options *o, const struct engine_model *m, struct engine_outcome *out,
		      struct arena *arena, struct err *err)
{
	struct engine_options options = { .clock = o->clock, .threads = o->threads, .kv_format = out->kv_format, .context = context_of(sc, &m->shape), .seed = (uint64_t)sc->seed };
	struct engine_methods methods;
	struct engine *e;
	bool ok;

	options.methods = &methods;
	if (!engine_methods_of(sc, &methods, arena, err) || !engine_limits(sc, &m->shape, out->kv_format, &options.scheduler, &options.limits, arena, err))
		return false;
	apply_methods(&methods, &options.limits);
	out->kv_blocks = options.limits.kv_blocks;
	out->block_tokens = options.limits.block_tokens;
	out->max_seqs = options.limits.max_seqs;
	out->max_tokens = options.limits.max_tokens;
	e = engine_new(m, &options, err);
	if (!e)
		return false;
	ok = warm_up(e, err) && replay(sc, o, e, out, err);
	engine_free(e);
	return ok;
}

struct engine_model *engine_load(const struct scenario *sc, const struct engine_run_options *o, struct err *err)
{
	struct arena *arena = arena_new();
	struct weight_source *source = NULL;
	struct engine_model *m = NULL;
	enum kernel_format format = KERNEL_BF16;
	struct engine_methods methods;

	if (!arena)
		err_memory(err);
	else if (format_of(sc->model.dtype, &format, err) && engine_methods_of(sc, &methods, arena, err) &&
		 (source = source_of(sc, o->weights, arena, err)) && check_memory(weight_source_shape(source), format, err))
		m = methods.ternary ? engine_model_ternary(source, format, o->threads, err) : engine_model_new(source, format, o->threads, err);
	weight_source_free(source);
	arena_free(arena);
	return m;
}

bool engine_run_loaded(const struct scenario *sc, const struct engine_run_options *o, const struct engine_model *m, struct engine_outcome *out, struct err *err)
{
	struct arena *arena = arena_new();
	bool ok;

	*out = (struct engine_outcome){ .format = m->format, .shape = m->shape, .parameters = engine_shape_parameters(&m->shape), .weight_bytes = m->bytes };
	ok = (arena || err_memory(err)) && kv_format_of(sc, m->format, &out->kv_format, err) && run_model(sc, o, m, out, arena, err);
	arena_free(arena);
	if (!ok)
		engine_outcome_release(out);
	return ok;
}

bool engine_run(const struct scenario *sc, const struct engine_run_options *o, struct engine_outcome *out, struct err *err)
{
	double start_s = forward_clock_s(CLOCK_OF_WALL);
	struct engine_model *m = engine_load(sc, o, err);
	bool ok;

	*out = (struct engine_outcome){ 0 };
	start_s = forward_clock_s(CLOCK_OF_WALL) - start_s;
	ok = m && engine_run_loaded(sc, o, m, out, err);
	out->load_s = start_s;
	engine_model_free(m);
	return ok;
}

static bool keep_answer(void *ctx, const struct engine_request *r, const struct request *asked, const int32_t *tokens, struct err *err)
{
	(void)asked;
	(void)err;
	memcpy(ctx, tokens, (size_t)r->output_tokens * sizeof(*tokens));
	return true;
}

static bool answer(struct engine *e, const struct request *r, const int32_t *prompt, int32_t *out, struct err *err)
{
	struct engine_step step = { .ran = true };
	bool refused;

	engine_on_done(e, keep_answer, out);
	if (!engine_add(e, r, prompt, &refused, err))
		return false;
	if (refused)
		return err_set(err, ERR_INPUT, "--prompt: %lld + %lld tokens do not fit the model's context or the cache", (long long)r->prompt_tokens,
			       (long long)r->output_tokens);
	while (engine_outstanding(e) > 0 && step.ran)
		if (!engine_step(e, 0, NULL, NULL, &step, err))
			return false;
	return true;
}

bool engine_generate(const struct scenario *sc, const struct engine_run_options *o, const int32_t *prompt, int64_t length, int64_t count, int32_t *out,
		     struct err *err)
{
	struct request r = { .prompt_tokens = length, .output_tokens = count };
	struct engine_options options = { .threads = o->threads };
	struct engine_model *m = engine_load(sc, o, err);
	struct arena *arena = arena_new();
	struct engine_methods methods;
	struct engine *e = NULL;
	bool ok;

	options.methods = &methods;
	ok = m && (arena || err_memory(err)) && engine_methods_of(sc, &methods, arena, err) && kv_format_of(sc, m->format, &options.kv_format, err) &&
	     engine_limits(sc, &m->shape, options.kv_format, &options.scheduler, &options.limits, arena, err);
	if (ok) {
		methods.draft.drawn = false;   /* an answer is the model's, whatever guesses it */
		apply_methods(&methods, &options.limits);
		options.context = context_of(sc, &m->shape);
		e = engine_new(m, &options, err);
	}
	ok = e && answer(e, &r, prompt, out, err);
	engine_free(e);
	engine_model_free(m);
	arena_free(arena);
	return ok;
}

void engine_outcome_release(struct engine_outcome *o)
{
	engine_log_release(&o->log);
}
