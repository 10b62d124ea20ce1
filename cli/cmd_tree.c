/* vibee-sim tree: every module of the technology tree, or one of them explained. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/paths.h"
#include "cli/options.h"
#include "cli/run_outputs.h"
#include "cli/tree_kernel.h"
#include "models/technique.h"
#include "reports/outfile.h"
#include "reports/store.h"
#include "reports/tree.h"
#include "sim/step.h"
#include "validation/technique_rows.h"

enum { MODULES_MOST = 512 };

static struct tree_text *texts(const struct technique_line *lines, size_t count, struct arena *arena)
{
	struct tree_text *out = arena_alloc(arena, (count + 1) * sizeof(*out));

	for (size_t i = 0; out && i < count; i++)
		out[i] = (struct tree_text){ lines[i].text, lines[i].source };
	return out;
}

static struct tree_text *papers(const struct technique *t, struct arena *arena)
{
	struct tree_text *out = arena_alloc(arena, (t->paper_count + 1) * sizeof(*out));

	for (size_t i = 0; out && i < t->paper_count; i++) {
		const struct technique_paper *p = &t->papers[i];

		out[i] = (struct tree_text){ arena_printf(arena, "%s%s%s, %lld", p->authors ? p->authors : "", p->authors ? ": " : "", p->title,
							  (long long)p->year), p->ref };
	}
	return out;
}

static struct tree_text *excludes(const struct technique *t, struct arena *arena)
{
	struct tree_text *out = arena_alloc(arena, (t->exclude_count + 1) * sizeof(*out));

	for (size_t i = 0; out && i < t->exclude_count; i++)
		out[i] = (struct tree_text){ arena_printf(arena, "%s: %s", t->excludes[i].what, t->excludes[i].reason), NULL };
	return out;
}

static struct tree_param *params(const struct technique *t, struct arena *arena)
{
	struct tree_param *out = arena_alloc(arena, (t->param_count + 1) * sizeof(*out));

	for (size_t i = 0; out && i < t->param_count; i++) {
		const struct technique_param *p = &t->params[i];
		const char *range = p->choices ? p->choices : isnan(p->least) ? "a name" : arena_printf(arena, "%g to %g", p->least, p->most);

		out[i] = (struct tree_param){ p->name, p->fallback, range, p->unit, p->source, p->help };
	}
	return out;
}

static bool describe(struct tree_module *m, struct arena *arena, struct err *err)
{
	const struct technique *t = technique_load(m->id, arena, err);

	if (!t)
		return false;
	m->mechanism = true;
	tree_kernel_verify(&m->kernel, t->kernel, arena);
	m->family = t->family, m->title = t->title, m->idea = t->idea, m->slot = t->slot, m->composes = t->composes;
	m->papers = papers(t, arena), m->paper_count = t->paper_count;
	m->formulas = texts(t->formulas, t->formula_count, arena), m->formula_count = t->formula_count;
	m->costs = texts(t->costs, t->cost_count, arena), m->cost_count = t->cost_count;
	m->pitfalls = texts(t->pitfalls, t->pitfall_count, arena), m->pitfall_count = t->pitfall_count;
	m->excludes = excludes(t, arena), m->exclude_count = t->exclude_count;
	m->params = params(t, arena), m->param_count = t->param_count;
	return true;
}

/* Gains: this user's newest, from the database, else the shipped ones. A database that is not there or does not open is none. */
static bool add_gains(const struct call *call, struct tree *tree, struct err *err)
{
	const char *path = run_database(call, err);
	struct err ignored = { 0 };
	struct store *store = path ? store_open_reading(path, &ignored) : NULL;
	const struct gain_record *shipped;
	size_t count;
	bool ok = path && tree_gains_shipped(&shipped, &count, call->arena, err);

	for (size_t i = 0; ok && i < tree->count; i++) {
		struct tree_module *m = &tree->at[i];
		const char *key = arena_printf(call->arena, "gain/%s", m->id), *text = NULL;

		if (store && m->mechanism && key && !store_get_outcome(store, key, call->arena, &text, &ignored))
			text = NULL;
		tree_kernel_gain(&m->kernel, m->id, text, shipped, count, call->arena);
	}
	store_close(store);
	return ok;
}

