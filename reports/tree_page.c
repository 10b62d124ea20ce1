/* The technology tree as one HTML file: branches side by side, modules as leaves, coloured by what they have. */
#include <math.h>
#include <string.h>

#include "reports/markup.h"
#include "base/attr.h"
#include "reports/tree.h"

static const char style[] =
	"<style>:root{color-scheme:light dark;--good:#1a7f4b;--part:#a06a00;--none:#8884}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;"
	"max-width:1200px;padding:0 1rem}h1{font-size:1.5rem}.tree{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:1rem}"
	".branch{border-left:4px solid #4a78c8;padding-left:.8rem}.branch h2{font-size:1.05rem;margin:.2rem 0}.leaf{display:block;border:1px solid #8886;"
	"border-radius:6px;padding:.25rem .5rem;margin:.3rem 0;text-decoration:none;color:inherit;font-size:.85rem;border-left:6px solid var(--none)}"
	".leaf.mechanism,.leaf.published{border-left-color:var(--part)}.leaf.published{border-left-color:#2f80d0}.leaf.verified,.leaf.complete{border-left-color:var(--good)}"
	".leaf.missing{opacity:.55}.leaf small{float:right;opacity:.8}table{border-collapse:collapse;font-size:.85rem;margin:.5rem 0 1.5rem;display:block;"
	"overflow-x:auto}td,th{padding:.2rem .6rem;border-bottom:1px solid #8884;text-align:left;vertical-align:top}td.n{text-align:right;"
	"font-variant-numeric:tabular-nums}svg{max-width:100%}.muted{opacity:.7}@media print{body{margin:0}}</style>";

