/* vibee-sim plan: how many devices, when, bought how, for a demand over months. */
#include <stdio.h>
#include <string.h>

#include "base/calendar.h"
#include "base/json.h"
#include "cli/groups.h"
#include "cli/plan_options.h"
#include "cli/plan_outputs.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/search_memory.h"
#include "cli/study_outputs.h"
#include "cli/version.h"

static const struct option plan_table[] = {
	{ .name = "intervals-csv", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "every interval as CSV: demand, units, capacity, devices" },
	{ .name = "schema", .kind = OPTION_FLAG, .help = "print the RELAX NG schema of --file and end" },
};
static const struct option_group plan_group = OPTION_GROUP("Plan", plan_table);

static void on_progress(void *ctx, size_t done, size_t of)
{
	char text[64];

	snprintf(text, sizeof(text), "%zu of %zu capacities", done, of);
	progress_show(ctx, (double)done / (double)of, text);
}

static bool keep(const struct call *call, const struct plan_view *v, const struct str *document, struct err *err)
{
	const struct plan *p = v->plan;
	struct study_row *rows = arena_alloc(call->arena, p->spec->class_count * sizeof(*rows));
	const char *database;
	char id[33] = "";

	if (!rows)
		return err_memory(err);
	for (size_t c = 0; c < p->spec->class_count; c++) {
		const struct outcome *o = &p->units[c].at_capacity;
		struct str metrics = { 0 };
		struct json j;

		json_init(&j, &metrics, false);
		outcome_json(&j, NULL, o);
		rows[c] = (struct study_row){ p->spec->classes[c].name, outcome_status_names[o->status], o->hash[0] ? o->hash : NULL,
					      arena_strdup(call->arena, str_text(&metrics)) };
		str_release(&metrics);
	}
	if (!study_keep(call, "plan", v->title, str_text(document), rows, p->spec->class_count, id, &database, err))
		return false;
	if (database && !call_flag(call, "quiet") && !call_text(call, "json"))
		printf("\nstudy %.12s  kept in %s\n", id, database);
	return true;
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static bool drawings(const struct call *call, const struct plan_view *v, const char *path, struct err *err)
{
	for (const struct plan_drawing *d = plan_drawings; d->name; d++) {
		struct str svg = { 0 };
		bool ok = d->draw(v, true, &svg, err);

		if (!study_write(study_file(call, path, d->name), &svg, ok, err))
			return false;
	}
	return true;
}

typedef bool writer(const struct plan_view *v, struct str *out, struct err *err);

static bool write_form(const struct plan_view *v, const char *path, writer *write, struct err *err)
{
	struct str text = { 0 };

	return !path || study_write(path, &text, write(v, &text, err), err);
}

static bool outputs(const struct call *call, const struct plan_view *v, struct err *err)
{
	const char *json = call_text(call, "json"), *csv = call_text(call, "csv"), *svg = call_text(call, "svg"), *html = call_text(call, "html");
	const char *intervals = call_text(call, "intervals-csv");
	bool shown = !call_flag(call, "quiet") && !is_stdout(json) && !is_stdout(csv) && !is_stdout(html) && !is_stdout(intervals);
	struct str document = { 0 };
	bool ok = plan_json(v, &document, err);

	ok = ok && write_form(v, json, plan_json, err) && write_form(v, csv, plan_csv, err) && write_form(v, intervals, plan_intervals_csv, err) &&
	     write_form(v, html, plan_html, err) && (!svg || drawings(call, v, svg, err)) && write_form(v, shown ? "-" : NULL, plan_text, err) &&
	     keep(call, v, &document, err);
	str_release(&document);
	return ok;
}

static bool run_here(const struct call *call, const struct plan_spec *spec, const struct scenario *base, struct plan *plan, struct err *err)
{
	struct capacity_options o = { .threads = study_threads(call), .tolerance = call_number(call, "tolerance", 0.02),
				      .interval = !call_flag(call, "no-interval"), .version = vibee_version(), .progress = on_progress };
	struct search_memory memory;
	struct progress progress;
	struct store *store = NULL;
	bool ok = true;

	if (!call_flag(call, "no-store")) {
		const char *path = run_database(call, err);

		store = path ? store_open(path, err) : NULL;
		ok = store != NULL;
		search_memory_init(&memory, store);
		o.memory = &memory;
	}
	progress_start(&progress, call_flag(call, "quiet"));
	o.progress_ctx = &progress;
	ok = ok && plan_run(spec, base, &o, plan, call->arena, err);
	progress_end(&progress);
	store_close(store);
	return ok;
}

static const char *title_of(const struct plan *p, struct arena *arena)
{
	const struct plan_spec *s = p->spec;
	const char *hardware = p->cases[CAPACITY_LIKELY].sites[0].hardware;

	if (s->title)
		return s->title;
	if (s->class_count == 1)
		return arena_printf(arena, "Capacity plan: %s on %s", p->scenarios[0]->model.name, hardware);
	return arena_printf(arena, "Capacity plan: %zu classes in %zu region%s", s->class_count, s->region_count, s->region_count > 1 ? "s" : "");
}

static bool print_schema(const struct call *call, struct err *err)
{
	struct str text = { 0 };

	(void)call;
	schema_write_rng(&plan_element, &text);
	return study_write("-", &text, true, err);
}

static bool plan_command(const struct call *call, struct err *err)
{
	struct plan *plan = arena_alloc(call->arena, sizeof(*plan));
	struct plan_view view = { .plan = plan, .arena = call->arena };
	struct scenario *base;
	struct plan_spec *spec;

	if (call_flag(call, "schema"))
		return print_schema(call, err);
	if (!plan)
		return err_memory(err);
	base = scenario_from_call(call, err);
	spec = base ? plan_spec_from_call(call, base, err) : NULL;
	if (!spec || !run_here(call, spec, base, plan, err))
		return false;
	view.title = title_of(plan, call->arena);
	return outputs(call, &view, err);
}

const struct command command_plan = {
	.studies = true, .name = "plan", .summary = "a capacity plan: devices over time for a demand, what to buy when, monthly cost, headroom", .arguments = "[SCENARIO.xml]",
	.arguments_most = 1, .words = WORDS_FILE,
	.details = "The scenario (or the model, hardware and scheduler options) is one unit, a replica. How many requests a second it can take within --slo is "
		   "simulated by bracketing (on as many requests as a steady state takes, --requests at least), at the likely operator times and at both ends of their interval. Demand over that gives units, redundancy and "
		   "scaling the units held at each time, and prices the cheapest split into commitments (exact, by month) and rent by the hour. Demand holds "
		   "during an interval; requests over the capacity of the units that are up are counted, not served elsewhere. Several models, targets and "
		   "regions come from --class and --region or from a plan file.",
	.groups = (const struct option_group *const[]){ &plan_demand_options, &plan_fleet_options, &plan_buying_options, &plan_group, &model_options,
							&hardware_options, &deployment_options, &scheduler_options, &workload_options, &scenario_options,
							&study_output_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim plan --model llama-3.1-70b --tp 4 --slo ttft_p99=1 --demand weekly:mean=9,peak=30 --growth 5%", "a year that grows, 5 % a month" },
		{ "vibee-sim plan mine.xml --demand rates.csv --horizon 3y --reserved-1y 1.9 --redundancy n+1 --html plan.html", "a measured week, three years on" },
		{ "vibee-sim plan --slo ttft_p99=1 --demand trace:day.csv --autoscale reactive --startup-s 180 --interval 5min", "how much a scaler misses" },
		{ "vibee-sim plan mine.xml --demand 200 --region us:share=0.6,utc_offset_h=-6 --region eu:share=0.4", "two regions" },
		{ "vibee-sim plan --file plan.xml --intervals-csv plan.csv", "several models and targets from a file" },
		{ NULL, NULL } },
	.run = plan_command,
};