/* The names of all modules, those that are missing included; entries that the list does not name come last. */
static bool list_modules(struct tree *tree, struct arena *arena, struct err *err)
{
	const char *path = paths_data("models/techniques/modules.csv", arena, err);
	struct csv *c = path ? csv_open(path, err) : NULL;
	size_t count, known;
	const char *const *names;

	tree->at = arena_alloc(arena, MODULES_MOST * sizeof(*tree->at));
	if (!c || !tree->at) {
		csv_close(c);
		return false;
	}
	while (tree->count < MODULES_MOST && csv_next(c, err))
		tree->at[tree->count++] = (struct tree_module){ .id = arena_strdup(arena, csv_text(c, csv_find(c, "id"))),
								.area = arena_strdup(arena, csv_text(c, csv_find(c, "area"))) };
	csv_close(c);
	names = err->kind == ERR_NONE ? technique_names(&count, arena, err) : NULL;
	if (!names)
		return false;
	known = tree->count;
	for (size_t i = 0; i < count && tree->count < MODULES_MOST; i++) {
		size_t k = 0;

		while (k < known && strcmp(tree->at[k].id, names[i]) != 0)
			k++;
		if (k == known)
			tree->at[tree->count++] = (struct tree_module){ .id = names[i], .area = "" };
		if (!describe(&tree->at[k < known ? k : tree->count - 1], arena, err))
			return false;
	}
	for (size_t i = 0; i < tree->count; i++)
		if (!tree->at[i].mechanism)
			tree_kernel_verify(&tree->at[i].kernel, NULL, arena);
	return true;
}

static bool add_figures(struct tree *tree, const char *only, struct arena *arena, struct err *err)
{
	struct technique_rows rows;

	if (!technique_rows_load(NULL, &rows, arena, err))
		return false;
	if (only) {
		size_t kept = 0;

		for (size_t i = 0; i < rows.count; i++)
			if (strcmp(rows.at[i].module, only) == 0)
				rows.at[kept++] = rows.at[i];
		rows.count = kept;
	}
	if (!technique_rows_run(&rows, arena, err))
		return false;
	for (size_t i = 0; i < tree->count; i++) {
		struct tree_module *m = &tree->at[i];

		m->figures = arena_alloc(arena, (rows.count + 1) * sizeof(*m->figures));
		for (size_t k = 0; m->figures && k < rows.count; k++) {
			const struct technique_row *r = &rows.at[k];

			if (strcmp(r->module, m->id) == 0)
				m->figures[m->figure_count++] = (struct tree_figure){ r->figure, r->unit, r->source, r->error ? r->error : r->reason, r->published,
										      r->simulated, r->rel_error, !(r->held_out && strcmp(r->held_out, "no") == 0) };
		}
	}
	return true;
}

/* Tokens a second of a decode step, plain and with the module. */
static bool point(const struct call *call, const char *id, int64_t decodes, int64_t context, struct tree_point *out)
{
	char scenario[512];
	struct err err = { 0 };
	const char *model = call_text(call, "model"), *device = call_text(call, "device");

	snprintf(scenario, sizeof(scenario), "model=%s device=%s decodes=%lld context=%lld", model ? model : "llama-3.1-8b", device ? device : "h100",
		 (long long)decodes, (long long)context);
	if (!technique_quantity("tokens_s", scenario, NULL, &out->plain, call->arena, &err))
		return false;
	snprintf(scenario + strlen(scenario), sizeof(scenario) - strlen(scenario), " with=%s", id);
	return technique_quantity("tokens_s", scenario, NULL, &out->with, call->arena, &err);
}

static size_t make_curves(const struct call *call, const char *id, struct tree_curve out[2])
{
	static const int64_t batches[] = { 1, 4, 16, 64, 256 }, contexts[] = { 512, 2048, 8192, 32768 };
	size_t n = 0;

	for (int which = 0; which < 2; which++) {
		struct tree_curve *c = &out[n];
		size_t count = which == 0 ? COUNT_OF(batches) : COUNT_OF(contexts);

		*c = (struct tree_curve){ which == 0 ? "Decode gain against the batch (2,048 tokens each)" : "Decode gain against the context (16 sequences)",
					  which == 0 ? "sequences" : "tokens", arena_alloc(call->arena, count * sizeof(*c->points)), 0 };
		for (size_t i = 0; c->points && i < count; i++) {
			struct tree_point p = { .x = (double)(which == 0 ? batches[i] : contexts[i]) };

			if (point(call, id, which == 0 ? batches[i] : 16, which == 0 ? 2048 : contexts[i], &p))
				c->points[c->count++] = p;
		}
		n += c->count > 0;
	}
	return n;
}

