/* validation/engine beside sim/: one scheduler, two drivers. With all requests there from the start nothing depends on time, so that
 * engine and simulator must form the same batches, one after the other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "hardware/device.h"
#include "kernels/harness/cache_walks.h"
#include "sim/serve.h"
#include "sim/serve/scheduler.h"
#include "validation/engine/engine_run.h"
#include "validation/engine/engine_study.h"

enum { BATCHES_MOST = 4096 };
struct batches {
	struct {
		int64_t decodes, prefills, tokens;
	} at[BATCHES_MOST];
	size_t count;
};

static void on_batch(void *ctx, int replica, double start_s, double end_s, int64_t steps, int64_t decodes, int64_t prefills, int64_t tokens)
{
	struct batches *b = ctx;

	(void)replica;
	(void)start_s;
	(void)end_s;
	for (int64_t k = 0; k < steps && b->count < BATCHES_MOST; k++) {
		b->at[b->count].decodes = decodes;
		b->at[b->count].prefills = prefills;
		b->at[b->count++].tokens = tokens;
	}
}

static struct scenario *scenario_of(const char *scheduler, const char *blocks, struct arena *arena)
{
	static const char *const common[][2] = {
		{ "model.dtype", "fp32" }, { "model.kv_dtype", "fp32" }, { "hardware.device", "xeon-6980p" }, { "hardware.stack", "engine" },
		{ "workload.prompt_tokens.kind", "uniform" }, { "workload.prompt_tokens.least", "5" }, { "workload.prompt_tokens.most", "70" },
		{ "workload.output_tokens.kind", "uniform" }, { "workload.output_tokens.least", "1" }, { "workload.output_tokens.most", "25" },
		{ "workload.requests", "40" }, { "workload.arrivals.kind", "all-at-once" }, { "scheduler.max_num_seqs", "8" },
		{ "scheduler.max_num_batched_tokens", "96" }, { "scheduler.block_size", "8" },
	};
	struct err err = { 0 };
	struct scenario *sc = scenario_new(arena, &err);
	bool ok = sc && scenario_workload(sc, NULL, arena, &err);

	for (size_t i = 0; ok && i < COUNT_OF(common); i++)
		ok = schema_set(&scenario_element, sc, common[i][0], common[i][1], "test", arena, &err);
	ok = ok && schema_set(&scenario_element, sc, "scheduler.name", scheduler, "test", arena, &err) &&
	     schema_set(&scenario_element, sc, "scheduler.kv_blocks", blocks, "test", arena, &err);
	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_TRUE_FATAL(ok);
	sc->model.name = "llama:layers=1,hidden=32,heads=2,intermediate=64,vocab=64,context=512";
	sc->exact_steps = true;
	return sc;
}

static struct engine *engine_of(const struct scenario *sc, struct engine_model **m, struct arena *a)
{
	struct engine_options o = { .threads = 1, .kv_format = KERNEL_FP32, .context = 512 };
	struct err err = { 0 };
	struct engine_shape shape;
	struct weight_source *source;
	const struct model *model = model_load(sc->model.name, a, &err);
	struct engine *e = NULL;

	if (model && engine_shape_of(model, &shape, &err) && engine_limits(sc, &shape, KERNEL_FP32, &o.scheduler, &o.limits, a, &err) &&
	    (source = weight_source_random(&shape, 1, &err))) {
		*m = engine_model_new(source, KERNEL_FP32, 1, &err);
		weight_source_free(source);
		e = *m ? engine_new(*m, &o, &err) : NULL;
	}
	if (!e)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	return e;
}

/* One step, if there is something to do; compared with batch number *n of the simulation. */
static bool same_step(struct engine *e, const struct batches *simulated, size_t *n)
{
	struct engine_step step;
	struct err err = { 0 };
	bool same = true;

	CU_ASSERT_TRUE_FATAL(engine_step(e, (double)*n, NULL, NULL, &step, &err));
	if (!step.ran)
		return false;
	if (*n < simulated->count)
		same = simulated->at[*n].decodes == step.iteration.decodes && simulated->at[*n].prefills == step.iteration.prefills &&
		       simulated->at[*n].tokens == step.iteration.decodes + step.iteration.prefill_tokens;
	CU_ASSERT(same);
	++*n;
	return same;
}

