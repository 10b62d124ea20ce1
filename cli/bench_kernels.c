/* vibee-sim bench kernels. */
#include "cli/bench_kernels.h"

#include <math.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/str.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "reports/outfile.h"
#include "reports/store.h"
#include "validation/kernels_bench.h"

static void show(void *ctx, double share, const char *what)
{
	progress_show(ctx, share, what);
}

static bool outputs(const struct call *call, const struct bench_study *s, struct err *err)
{
	const char *json = call_text(call, "json"), *plot = call_text(call, "plot"), *html = call_text(call, "report");
	struct term term = term_detect(STDOUT_FILENO);
	struct str text = { 0 }, document = { 0 }, svg = { 0 }, page = { 0 };
	bool ok = true;

	if (!isatty(STDOUT_FILENO) && term.width < 200)
		term.width = 200;
	if (json) {
		bench_json(s, &document);
		ok = document.failed ? err_memory(err) : outfile_write(json, str_text(&document), document.length, err);
	}
	if (ok && !(json && !strcmp(json, "-")))
		ok = bench_text(s, &term, &text, err) && outfile_write("-", str_text(&text), text.length, err);
	if (ok && plot)
		ok = bench_roofline(s, s->thread_counts - 1, true, &svg, err) && outfile_write(plot, str_text(&svg), svg.length, err);
	if (ok && html)
		ok = bench_html(s, &page, err) && outfile_write(html, str_text(&page), page.length, err);
	str_release(&text);
	str_release(&document);
	str_release(&svg);
	str_release(&page);
	return ok;
}

/* What a row is compared by, beside its time. */
static const struct { const char *name; size_t at; } shares[] = {
	{ "share of OpenBLAS", offsetof(struct bench_row, of_blas) }, { "share of triad", offsetof(struct bench_row, of_triad) },
	{ "share of the roof", offsetof(struct bench_row, of_roof) }, { "error", offsetof(struct bench_row, error) },
};

static void add_sample(struct result *r, struct sample_row *rows, const char *name, const char *unit, double value)
{
	if (isfinite(value) && name)
		rows[r->sample_count++] = (struct sample_row){ name, unit, value };
}

/* Kept as one run of kind "bench": every sample of every row, and the row's shares. */
static bool keep(const struct call *call, const struct bench_study *s, struct err *err)
{
	const char *path = run_database(call, err);
	struct store *store = path ? store_open(path, err) : NULL;
	struct result *r = arena_alloc(call->arena, sizeof(*r));
	struct key_value *inputs = arena_alloc(call->arena, 3 * sizeof(*inputs));
	struct sample_row *rows = NULL;
	struct run_origin origin;
	struct hash *h = hash_new();
	size_t most = 1;
	bool ok;

	for (size_t i = 0; i < s->count; i++)
		most += s->rows[i].sample_count + COUNT_OF(shares);
	rows = arena_alloc(call->arena, most * sizeof(*rows));
	ok = store && ((r && inputs && rows && h) || err_memory(err));
	for (size_t i = 0; ok && i < s->count; i++) {
		const struct bench_row *row = &s->rows[i];

		for (size_t k = 0; k < row->sample_count; k++)
			add_sample(r, rows, row->id, "s", row->samples_s[k]);
		for (size_t k = 0; k < COUNT_OF(shares); k++) {
			double value;

			memcpy(&value, (const char *)row + shares[k].at, sizeof(value));
			add_sample(r, rows, arena_printf(call->arena, "%s: %s", row->id, shares[k].name), "1", value);
		}
	}
	if (ok) {
		r->samples = rows;
		inputs[0] = (struct key_value){ "bench.name", "kernels" };
		inputs[1] = (struct key_value){ "bench.clock", s->clock };
		inputs[2] = (struct key_value){ "bench.counters", s->counters };
		r->title = "bench kernels";
		r->scenario = inputs;
		r->scenario_count = 3;
		hash_add_text(h, "bench");
		hash_add_text(h, "kernels");
		hash_hex(h, r->scenario_hash);
		run_origin_here(call, &origin);
		origin.kind = "bench";
		ok = store_put_run(store, &origin, r, err);
	}
	hash_free(h);
	store_close(store);
	return ok;
}

static bool bench_kernels_run(const struct call *call, struct err *err)
{
	struct progress progress;
	struct bench_study study;
	struct bench_options o = { .area = call_text(call, "area"), .op = call_text(call, "op"), .threads = (int)call_int(call, "threads", 0),
				   .rounds = (int)call_int(call, "rounds", 5), .references = call_flag(call, "references"), .progress = show,
				   .ctx = &progress };
	bool ok;

	progress_start(&progress, call_flag(call, "quiet"));
	ok = kernels_bench(&o, &study, call->arena, err);
	progress_end(&progress);
	if (!ok || (!call_flag(call, "no-store") && !keep(call, &study, err)) || !outputs(call, &study, err))
		return false;
	return !study.wrong || err_set(err, ERR_CHECK, "a variant is outside its tolerance of the reference");
}

static const struct option kernels_table[] = {
	{ .name = "area", .word = "NAME", .fallback = "all", .help = "only kernels of that area: core ..." },
	{ .name = "op", .word = "NAME", .fallback = "all", .help = "only kernels whose names begin so" },
	{ .name = "threads", .word = "N", .kind = OPTION_INT, .least = 1, .most = 4096, .fallback = "1, and every core", .help = "threads that kernels use" },
	{ .name = "rounds", .word = "N", .kind = OPTION_INT, .least = 1, .most = 60, .fallback = "5", .help = "samples of each, in turn" },
	{ .name = "references", .kind = OPTION_FLAG, .help = "time the plain references, too" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON; - (or nothing): standard output" },
	{ .name = "plot", .word = "FILE", .words = WORDS_FILE, .help = "the roofline as SVG" },
	{ .name = "report", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "table and roofline as one HTML page" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
	{ .name = "no-store", .kind = OPTION_FLAG, .help = "do not keep the measurements" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no progress" },
};
static const struct option_group kernels_options = OPTION_GROUP("Options", kernels_table);

const struct command bench_kernels = {
	.name = "kernels", .summary = "this host's kernels against OpenBLAS, triad and the peak",
	.details = "One row a kernel, variant, shape and number of threads: time, GB/s and GFLOP/s of the bytes and FLOPs that the model charges, shares of "
		   "the peak (multiply-adds in registers), of OpenBLAS and of triad, the error against the reference, a verdict. All samples are kept in the database, as a run of kind 'bench'.",
	.groups = (const struct option_group *const[]){ &kernels_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim bench kernels --report kernels.html", "all of them, with a roofline" },
		{ "vibee-sim bench kernels --op gemm --threads 1", "one kernel on one core" },
		{ NULL, NULL } },
	.run = bench_kernels_run,
};
