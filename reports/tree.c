#include "reports/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

const char *tree_status(const struct tree_module *m)
{
	bool figures = false;

	if (!m->mechanism)
		return "missing";
	for (size_t i = 0; i < m->figure_count; i++)
		figures = figures || isfinite(m->figures[i].simulated);
	if (m->kernel.name && m->kernel.verified && figures)
		return isfinite(m->kernel.measured) ? "complete" : "verified";
	return figures ? "published" : "mechanism";
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double tree_error(const struct tree_module *m)
{
	double *errors = mem_calloc(m->figure_count + 1, sizeof(*errors)), median = NAN;
	size_t n = 0;

	for (size_t i = 0; errors && i < m->figure_count; i++)
		if (m->figures[i].held_out && isfinite(m->figures[i].rel_error))
			errors[n++] = fabs(m->figures[i].rel_error);
	if (n > 0) {
		qsort(errors, n, sizeof(*errors), by_size);
		median = errors[n / 2];
	}
	mem_free(errors);
	return median;
}

/* Where kernels were verified and gains measured. */
static void add_places(const struct tree *tree, struct str *out)
{
	const struct tree_kernel *verified = NULL, *here = NULL, *shipped = NULL;

	for (size_t i = 0; i < tree->count; i++) {
		const struct tree_kernel *k = &tree->at[i].kernel;

		if (k->name)
			verified = k;
		if (isfinite(k->measured))
			*(k->gain_here ? &here : &shipped) = k;
	}
	if (verified)
		str_addf(out, "\nkernels: run on %s at %s; error: largest against the reference\n", verified->device, verified->at ? verified->at : "?");
	if (here)
		str_addf(out, "gains: measured on this host (%s) at %s\n", here->gain_device, here->gain_at);
	if (shipped)
		str_addf(out, "* not measured here but on %s, %s; vibee-sim validate kernels --area all measures this host\n", shipped->gain_device,
			 shipped->gain_at);
}

bool tree_table(const struct tree *tree, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "module", false }, { "area", false }, { "family", false }, { "mechanism", false },
						       { "kernel", false }, { "error", true }, { "gain, predicted of measured", true }, { "off", true }, { "figures", true }, { "error", true }, { "status", false } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	size_t mechanisms = 0, kernels = 0, figures = 0, untested = 0;
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < tree->count; i++) {
		const struct tree_module *m = &tree->at[i];
		int style = m->mechanism ? STYLE_GOOD : STYLE_FAINT;

		mechanisms += m->mechanism;
		kernels += m->kernel.name != NULL;
		figures += m->figure_count;
		untested += m->figure_count > 0 && !isfinite(tree_error(m));
		table_cell(t, m->mechanism ? STYLE_STRONG : STYLE_FAINT, m->id);
		table_cell(t, STYLE_FAINT, m->area);
		table_cell(t, STYLE_PLAIN, m->family);
		table_cell(t, style, m->mechanism ? "yes" : "no");
		table_cellf(t, m->kernel.name && !m->kernel.verified ? STYLE_BAD : STYLE_PLAIN, "%s%s", m->kernel.name ? m->kernel.name : "-",
			    m->kernel.name && !m->kernel.verified ? " (fails)" : "");
		table_cellf(t, STYLE_FAINT, m->kernel.name ? "%.1g" : "-", m->kernel.rel_error);
		table_cellf(t, STYLE_PLAIN, isfinite(m->kernel.predicted) ? "%.3g of %.3g x%s" : "-", m->kernel.predicted, m->kernel.measured,
			    m->kernel.gain_here ? "" : " *");
		table_cellf(t, STYLE_PLAIN, isfinite(m->kernel.measured) ? "%+.0f %%" : "-", 100 * (m->kernel.predicted / m->kernel.measured - 1));
		table_cellf(t, STYLE_PLAIN, m->figure_count ? "%zu" : "-", m->figure_count);
		table_cellf(t, STYLE_PLAIN, isfinite(tree_error(m)) ? "%.1f %%" : m->figure_count ? "none" : "-", 100 * tree_error(m));
		table_cell(t, style, tree_status(m));
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	add_places(tree, out);
	if (untested > 0)
		str_addf(out, "none: %zu modules have published figures, but of quality alone, or some that parameters come from; tree ID gives each one's reason\n", untested);
	str_addf(out, "\n%zu modules: %zu with a mechanism, %zu with a kernel, %zu published figures; %zu missing\n", tree->count, mechanisms, kernels,
		 figures, tree->count - mechanisms);
	return ok;
}