/* Returns how many sequences were thrown out. */
static int64_t compare(const struct scheduler_ops *ops, const char *blocks)
{
	static struct batches simulated;
	struct arena *a = arena_new();
	struct scenario *sc = scenario_of(ops->name, blocks, a);
	struct serve_sink sink = { .ctx = &simulated, .batch = on_batch };
	struct engine_model *m = NULL;
	struct engine *e = engine_of(sc, &m, a);
	struct err err = { 0 };
	struct sim *sim;
	struct source *source;
	struct request r;
	size_t n = 0;
	int64_t thrown_out;
	bool refused;

	simulated.count = 0;
	sim = sim_new(sc, &sink, &err);
	source = source_open(&sc->workload, (uint64_t)sc->seed, &err);
	CU_ASSERT_TRUE_FATAL(sim && source && sim_run(sim, INFINITY, &err));
	while (source_next(source, &r, &err))
		CU_ASSERT_TRUE_FATAL(engine_add(e, &r, NULL, &refused, &err));
	while (engine_outstanding(e) > 0 && same_step(e, &simulated, &n))
		;
	if (n != simulated.count)
		fprintf(stderr, "%s with %s blocks: batch %zu of %zu is another one\n", ops->name, blocks, n, simulated.count);
	CU_ASSERT_EQUAL(n, simulated.count);
	thrown_out = engine_batcher(e)->preemptions;
	sim_free(sim);
	source_close(source);
	engine_free(e);
	engine_model_free(m);
	arena_free(a);
	return thrown_out;
}

static void the_same_batches(void)
{
	int64_t thrown_out = 0;

	for (size_t s = 0; schedulers[s]; s++) {
		CU_ASSERT_EQUAL(compare(schedulers[s], "200"), 0);
		thrown_out += compare(schedulers[s], "26");
	}
	CU_ASSERT(thrown_out > 0);
}

static void cases_are_scenarios(void)
{
	for (const struct engine_case *c = engine_cases; c->name; c++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct scenario *sc = scenario_new(a, &err);
		struct engine_shape shape;
		const struct model *m;
		bool ok = sc && engine_case_scenario(c, sc, a, &err) && (m = model_load(sc->model.name, a, &err)) && engine_shape_of(m, &shape, &err);

		if (!ok)
			fprintf(stderr, "%s: %s\n", c->name, err.text);
		CU_ASSERT_TRUE(ok);
		arena_free(a);
	}
}

