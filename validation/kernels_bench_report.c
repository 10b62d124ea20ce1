/* What `bench kernels` shows: a table, JSON, a roofline. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "reports/gnuplot.h"
#include "reports/markup.h"
#include "validation/kernels_bench.h"

static void share(struct table *t, double x, double wanted)
{
	if (isnan(x))
		table_cell(t, STYLE_FAINT, "");
	else
		table_cellf(t, wanted > 0 && x < wanted ? STYLE_BAD : STYLE_PLAIN, "%.0f %%", 100 * x);
}

static void add_row(struct table *t, const struct bench_row *r)
{
	char a[32];

	table_cell(t, STYLE_PLAIN, r->shape);
	table_cell(t, STYLE_PLAIN, r->kernel->variant);
	table_cellf(t, STYLE_PLAIN, "%d", r->threads);
	table_cell(t, STYLE_STRONG, human_seconds(a, r->seconds));
	table_cellf(t, STYLE_PLAIN, "%.2f", r->bytes_s / 1e9);
	table_cellf(t, STYLE_PLAIN, "%.2f", r->flop_s / 1e9);
	share(t, r->of_peak, 0);
	share(t, r->of_blas, 0.9);
	share(t, r->of_triad, 0);
	share(t, r->of_roof, 0.85);
	if (r->error > 0)
		table_cellf(t, STYLE_PLAIN, "%.1e", r->error);
	else
		table_cell(t, STYLE_FAINT, "");
	table_cell(t, strcmp(r->verdict, "ok") ? STYLE_BAD : STYLE_GOOD, r->verdict);
}

bool bench_text(const struct bench_study *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "kernel", false }, { "variant", false }, { "threads", true }, { "time", true },
						       { "GB/s", true }, { "GFLOP/s", true }, { "of peak", true }, { "of OpenBLAS", true },
						       { "of triad", true }, { "of roof", true }, { "error", true }, { "verdict", false } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++)
		add_row(t, &s->rows[i]);
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	str_add(out, "\n");
	for (int i = 0; i < s->thread_counts; i++) {
		str_addf(out, "%d thread%s: multiply-adds in registers %.1f GFLOP/s", s->threads[i], s->threads[i] == 1 ? "" : "s", s->fma_flop_s[i] / 1e9);
		if (s->triad_bytes_s[i] > 0)
			str_addf(out, ", triad %.2f GB/s", s->triad_bytes_s[i] / 1e9);
		str_add(out, "\n");
	}
	str_addf(out, "GB/s and GFLOP/s: of the bytes and FLOPs that the model charges; weights and caches are read from memory; OpenBLAS and triad are\n"
		      "sampled in turn with each row; peak: multiply-adds in registers (fp32).\n"
		      "Roof: the slower of the bytes at triad's rate and the FLOPs at that peak (int8: its own). Errors of large shapes: see make test.\n%s; %s\n",
		 s->clock, s->counters);
	return ok;
}

void bench_json(const struct bench_study *s, struct str *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.kernels/1");
	json_text(&j, "clock", s->clock);
	json_text(&j, "counters", s->counters);
	json_array(&j, "rows");
	for (size_t i = 0; i < s->count; i++) {
		const struct bench_row *r = &s->rows[i];

		json_object(&j, NULL);
		json_text(&j, "id", r->id);
		json_text(&j, "kernel", r->family->name);
		json_text(&j, "area", r->family->area);
		json_text(&j, "variant", r->kernel->variant);
		json_int(&j, "threads", r->threads);
		json_number(&j, "seconds", r->seconds);
		json_number(&j, "median_s", r->median_s);
		json_number(&j, "bytes_per_s", r->bytes_s);
		json_number(&j, "flop_per_s", r->flop_s);
		json_number(&j, "share_of_peak", r->of_peak);
		json_number(&j, "share_of_openblas", r->of_blas);
		json_number(&j, "share_of_triad", r->of_triad);
		json_number(&j, "share_of_roof", r->of_roof);
		json_number(&j, "baseline_over_this", r->of_baseline);
		json_number(&j, "rel_error", r->error);
		json_number(&j, "counted_flops", r->counted_flops);
		json_number(&j, "counted_memory_bytes", r->counted_bytes);
		json_text(&j, "verdict", r->verdict);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
}

static const char *const hues[] = { "#3f83d8", "#e0812f", "#2a9d76", "#b04a9b", "#8a7430", "#5b5bd6", "#c2453c", "#3aa6b9", "#7a7a7a", "#94b447" };

static bool plotted(const struct bench_row *r, const struct kernel_family *f, int threads)
{
	return r->family == f && r->threads == threads && r->intensity > 0 && r->flop_s > 0;
}

/* The roof is that of triad and of multiply-adds in registers; kernels of bytes may stand above it. */
bool bench_roofline(const struct bench_study *s, int which, bool standalone, struct str *out, struct err *err)
{
	static const int marks[] = { 7, 9, 5, 13, 11 };
	int n = 0;
	double peak = s->fma_flop_s[which] / 1e9, bandwidth = s->triad_bytes_s[which] / 1e9, most = peak;
	struct str script = { 0 };
	bool ok;

	if (!(peak > 0) || !(bandwidth > 0))
		return err_set(err, ERR_INPUT, "a roofline needs triad and products: run it over all kernels");
	for (size_t i = 0; i < s->count; i++)
		most = fmax(most, s->rows[i].threads == s->threads[which] ? s->rows[i].flop_s / 1e9 : 0);
	str_addf(&script, "set terminal svg size 960,780 dynamic noenhanced font 'sans-serif,13' name 'v'\nset logscale xy\n"
			  "set border 3 linecolor rgb '" GNUPLOT_FAINT "'\nset tics nomirror out textcolor rgb '" GNUPLOT_FAINT "'\n"
			  "set grid back linetype 1 linecolor rgb '" GNUPLOT_GRID "'\nset key outside below center horizontal Left reverse samplen 1 width -1 textcolor rgb '" GNUPLOT_INK "'\n"
			  "set title 'Roofline of this host, %d thread%s' textcolor rgb '" GNUPLOT_INK "'\n"
			  "set xlabel 'FLOP a byte (as the model charges)' offset 0,0.6 textcolor rgb '" GNUPLOT_FAINT "'\n"
			  "set ylabel 'GFLOP/s' textcolor rgb '" GNUPLOT_FAINT "'\n"
			  "set xrange [0.05:3000]\nset yrange [0.1:%.6g]\n",
		 s->threads[which], s->threads[which] == 1 ? "" : "s", most * 2);
	str_addf(&script, "plot (x*%.6g < %.6g ? x*%.6g : %.6g) with lines linewidth 2 linecolor rgb '" GNUPLOT_INK "' title 'triad, fp32 peak'", bandwidth,
		 peak, bandwidth, peak);
	for (int i = 0; kernel_families[i]; i++) {
		bool any = false;

		for (size_t k = 0; k < s->count; k++)
			any = any || plotted(&s->rows[k], kernel_families[i], s->threads[which]);
		if (any)
			str_addf(&script, ", '-' using 1:2 with points pointtype %d pointsize 0.7 linecolor rgb '%s' title '%s'", marks[n / (int)COUNT_OF(hues) % (int)COUNT_OF(marks)],
				 hues[n % (int)COUNT_OF(hues)], kernel_families[i]->name);
		n += any;
	}
	str_add(&script, "\n");
	for (int i = 0; kernel_families[i]; i++) {
		bool any = false;

		for (size_t k = 0; k < s->count; k++) {
			if (!plotted(&s->rows[k], kernel_families[i], s->threads[which]))
				continue;
			any = true;
			str_addf(&script, "%.6g %.6g\n", s->rows[k].intensity, s->rows[k].flop_s / 1e9);
		}
		if (any)
			str_add(&script, "e\n");
	}
	ok = script.failed ? err_memory(err) : gnuplot_svg(script.text, which ? "all" : "one", "roofline of this host's kernels", standalone, out, err);
	str_release(&script);
	return ok;
}

bool bench_html(const struct bench_study *s, struct str *out, struct err *err)
{
	struct term term = { .utf8 = true, .color = false, .width = 200 };
	struct str text = { 0 };
	struct err plot = { 0 };
	bool ok = bench_text(s, &term, &text, err);

	str_add(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
		     "<title>Kernels of this host</title><style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;"
		     "max-width:90rem;margin:2rem auto;padding:0 1rem}pre{overflow-x:auto;font-size:13px;line-height:1.35}svg{max-width:60rem;height:auto}"
		     "</style></head><body>\n<h1>Kernels of this host</h1>\n");
	for (int which = 0; ok && which < s->thread_counts; which++) {
		if (bench_roofline(s, which, false, out, &plot))
			continue;
		str_add(out, "<p>");
		markup_add(out, plot.text);
		str_add(out, "</p>\n");
	}
	markup_add_lines(out, str_text(&text));
	str_add(out, "</body></html>\n");
	str_release(&text);
	return ok && (!out->failed || err_memory(err));
}
