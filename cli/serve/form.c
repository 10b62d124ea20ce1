#include "cli/serve/form.h"

#include <string.h>

#include "cli/catalog_kinds.h"
#include "cli/serve/dress.h"
#include "cli/serve/simulate.h"
#include "hardware/catalog.h"
#include "reports/markup.h"
#include "reports/page.h"

/* A field is an option of `run`; what it begins with is the scenario's value at the option's path. */
struct form_field {
	const char *option, *label, *hint;
	const char *path;              /* where the option has none of its own */
};
static const struct form_field fields[] = {
	{ "model", "Model", "llama-3.1-8b", NULL }, { "device", "Device", "that of the system", NULL }, { "system", "System", "one made for the device", NULL },
	{ "tp", "Tensor parallel", "1", NULL }, { "pp", "Pipeline parallel", "1", NULL }, { "ep", "Expert parallel", "1", NULL },
	{ "replicas", "Replicas", "1", NULL }, { "router", "Router", "round-robin", NULL }, { "scheduler", "Scheduler", "vllm", NULL },
	{ "max-num-seqs", "Sequences in a batch", "the scheduler's", NULL }, { "dtype", "Weights", "the model's own", NULL },
	{ "kv-dtype", "Cache", "16 bit", NULL }, { "workload", "Workload", "chat", "workload.name" }, { "requests", "Requests", "the workload's", NULL },
	{ "qps", "Requests a second", "the workload's", NULL }, { "concurrency", "Concurrency", "open loop", NULL },
	{ "slo", "Targets, s", "ttft_p99=0.5,tpot_p99=0.05", "" }, { "with", "Techniques", "kivi_v1821, eagle3_v1861", "" }, { "seed", "Seed", "1", NULL },
};

/* Values that stand for "not given". */
static bool is_unset(const char *option, const char *value)
{
	bool count = strcmp(option, "requests") == 0 || strcmp(option, "concurrency") == 0 || strcmp(option, "max-num-seqs") == 0 || strcmp(option, "qps") == 0;

	return (count && strcmp(value, "0") == 0) || strcmp(value, "none") == 0;
}

static bool datalist(struct str *out, enum words words, const char *id, struct arena *arena, struct err *err)
{
	static const char *const of[WORDS_COUNT] = { [WORDS_DEVICES] = "devices", [WORDS_SYSTEMS] = "systems", [WORDS_MODELS] = "models",
						     [WORDS_WORKLOADS] = "workloads", [WORDS_SCHEDULERS] = "schedulers", [WORDS_ROUTERS] = "routers",
						     [WORDS_TECHNIQUES] = "techniques", [WORDS_DTYPES] = "dtypes" };
	const struct kind *kind = of[words] ? kind_find(of[words]) : NULL;
	const char *const *names;
	size_t count;

	if (!kind)
		return true;
	names = kind_names(kind, &count, arena, err);
	if (!names)
		return false;
	str_addf(out, "<datalist id=\"list-%s\">", id);
	for (size_t i = 0; i < count; i++) {
		str_add(out, "<option value=\"");
		markup_add(out, names[i]);
		str_add(out, "\">");
	}
	str_add(out, "</datalist>\n");
	return true;
}

/* What the scenario has already and a field only adds to. */
static void add_kept(struct str *out, const char *option, const struct scenario *sc)
{
	if (strcmp(option, "with") == 0)
		for (size_t i = 0; i < sc->technique_count; i++) {
			str_add(out, i ? ", " : "kept: ");
			str_add(out, sc->techniques[i].id);
		}
}

static bool add_field(struct str *out, const struct form_field *f, const struct scenario *sc, struct arena *arena, struct err *err)
{
	const struct option *o = option_find(&served_run, f->option);
	const char *path = f->path ? f->path : o->path;
	struct str value = { 0 }, kept = { 0 };
	bool ok;

	add_kept(&kept, f->option, sc);
	if (path && *path && schema_get(&scenario_element, sc, path, &value) && is_unset(f->option, str_text(&value)))
		str_clear(&value);
	str_add(out, "<label title=\"");
	markup_add(out, o->help);
	str_addf(out, "\">%s <input name=\"%s\" list=\"list-%s\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"", f->label, f->option, f->option);
	markup_add(out, kept.length ? str_text(&kept) : f->hint);
	str_add(out, "\" value=\"");
	markup_add(out, str_text(&value));
	str_add(out, "\"></label>\n");
	ok = datalist(out, o->words, f->option, arena, err);
	str_release(&value);
	str_release(&kept);
	return ok;
}

/* The scenario that the form begins with. */
static struct scenario *begin_with(const struct server *s, const struct request *r, struct err *err)
{
	const char *run = request_param(r, "run"), *name = request_param(r, "scenario");
	const char *path;

	if (run)
		return stored_scenario(s, run, r->arena, err);
	if (name && strpbrk(name, "/.")) {
		err_set(err, ERR_INPUT, "scenario=%.64s: expected a name of the catalog", name);
		return NULL;
	}
	path = catalog_find("sim/scenarios", "scenario", name ? name : "default", r->arena, err);
	return path ? scenario_load(path, r->arena, err) : NULL;
}

static void add_hidden(struct str *out, const struct request *r, const char *name)
{
	const char *value = request_param(r, name);

	if (!value)
		return;
	str_addf(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	markup_add(out, value);
	str_add(out, "\">\n");
}

static bool fill(const struct server *s, const struct request *r, struct reply *reply, struct err *err)
{
	struct scenario *sc = begin_with(s, r, err);
	struct str *out = &reply->body;

	if (!sc || !dress_begin(reply, "/whatif", "What if", "Change a scenario, simulate it here, see what the change does. Empty fields keep what they say in grey.",
				err))
		return false;
	str_add(out, "<form id=\"scenario\" class=\"fields\" autocomplete=\"off\">\n");
	add_hidden(out, r, "run");
	add_hidden(out, r, "scenario");
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (!add_field(out, &fields[i], sc, r->arena, err))
			return false;
	str_add(out, "<label class=\"wide\">Anything else, PATH=VALUE a line <textarea name=\"set\" rows=\"2\" spellcheck=\"false\" "
		"placeholder=\"scheduler.prefix_caching=yes\"></textarea></label>\n");
	if (s->token)
		str_add(out, "<label>Token <input name=\"token\" type=\"password\" autocomplete=\"current-password\" placeholder=\"to keep a run\"></label>\n"
			"<label class=\"tick\"><input name=\"store\" type=\"checkbox\"> keep the run</label>\n");
	str_add(out, "<button>Simulate</button>\n<output id=\"state\" role=\"status\"></output>\n</form>\n<noscript><p>This page needs JavaScript; "
		"<code>vibee-sim run</code> and <code>whatif</code> do the same.</p></noscript>\n");
	str_add(out, "</section>\n<section id=\"tries\" hidden>\n<h2>Tries</h2>\n<p class=\"faint\">Each line is compared with the base; choose another as the base.</p>\n"
		"<div class=\"scroll\"><table id=\"table\"></table></div>\n<h3 id=\"chosen\"></h3>\n<div class=\"pair\" id=\"plots\"></div>\n<div id=\"notes\"></div>\n");
	str_add(out, "<script type=\"module\">\n");
	if (!page_template(out, "serve.js", err))
		return false;
	str_add(out, "</script>\n");
	return page_end(out, err);
}

void form_page(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };

	(void)word;
	if (!fill(s, r, reply, &err))
		dress_failure(reply, &err);
}
