/* vibee-sim bench kernels. */
#include "cli/bench_kernels.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/progress.h"
#include "reports/outfile.h"
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
		ok = bench_roofline(s, true, &svg, err) && outfile_write(plot, str_text(&svg), svg.length, err);
	if (ok && html)
		ok = bench_html(s, &page, err) && outfile_write(html, str_text(&page), page.length, err);
	str_release(&text);
	str_release(&document);
	str_release(&svg);
	str_release(&page);
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
	if (!ok || !outputs(call, &study, err))
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
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no progress" },
};
static const struct option_group kernels_options = OPTION_GROUP("Options", kernels_table);

const struct command bench_kernels = {
	.name = "kernels", .summary = "this host's kernels against OpenBLAS, triad and the peak",
	.details = "One row a kernel, variant, shape and number of threads: time, GB/s and GFLOP/s of the bytes and FLOPs that the model charges, shares of "
		   "the peak (multiply-adds in registers), of OpenBLAS and of triad, the error against the reference, a verdict.",
	.groups = (const struct option_group *const[]){ &kernels_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim bench kernels --report kernels.html", "all of them, with a roofline" },
		{ "vibee-sim bench kernels --op gemm --threads 1", "one kernel on one core" },
		{ NULL, NULL } },
	.run = bench_kernels_run,
};