static void kernel_json(struct json *j, const struct tree_kernel *k)
{
	if (!k->name) {
		json_raw(j, "kernel", "null");
		json_raw(j, "ratio", "null");
		return;
	}
	json_object(j, "kernel");
	json_text(j, "name", k->name);
	json_bool(j, "verified", k->verified);
	json_number(j, "rel_error", k->rel_error);
	json_text(j, "device", k->device);
	json_text(j, "at", k->at);
	json_end(j);
	json_object(j, "ratio");
	json_number(j, "predicted", k->predicted);
	json_number(j, "measured", k->measured);
	json_text(j, "device", k->gain_device);
	json_text(j, "at", k->gain_at);
	json_bool(j, "here", k->gain_here);
	json_end(j);
}

static void module_json(struct json *j, const struct tree_module *m)
{
	json_object(j, NULL);
	json_text(j, "id", m->id);
	json_text(j, "area", m->area);
	json_text(j, "family", m->family);
	json_text(j, "title", m->title);
	json_bool(j, "mechanism", m->mechanism);
	kernel_json(j, &m->kernel);
	json_array(j, "published");
	for (size_t i = 0; i < m->figure_count; i++) {
		const struct tree_figure *f = &m->figures[i];

		json_object(j, NULL);
		json_text(j, "figure", f->figure);
		json_text(j, "unit", f->unit);
		json_number(j, "published", f->published);
		json_number(j, "simulated", f->simulated);
		json_number(j, "rel_error", f->rel_error);
		json_bool(j, "held_out", f->held_out);
		json_text(j, "source", f->source);
		json_text(j, "reason", f->reason);
		json_end(j);
	}
	json_end(j);
	json_array(j, "parameters");
	for (size_t i = 0; i < m->param_count; i++) {
		json_object(j, NULL);
		json_text(j, "name", m->params[i].name);
		json_text(j, "default", m->params[i].fallback);
		json_text(j, "range", m->params[i].range);
		json_text(j, "unit", m->params[i].unit);
		json_text(j, "source", m->params[i].source);
		json_end(j);
	}
	json_end(j);
	json_text(j, "status", tree_status(m));
	json_end(j);
}

bool tree_json(const struct tree *tree, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.tree/1");
	json_array(&j, "modules");
	for (size_t i = 0; i < tree->count; i++)
		module_json(&j, &tree->at[i]);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

static void lines(struct str *out, const struct term *term, const char *title, const struct tree_text *at, size_t count)
{
	if (count == 0)
		return;
	str_add(out, "\n");
	term_add(out, term, STYLE_STRONG, title);
	str_add(out, "\n");
	for (size_t i = 0; i < count; i++) {
		str_addf(out, "  %s", at[i].text);
		if (at[i].source) {
			str_add(out, "  ");
			term_addf(out, term, STYLE_FAINT, "(%s)", at[i].source);
		}
		str_add(out, "\n");
	}
}

static bool params_table(const struct tree_module *m, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "parameter", false }, { "default", true }, { "range", false }, { "unit", false },
						       { "what it is", false }, { "source", false } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < m->param_count; i++) {
		table_cell(t, STYLE_STRONG, m->params[i].name);
		table_cell(t, STYLE_PLAIN, m->params[i].fallback);
		table_cell(t, STYLE_PLAIN, m->params[i].range);
		table_cell(t, STYLE_PLAIN, m->params[i].unit);
		table_cell(t, STYLE_PLAIN, m->params[i].help);
		table_cell(t, STYLE_FAINT, m->params[i].source);
	}
	str_add(out, "\n");
	ok = table_print(t, term, 2, out, err);
	table_free(t);
	return ok;
}

