/* What `validate kernels` shows: tables, JSON, a scatter plot. */
#include <math.h>

#include "base/json.h"
#include "reports/gnuplot.h"
#include "validation/kernels_validate.h"

static bool add_groups(const struct kernels_study *s, struct table *t)
{
	for (size_t g = 0; g < s->group_count; g++) {
		const struct kernels_group *k = &s->groups[g];

		table_cell(t, g + 1 == s->group_count ? STYLE_STRONG : STYLE_PLAIN, k->name);
		table_cellf(t, STYLE_PLAIN, "%zu", k->count);
		table_cellf(t, k->median <= KERNELS_MEDIAN_BAR ? STYLE_GOOD : STYLE_BAD, "%.1f %%", 100 * k->median);
		table_cellf(t, k->p90 <= KERNELS_P90_BAR ? STYLE_GOOD : STYLE_BAD, "%.1f %%", 100 * k->p90);
	}
	return true;
}

static void add_rows(const struct kernels_study *s, struct table *t)
{
	char a[32];

	for (size_t i = 0; i < s->row_count; i++) {
		const struct kernels_row *r = &s->rows[i];
		double e = fabs(r->rel_error);

		table_cell(t, STYLE_PLAIN, r->id);
		table_cell(t, STYLE_FAINT, r->kernel->variant);
		table_cell(t, STYLE_PLAIN, human_seconds(a, r->predicted_s));
		table_cell(t, STYLE_PLAIN, human_seconds(a, r->measured_s));
		table_cellf(t, STYLE_FAINT, "%.1f %%", 100 * (r->high_s - r->low_s) / r->measured_s);
		table_cellf(t, e <= KERNELS_MEDIAN_BAR ? STYLE_GOOD : e <= KERNELS_P90_BAR ? STYLE_PLAIN : STYLE_BAD, "%+.1f %%", 100 * r->rel_error);
		table_cell(t, STYLE_FAINT, r->provider);
	}
}

bool kernels_text(const struct kernels_study *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column shapes[] = { { "shape, not measured by calibration", false }, { "variant", false }, { "predicted", true },
						      { "measured", true }, { "interval", true }, { "error", true }, { "provider", false } };
	static const struct table_column groups[] = { { "kernel/variant/format", false }, { "shapes", true }, { "median error", true },
						      { "P90 error", true } };
	struct table *t = table_new(shapes, COUNT_OF(shapes)), *g = table_new(groups, COUNT_OF(groups));
	bool ok = (t && g) || err_memory(err);

	if (ok) {
		add_rows(s, t);
		ok = table_print(t, term, 0, out, err);
		str_add(out, "\n");
		add_groups(s, g);
		ok = ok && table_print(g, term, 0, out, err);
		str_addf(out, "\ndevice %s; %s; %s; median pace of samples %.2f (1 = undisturbed); wanted: median %.0f %%, P90 %.0f %%: %s\n", s->device,
			 s->clock, s->counters, s->pace_median, 100 * KERNELS_MEDIAN_BAR, 100 * KERNELS_P90_BAR,
			 kernels_bar_met(s) ? "met" : "not met");
		if (s->then.stream_s > 0) {
			str_add(out, "pulse of this host: ");
			pulse_text(&s->now, &s->then, out);
			str_add(out, "\n");
		}
	}
	table_free(t);
	table_free(g);
	return ok;
}

void kernels_json(const struct kernels_study *s, struct str *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "kernels");
	json_text(&j, "device", s->device);
	json_text(&j, "clock", s->clock);
	json_text(&j, "counters", s->counters);
	json_array(&j, "rows");
	for (size_t i = 0; i < s->row_count; i++) {
		const struct kernels_row *r = &s->rows[i];

		json_object(&j, NULL);
		json_text(&j, "id", r->id);
		json_text(&j, "group", r->group);
		json_text(&j, "variant", r->kernel->variant);
		json_number(&j, "predicted", r->predicted_s);
		json_number(&j, "measured", r->measured_s);
		json_number(&j, "measured_low", r->low_s);
		json_number(&j, "measured_high", r->high_s);
		json_number(&j, "rel_error", r->rel_error);
		json_bool(&j, "held_out", true);
		json_text(&j, "provider", r->provider);
		json_end(&j);
	}
	json_end(&j);
	json_array(&j, "summary");
	for (size_t g = 0; g < s->group_count; g++) {
		json_object(&j, NULL);
		json_text(&j, "group", s->groups[g].name);
		json_int(&j, "count", (int64_t)s->groups[g].count);
		json_number(&j, "median_abs_rel_error", s->groups[g].median);
		json_number(&j, "p90_abs_rel_error", s->groups[g].p90);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
}