static void head(struct str *out, const char *title)
{
	str_add(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>");
	markup_add(out, title);
	str_add(out, "</title>");
	str_add(out, style);
	str_add(out, "</head><body>\n<h1>");
	markup_add(out, title);
	str_add(out, "</h1>\n");
}

static void leaf(const struct tree_module *m, struct str *out)
{
	double error = tree_error(m);

	str_addf(out, "<a class=\"leaf %s\" href=\"#%s\" title=\"%s\">", tree_status(m), m->id, tree_status(m));
	markup_add(out, m->id);
	if (isfinite(error))
		str_addf(out, "<small>%.0f %%</small>", 100 * error);
	str_add(out, "</a>\n");
}

static void branch(const struct tree *tree, const char *area, struct str *out)
{
	size_t all = 0, done = 0;

	for (size_t i = 0; i < tree->count; i++)
		if (strcmp(tree->at[i].area, area) == 0)
			all++, done += tree->at[i].mechanism;
	str_addf(out, "<section class=\"branch\"><h2>%s <small class=\"muted\">%zu of %zu</small></h2>\n", area, done, all);
	for (size_t i = 0; i < tree->count; i++)
		if (strcmp(tree->at[i].area, area) == 0)
			leaf(&tree->at[i], out);
	str_add(out, "</section>\n");
}

static void number(struct str *out, const char *fmt, double v) PRINTF_LIKE(2, 0);
static void number(struct str *out, const char *fmt, double v)
{
	str_add(out, "<td class=\"n\">");
	if (isfinite(v))
		str_addf(out, fmt, v);
	else
		str_add(out, "-");
	str_add(out, "</td>");
}

static void text_cell(struct str *out, const char *text)
{
	str_add(out, "<td>");
	if (text)
		markup_add(out, text);
	str_add(out, "</td>");
}

static void figures(const struct tree_module *m, struct str *out)
{
	if (m->figure_count == 0)
		return;
	str_add(out, "<table><tr><th>published figure</th><th>published</th><th>simulated</th><th>unit</th><th>error</th><th>source</th><th>remark</th></tr>\n");
	for (size_t i = 0; i < m->figure_count; i++) {
		const struct tree_figure *f = &m->figures[i];

		str_add(out, "<tr>");
		text_cell(out, f->figure);
		number(out, "%.4g", f->published);
		number(out, "%.4g", f->simulated);
		text_cell(out, f->unit);
		number(out, "%+.1f %%", 100 * f->rel_error);
		text_cell(out, f->source);
		text_cell(out, f->reason ? f->reason : f->held_out ? "" : "parameters come from it");
		str_add(out, "</tr>\n");
	}
	str_add(out, "</table>\n");
}

static void list(struct str *out, const char *title, const struct tree_text *at, size_t count)
{
	if (count == 0)
		return;
	str_addf(out, "<p><b>%s</b></p><ul>", title);
	for (size_t i = 0; i < count; i++) {
		str_add(out, "<li>");
		markup_add(out, at[i].text);
		if (at[i].source) {
			str_add(out, " <span class=\"muted\">(");
			markup_add(out, at[i].source);
			str_add(out, ")</span>");
		}
		str_add(out, "</li>");
	}
	str_add(out, "</ul>\n");
}

/* What ran, where, and what it gained. */
static void kernel_line(const struct tree_kernel *k, struct str *out)
{
	if (!k->name)
		return;
	str_addf(out, "<p>Kernel <b>%s</b>: %s on %s at %s, largest error %.2g.", k->name, k->verified ? "equals its reference" : "FAILS", k->device,
		 k->at ? k->at : "?", k->rel_error);
	if (isfinite(k->measured)) {
		str_addf(out, " Gain %.3g predicted, %.3g measured (%+.1f %%) on %s", k->predicted, k->measured, 100 * (k->predicted / k->measured - 1),
			 k->gain_here ? "this host, " : "");
		markup_add(out, k->gain_device);
		str_addf(out, " at %s%s.", k->gain_at, k->gain_here ? "" : "; not measured here");
	}
	str_add(out, "</p>\n");
}

static void details(const struct tree_module *m, struct str *out)
{
	str_addf(out, "<h2 id=\"%s\">%s</h2>\n", m->id, m->id);
	if (!m->mechanism) {
		str_addf(out, "<p class=\"muted\">%s: named in the tree, no mechanism yet</p>\n", m->area);
		return;
	}
	str_add(out, "<p><b>");
	markup_add(out, m->title);
	str_addf(out, "</b> <span class=\"muted\">%s, family %s</span><br>", m->area, m->family);
	markup_add(out, m->idea);
	str_add(out, "</p>\n");
	kernel_line(&m->kernel, out);
	list(out, "From", m->papers, m->paper_count);
	list(out, "What is computed", m->formulas, m->formula_count);
	str_add(out, "<table><tr><th>parameter</th><th>default</th><th>range</th><th>unit</th><th>what it is</th><th>source</th></tr>\n");
	for (size_t i = 0; i < m->param_count; i++) {
		str_add(out, "<tr>");
		text_cell(out, m->params[i].name);
		text_cell(out, m->params[i].fallback);
		text_cell(out, m->params[i].range);
		text_cell(out, m->params[i].unit);
		text_cell(out, m->params[i].help);
		text_cell(out, m->params[i].source);
		str_add(out, "</tr>\n");
	}
	str_add(out, "</table>\n");
	figures(m, out);
	list(out, "What a multiplier gets wrong", m->pitfalls, m->pitfall_count);
	list(out, "Cost in quality, as reported", m->costs, m->cost_count);
	list(out, "Not together with", m->excludes, m->exclude_count);
}

bool tree_page(const struct tree *tree, struct str *out, struct err *err)
{
	static const char *const areas[] = { "hardware", "arch", "compiler", "kv", "data", "optim", "spec", "serving", "lora" };

	head(out, "Technology tree");
	str_add(out, "<p class=\"muted\">Green: mechanism, published figures and a kernel that runs; blue: mechanism and figures; amber: mechanism; grey: named, missing. The figure on a leaf is the median "
		     "error of its published figures.</p>\n<div class=\"tree\">\n");
	for (size_t i = 0; i < COUNT_OF(areas); i++)
		branch(tree, areas[i], out);
	str_add(out, "</div>\n");
	for (size_t i = 0; i < tree->count; i++)
		details(&tree->at[i], out);
	str_add(out, "</body></html>\n");
	return !out->failed || err_memory(err);
}

/* Gain over a logarithmic axis: 1 is the dashed line. */
static void curve_svg(const struct tree_curve *c, struct str *out)
{
	double most = 1.2, first, last;

	if (c->count < 2)
		return;
	first = log2(c->points[0].x), last = log2(c->points[c->count - 1].x);
	for (size_t i = 0; i < c->count; i++)
		most = fmax(most, c->points[i].with / c->points[i].plain * 1.1);
	str_add(out, "<h3>");
	markup_add(out, c->title);
	str_addf(out, "</h3>\n<svg viewBox=\"0 0 640 260\" width=\"640\" role=\"img\"><g fill=\"none\" stroke=\"currentColor\"><path d=\"M50 10V220H630\" opacity=\".5\"/>"
		      "<path d=\"M50 %.1fH630\" stroke-dasharray=\"4 4\" opacity=\".6\"/></g><polyline fill=\"none\" stroke=\"#2f80d0\" stroke-width=\"2.5\" points=\"",
		 220 - 210 / most);
	for (size_t i = 0; i < c->count; i++)
		str_addf(out, "%.1f,%.1f ", 50 + 580 * (log2(c->points[i].x) - first) / (last - first),
			 220 - 210 * (c->points[i].with / c->points[i].plain) / most);
	str_add(out, "\"/>\n<g font-size=\"12\" fill=\"currentColor\">");
	for (size_t i = 0; i < c->count; i++) {
		double x = 50 + 580 * (log2(c->points[i].x) - first) / (last - first), gain = c->points[i].with / c->points[i].plain;

		str_addf(out, "<text x=\"%.1f\" y=\"236\" text-anchor=\"middle\">%.0f</text><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.2f</text>",
			 x, c->points[i].x, x, 212 - 210 * gain / most, gain);
	}
	str_addf(out, "<text x=\"340\" y=\"254\" text-anchor=\"middle\">%s</text></g></svg>\n", c->x_label);
}

bool tree_module_page(const struct tree_module *m, const struct tree_curve *curves, size_t curve_count, struct str *out, struct err *err)
{
	head(out, m->title ? m->title : m->id);
	details(m, out);
	for (size_t i = 0; i < curve_count; i++)
		curve_svg(&curves[i], out);
	str_add(out, "</body></html>\n");
	return !out->failed || err_memory(err);
}