static bool figures_table(const struct tree_module *m, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "published figure", false }, { "published", true }, { "simulated", true }, { "unit", false },
						       { "error", true }, { "remark", false } };
	struct table *t;
	bool ok;

	if (m->figure_count == 0)
		return true;
	t = table_new(columns, COUNT_OF(columns));
	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < m->figure_count; i++) {
		const struct tree_figure *f = &m->figures[i];

		table_cell(t, STYLE_PLAIN, f->figure);
		table_cellf(t, STYLE_PLAIN, "%.4g", f->published);
		table_cellf(t, STYLE_STRONG, isfinite(f->simulated) ? "%.4g" : "-", f->simulated);
		table_cell(t, STYLE_PLAIN, f->unit);
		table_cellf(t, STYLE_PLAIN, isfinite(f->rel_error) ? "%+.1f %%" : "-", 100 * f->rel_error);
		table_cell(t, STYLE_FAINT, f->reason ? f->reason : f->held_out ? "" : "parameters come from it");
	}
	str_add(out, "\n");
	ok = table_print(t, term, 2, out, err);
	table_free(t);
	return ok;
}

static void curve_text(const struct tree_curve *c, const struct term *term, struct str *out)
{
	double most = 1;

	for (size_t i = 0; i < c->count; i++)
		most = fmax(most, c->points[i].with / c->points[i].plain);
	str_add(out, "\n");
	term_add(out, term, STYLE_STRONG, c->title);
	str_add(out, "\n");
	for (size_t i = 0; i < c->count; i++) {
		double gain = c->points[i].with / c->points[i].plain;

		str_addf(out, "  %8.0f %s  %6.2f x  ", c->points[i].x, c->x_label, gain);
		term_bar(out, term, gain >= 1 ? STYLE_GOOD : STYLE_WARN, gain / most, 40);
		str_addf(out, "  %.4g -> %.4g tok/s\n", c->points[i].plain, c->points[i].with);
	}
}

bool tree_module_text(const struct tree_module *m, const struct tree_curve *curves, size_t curve_count, const struct term *term, struct str *out,
		      struct err *err)
{
	term_addf(out, term, STYLE_STRONG, "%s", m->id);
	if (!m->mechanism) {
		str_addf(out, "  area %s: named in the tree, no mechanism yet\n", m->area);
		return true;
	}
	str_addf(out, "  %s\narea %s, family %s, status %s\n\n%s\n", m->title, m->area, m->family, tree_status(m), m->idea);
	lines(out, term, "From", m->papers, m->paper_count);
	lines(out, term, "What is computed", m->formulas, m->formula_count);
	if (m->kernel.name)
		str_addf(out, "\nKernel %s: %s on %s at %s, largest error %.2g\n", m->kernel.name, m->kernel.verified ? "equals its reference" : "FAILS",
			 m->kernel.device, m->kernel.at ? m->kernel.at : "?", m->kernel.rel_error);
	if (isfinite(m->kernel.measured))
		str_addf(out, "Gain %.3g predicted, %.3g measured (%+.1f %%) on %s%s at %s\n", m->kernel.predicted, m->kernel.measured,
			 100 * (m->kernel.predicted / m->kernel.measured - 1), m->kernel.gain_here ? "this host, " : "", m->kernel.gain_device,
			 m->kernel.gain_at);
	if (!params_table(m, term, out, err) || !figures_table(m, term, out, err))
		return false;
	for (size_t i = 0; i < curve_count; i++)
		curve_text(&curves[i], term, out);
	lines(out, term, "What a multiplier gets wrong", m->pitfalls, m->pitfall_count);
	lines(out, term, "Cost in quality, as reported (no part of any time)", m->costs, m->cost_count);
	lines(out, term, "Not together with", m->excludes, m->exclude_count);
	if (m->composes)
		str_addf(out, "\nGoes with: %s\n", m->composes);
	return true;
}