const struct validation_error *kernels_errors(const struct kernels_study *s, struct arena *arena, size_t *count, struct err *err)
{
	struct validation_error *rows = arena_alloc(arena, s->group_count * sizeof(*rows));

	if (!rows) {
		err_memory(err);
		return NULL;
	}
	for (size_t g = 0; g < s->group_count; g++)
		rows[g] = (struct validation_error){ .name = s->groups[g].name, .held_out = true, .count = s->groups[g].count,
						     .median = s->groups[g].median, .p90 = s->groups[g].p90 };
	*count = s->group_count;
	return rows;
}

/* One colour a kernel, in the order of the registry. */
static const char *const hues[] = { "#3f83d8", "#e0812f", "#2a9d76", "#b04a9b", "#8a7430", "#5b5bd6", "#c2453c", "#3aa6b9", "#7a7a7a", "#94b447" };

static bool has_rows(const struct kernels_study *s, const struct kernel_family *f)
{
	for (size_t i = 0; i < s->row_count; i++)
		if (s->rows[i].family == f)
			return true;
	return false;
}

bool kernels_plot(const struct kernels_study *s, struct str *out, struct err *err)
{
	struct str script = { 0 };
	double low = INFINITY, high = 0;
	int n = 0;
	bool ok;

	for (size_t i = 0; i < s->row_count; i++) {
		low = fmin(low, fmin(s->rows[i].measured_s, s->rows[i].predicted_s));
		high = fmax(high, fmax(s->rows[i].measured_s, s->rows[i].predicted_s));
	}
	low *= 0.7e6;
	high *= 1.4e6;
	str_add(&script, "set terminal svg size 720,560 dynamic noenhanced font 'sans-serif,14' name 'v'\nset logscale xy\n"
			 "set border 3 linecolor rgb '" GNUPLOT_FAINT "'\nset tics nomirror out textcolor rgb '" GNUPLOT_FAINT "'\n"
			 "set grid back linetype 1 linecolor rgb '" GNUPLOT_GRID "'\nset key outside right top textcolor rgb '" GNUPLOT_INK "'\n"
			 "set title 'Kernels on shapes that calibration did not measure' textcolor rgb '" GNUPLOT_INK "'\n"
			 "set xlabel 'measured, microseconds' textcolor rgb '" GNUPLOT_FAINT "'\n"
			 "set ylabel 'predicted, microseconds' textcolor rgb '" GNUPLOT_FAINT "'\n");
	str_addf(&script, "set xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]\nplot x with lines notitle linecolor rgb '" GNUPLOT_INK "',"
			  " x*1.15 with lines notitle dashtype 2 linecolor rgb '" GNUPLOT_FAINT "',"
			  " x/1.15 with lines notitle dashtype 2 linecolor rgb '" GNUPLOT_FAINT "'",
		 low, high, low, high);
	for (int i = 0; kernel_families[i]; i++)
		if (has_rows(s, kernel_families[i]))
			str_addf(&script, ", '-' using 1:2 with points pointtype 7 pointsize 0.5 linecolor rgb '%s' title '%s'",
				 hues[n++ % (int)COUNT_OF(hues)], kernel_families[i]->name);
	str_add(&script, "\n");
	for (int i = 0; kernel_families[i]; i++) {
		if (!has_rows(s, kernel_families[i]))
			continue;
		for (size_t k = 0; k < s->row_count; k++)
			if (s->rows[k].family == kernel_families[i])
				str_addf(&script, "%.6g %.6g\n", 1e6 * s->rows[k].measured_s, 1e6 * s->rows[k].predicted_s);
		str_add(&script, "e\n");
	}
	ok = script.failed ? err_memory(err) : gnuplot_svg(script.text, "v", "kernels: predicted against measured time", true, out, err);
	str_release(&script);
	return ok;
}