static void share_of_a_cache(void)
{
	/* 20 GB/s from the cache, 10 GB/s from memory: what takes the mean of both times a byte is served by both alike. */
	CU_ASSERT_DOUBLE_EQUAL(cache_walks_share(&(struct cache_walks){ 5e-11, 5e-11, 1e-10 }), 1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(cache_walks_share(&(struct cache_walks){ 5e-11, 7.5e-11, 1e-10 }), 0.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(cache_walks_share(&(struct cache_walks){ 5e-11, 1.2e-10, 1e-10 }), 0, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(cache_walks_share(&(struct cache_walks){ 5e-11, 4e-11, 1e-10 }), 1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(cache_walks_share(&(struct cache_walks){ 5e-11, 5e-11, 5e-11 }), 1, 1e-12);
}

/* Walks over little and over much take time; what is asked about lies in between or beyond, whatever the machine does meanwhile. */
static void walks_are_timed(void)
{
	struct cache_walks w = { 0 };
	struct err err = { 0 };

	CU_ASSERT_TRUE(cache_walks_measure(&(struct cache_walk){ .bytes = 1 << 20 }, 2, &w, &err));
	CU_ASSERT(w.near_s > 0 && w.asked_s > 0 && w.far_s > 0);
	CU_ASSERT(cache_walks_share(&w) >= 0 && cache_walks_share(&w) <= 1);
}

/* Half of the pieces in every walk, and all that is read always. */
static void walks_pick_pieces(void)
{
	struct cache_walks w = { 0 };
	struct err err = { 0 };

	CU_ASSERT_TRUE(cache_walks_measure(&(struct cache_walk){ .bytes = 1 << 18, .piece_bytes = 1 << 16, .pieces = 16, .picked = 8 }, 1, &w, &err));
	CU_ASSERT(w.asked_s > 0 && isfinite(w.asked_s));
}

/* Pace, others' share and reference kernels, each against its own limit; nothing is held against a device that left no pulse. */
static void disturbed_replays(void)
{
	const struct pulse then = { 2e-3, 4e-3 }, unknown = { 0 };
	const struct engine_watch quiet = { 1, 0.002, { 2.03e-3, 3.9e-3 } }, slow = { 1.5, 0, { 2e-3, 4e-3 } }, busy = { 1, 0.05, { 2e-3, 4e-3 } },
				  drifted = { 1, NAN, { 2.6e-3, 4e-3 } };

	CU_ASSERT(engine_disturbance(&quiet, &then) < 1);
	CU_ASSERT_DOUBLE_EQUAL(engine_disturbance(&slow, &then), 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(engine_disturbance(&busy, &then), 2.5, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(engine_disturbance(&drifted, &then), 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(engine_disturbance(&drifted, &unknown), 0, 1e-9);
}

static void write_face(const char *folder, const char *name, const char *seconds, const char *n, struct arena *arena)
{
	static const char columns[] = "op,dtype,kv_dtype,m,n,k,batch,heads,kv_heads,head_dim,q_len,kv_len,window,experts,experts_total,top_k,gated,"
				      "bytes,devices,seconds,fastest_s,low_s,high_s,samples,outliers,kernel,variant\n";
	struct err err = { 0 };
	const struct device *like = device_load("xeon-6980p", arena, &err);
	struct device own;
	struct str text = { 0 };
	const char *path = arena_printf(arena, "%s/%s", folder, name), *table;

	CU_ASSERT_PTR_NOT_NULL_FATAL(like);
	CU_ASSERT_PTR_NOT_NULL_FATAL(path);
	own = *like;
	own.name = name;
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0777), 0);
	table = arena_printf(arena, "%sgemm,fp32,fp32,1,%s,64,1,0,0,0,1,1,0,0,0,0,0,0,0,%s,1,1,1,5,0,gemm,ref\n", columns, n, seconds);
	CU_ASSERT_TRUE_FATAL(table && paths_write(arena_printf(arena, "%s/measured.csv", path), table, strlen(table), &err));
	CU_ASSERT_TRUE_FATAL(paths_write(arena_printf(arena, "%s/fits.xml", path), "<fits/>\n", 8, &err));
	schema_write_xml(&device_element, &own, &text);
	CU_ASSERT_TRUE_FATAL(paths_write_str(arena_printf(arena, "%s.xml", path), &text, &err));
	str_release(&text);
}

/* A quarter of the lines from the cache: a quarter of one time and three of the other. Tables of other points do not mix. */
static void between_cache_and_memory(void)
{
	char folder[] = "/tmp/vibee-between-XXXXXX", command[64];
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct engine_devices d = { .age_s = 3600 };
	const char *path, *table;
	char *text;
	size_t length = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	d.folder = folder;
	write_face(folder, "here-1t", "4e-3", "64", arena);
	write_face(folder, "here-1t-cached", "2e-3", "64", arena);
	path = engine_device_between(&d, 1, 0.25, arena, &err);
	if (!path)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(path);
	CU_ASSERT_PTR_NOT_NULL(device_load_usable(path, arena, &err));
	table = arena_printf(arena, "%s/here-1t-cached-25/measured.csv", folder);
	text = paths_read(table, 1 << 16, &length, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0,0.0035,1,1,1,5"));
	mem_free(text);
	CU_ASSERT_STRING_EQUAL(engine_device_between(&d, 1, 1, arena, &err), arena_printf(arena, "%s/here-1t-cached.xml", folder));
	CU_ASSERT_STRING_EQUAL(engine_device_between(&d, 1, 0, arena, &err), arena_printf(arena, "%s/here-1t.xml", folder));
	write_face(folder, "here-2t", "4e-3", "64", arena);
	write_face(folder, "here-2t-cached", "2e-3", "96", arena);
	CU_ASSERT_PTR_NULL(engine_device_between(&d, 2, 0.5, arena, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not of one calibration"));
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	CU_ASSERT_EQUAL(system(command), 0);
	arena_free(arena);
}

CU_TestInfo suite_engine_study[] = {
	{ "engine and simulator form the same batches", the_same_batches },
	{ "cases are scenarios", cases_are_scenarios },
	{ "share of a cache", share_of_a_cache },
	{ "walks are timed", walks_are_timed },
	{ "walks pick pieces", walks_pick_pieces },
	{ "disturbed replays", disturbed_replays },
	{ "between cache and memory", between_cache_and_memory },
	CU_TEST_INFO_NULL
};