static bool show_module(const struct call *call, struct tree *tree, const char *name, struct err *err)
{
	const char *html = call_text(call, "html"), *json = call_text(call, "json"), *id = name;
	struct term term = term_detect(STDOUT_FILENO);
	struct tree_curve curves[2];
	struct tree_module *m = NULL;
	struct str out = { 0 };
	size_t curve_count;
	bool ok = true;

	for (size_t i = 0; i < tree->count; i++)
		if (strcmp(tree->at[i].id, name) == 0)
			m = &tree->at[i];
	if (!m) {
		const struct technique *t = technique_load(name, call->arena, err);

		if (!t)
			return false;
		id = t->id;
		for (size_t i = 0; i < tree->count; i++)
			if (strcmp(tree->at[i].id, id) == 0)
				m = &tree->at[i];
	}
	if (!m || !add_figures(tree, m->id, call->arena, err))
		return false;
	curve_count = m->mechanism ? make_curves(call, m->id, curves) : 0;
	if (html)
		ok = tree_module_page(m, curves, curve_count, &out, err) && outfile_write(html, str_text(&out), out.length, err);
	str_clear(&out);
	if (ok && json)
		ok = tree_json(&(struct tree){ m, 1 }, &out, err) && outfile_write(json, str_text(&out), out.length, err);
	str_clear(&out);
	if (!isatty(STDOUT_FILENO) && term.width < 160)
		term.width = 160;
	if (ok && !html && !json)
		ok = tree_module_text(m, curves, curve_count, &term, &out, err) && outfile_write("-", str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static bool tree_run(const struct call *call, struct err *err)
{
	const char *html = call_text(call, "html"), *json = call_text(call, "json"), *name = call_argument(call, 0);
	struct term term = term_detect(STDOUT_FILENO);
	struct tree tree = { 0 };
	struct str out = { 0 };
	bool ok = list_modules(&tree, call->arena, err);

	if (!ok)
		return err->kind == ERR_NONE ? err_memory(err) : false;
	if (!add_gains(call, &tree, err))
		return false;
	if (name)
		return show_module(call, &tree, name, err);
	ok = add_figures(&tree, NULL, call->arena, err);
	if (ok && html)
		ok = tree_page(&tree, &out, err) && outfile_write(html, str_text(&out), out.length, err);
	str_clear(&out);
	if (ok && json)
		ok = tree_json(&tree, &out, err) && outfile_write(json, str_text(&out), out.length, err);
	str_clear(&out);
	if (!isatty(STDOUT_FILENO) && term.width < 170)
		term.width = 170;
	if (ok && !html && !json)
		ok = tree_table(&tree, &term, &out, err) && outfile_write("-", str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static const struct option tree_table_options[] = {
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON; - (or nothing): standard output" },
	{ .name = "html", .word = "FILE", .words = WORDS_FILE, .help = "a page that draws the tree, or explains the module" },
	{ .name = "model", .word = "NAME", .words = WORDS_MODELS, .fallback = "llama-3.1-8b", .help = "of the gain curves" },
	{ .name = "device", .word = "NAME", .words = WORDS_DEVICES, .fallback = "h100", .help = "of the gain curves" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "where gains measured here are kept" },
};
static const struct option_group tree_options = OPTION_GROUP("Options", tree_table_options);

extern const struct command command_tree;
const struct command command_tree = {
	.name = "tree", .summary = "the technology tree: modules, mechanisms, published figures", .arguments = "[ID]", .arguments_most = 1,
	.words = WORDS_TECHNIQUES,
	.details = "Without ID: all modules of the tree with what they have; missing ones are listed. With ID: the idea, formulas, parameters and sources of "
		   "one module, its published figures beside their simulation, and its gain against batch and context.",
	.groups = (const struct option_group *const[]){ &tree_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim tree", "all modules" },
		{ "vibee-sim tree kivi_v1821", "one of them, explained" },
		{ "vibee-sim tree --html tree.html", "the tree as a page" },
		{ NULL, NULL } },
	.run = tree_run,
};
