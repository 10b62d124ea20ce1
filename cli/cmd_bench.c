/* vibee-sim bench: how fast the simulator is on this host, beside the last time. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/stats.h"
#include "cli/bench.h"
#include "cli/bench_kernels.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "reports/store.h"
#include "reports/table.h"

enum { SAMPLES_MOST = 64 };

struct outcome {
	const struct bench *bench;
	double values[SAMPLES_MOST], sorted[SAMPLES_MOST];
	int count;
	double median, rss_bytes, instructions;
	double previous;               /* median of the last stored one; NAN: none */
};

/* What all benches of one call share. */
struct session {
	const struct call *call;
	double scale;
	struct bench_clock clock;
};

static bool measure(const struct bench *b, const struct session *s, int samples, struct progress *p, struct outcome *o, struct err *err)
{
	*o = (struct outcome){ .bench = b, .count = samples, .instructions = NAN, .previous = NAN };
	for (int i = 0; i < samples; i++) {
		struct sample one;

		progress_show(p, NAN, b->name);
		if (!bench_sample(b, s->scale, &s->clock, &one, err))
			return false;
		o->values[i] = o->sorted[i] = one.value;
		o->rss_bytes = fmax(o->rss_bytes, one.rss_bytes);
		o->instructions = one.instructions;
	}
	stats_sort(o->sorted, (size_t)samples);
	o->median = stats_median(o->sorted, (size_t)samples);
	return true;
}

static const char *value_text(char *buf, enum bench_unit unit, double v)
{
	if (!isfinite(v))
		return "-";
	switch (unit) {
	case BENCH_REQUESTS_PER_S:
		return strcat(human_count(buf, v), "/s");
	case BENCH_NS_PER_REQUEST:
		return human_seconds(buf, 1e-9 * v);
	case BENCH_BYTES:
		return human_bytes(buf, v);
	case BENCH_PER_S:
		return strcat(human_count(buf, v), "/s");
	case BENCH_RATIO:
		return strcat(human_count(buf, v), " x");
	case BENCH_SECONDS:
		break;
	}
	return human_seconds(buf, v);
}

/* Scale and name make the identity: a shrunken run must not be compared with a full one. */
static const char *identity(const struct bench *b, double scale, struct arena *arena)
{
	char number[32];

	return scale == 1 ? b->name : arena_printf(arena, "%s x %s", b->name, number_text(number, scale));
}

static bool look_up_previous(struct store *store, struct outcome *o, const char *name, struct arena *arena, struct err *err)
{
	struct store_filter filter = { .kind = "bench", .input = "bench.name", .value = name, .limit = 1 };
	struct result *r = arena_alloc(arena, sizeof(*r));
	const struct stored_run *rows;
	double *values;
	size_t count;

	if (!r)
		return err_memory(err);
	if (!store_list(store, &filter, arena, &rows, &count, err))
		return false;
	if (count == 0)
		return true;
	if (!store_get_run(store, rows[0].id, arena, r, NULL, err))
		return false;
	values = arena_alloc(arena, (r->sample_count + 1) * sizeof(*values));
	if (!values)
		return err_memory(err);
	for (size_t i = 0; i < r->sample_count; i++)
		values[i] = r->samples[i].value;
	stats_sort(values, r->sample_count);
	o->previous = stats_median(values, r->sample_count);
	return true;
}

/* A measurement is kept as a run of kind "bench" with its samples. */
static bool keep(struct store *store, const struct outcome *o, const char *name, const struct session *s, struct err *err)
{
	const struct call *call = s->call;
	struct result *r = arena_alloc(call->arena, sizeof(*r));
	struct key_value *inputs = arena_alloc(call->arena, 3 * sizeof(*inputs));
	struct sample_row *samples = arena_alloc(call->arena, SAMPLES_MOST * sizeof(*samples));
	struct run_origin origin;
	struct hash *h = hash_new();
	bool ok = r && inputs && samples && h;

	if (ok) {
		for (int i = 0; i < o->count; i++)
			samples[i] = (struct sample_row){ bench_unit_names[o->bench->unit], bench_unit_names[o->bench->unit], o->values[i] };
		r->samples = samples;
		r->sample_count = (size_t)o->count;
		inputs[0] = (struct key_value){ "bench.name", name };
		inputs[1] = (struct key_value){ "bench.unit", bench_unit_names[o->bench->unit] };
		inputs[2] = (struct key_value){ "bench.clock", bench_clock_name(&s->clock) };
		r->title = arena_printf(call->arena, "bench %s", name);
		r->scenario = inputs;
		r->scenario_count = 3;
		r->peak_rss_bytes = o->rss_bytes;
		if (o->bench->unit != BENCH_NS_PER_REQUEST && o->bench->unit != BENCH_BYTES && o->bench->unit != BENCH_SECONDS)
			r->requests_per_s = o->median;
		if (o->bench->unit == BENCH_SECONDS)
			r->wall_s = o->median;
		hash_add_text(h, "bench");
		hash_add_text(h, name);
		hash_hex(h, r->scenario_hash);
		run_origin_here(call, &origin);
		origin.kind = "bench";
	} else {
		err_memory(err);
	}
	ok = ok && store_put_run(store, &origin, r, err);
	hash_free(h);
	return ok;
}

static void outcome_row(struct table *t, const struct outcome *o, const char *name)
{
	char a[32];
	bool more_is_better = o->bench->unit != BENCH_NS_PER_REQUEST && o->bench->unit != BENCH_BYTES && o->bench->unit != BENCH_SECONDS;
	double change = o->median / o->previous - 1, spread = (o->sorted[o->count - 1] - o->sorted[0]) / o->median;
	/* Only a change beyond the spread of the samples is worth a colour. */
	int style = !isfinite(change) || fabs(change) <= spread ? STYLE_FAINT : (change > 0) == more_is_better ? STYLE_GOOD : STYLE_BAD;

	table_cell(t, STYLE_PLAIN, name);
	table_cell(t, STYLE_STRONG, value_text(a, o->bench->unit, o->median));
	if (o->count > 1)
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * spread);
	else
		table_cell(t, STYLE_PLAIN, "");
	table_cellf(t, STYLE_PLAIN, "%d", o->count);
	table_cell(t, STYLE_PLAIN, o->rss_bytes > 0 ? human_bytes(a, o->rss_bytes) : "");
	table_cell(t, STYLE_FAINT, value_text(a, o->bench->unit, o->previous));
	if (isfinite(change))
		table_cellf(t, style, "%+.1f %%", 100 * change);
	else
		table_cell(t, style, "");
	table_cell(t, STYLE_FAINT, o->bench->what);
}

static bool print_table(const struct outcome *all, size_t count, const struct session *s, struct err *err)
{
	static const struct table_column columns[] = { { "bench", false }, { "median", true }, { "spread", true }, { "samples", true },
						       { "memory", true }, { "last time", true }, { "change", true }, { "what", false } };
	struct term term = term_detect(STDOUT_FILENO);
	struct table *t = table_new(columns, COUNT_OF(columns));
	struct str out = { 0 };
	bool ok;

	if (!t)
		return err_memory(err);
	if (!isatty(STDOUT_FILENO) && term.width < 140)
		term.width = 140;
	for (size_t i = 0; i < count; i++)
		outcome_row(t, &all[i], identity(all[i].bench, s->scale, s->call->arena));
	ok = table_print(t, &term, 0, &out, err);
	table_free(t);
	str_addf(&out, "\nspread: (largest - smallest) / median of the samples; %s\n", bench_clock_name(&s->clock));
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static bool print_json(const struct outcome *all, size_t count, const struct session *s, const char *path, struct err *err)
{
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.bench/1");
	json_text(&j, "clock", bench_clock_name(&s->clock));
	json_array(&j, "benches");
	for (size_t i = 0; i < count; i++) {
		const struct outcome *o = &all[i];

		json_object(&j, NULL);
		json_text(&j, "name", identity(o->bench, s->scale, s->call->arena));
		json_text(&j, "what", o->bench->what);
		json_text(&j, "unit", bench_unit_names[o->bench->unit]);
		json_number(&j, "median", o->median);
		json_number(&j, "min", o->sorted[0]);
		json_number(&j, "max", o->sorted[o->count - 1]);
		json_array(&j, "samples");
		for (int k = 0; k < o->count; k++)
			json_number(&j, NULL, o->values[k]);
		json_end(&j);
		json_number(&j, "peak_rss_bytes", o->rss_bytes > 0 ? o->rss_bytes : NAN);
		json_number(&j, "instructions", o->instructions);
		json_number(&j, "previous_median", o->previous);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(&out, "\n");
	ok = paths_write_str(path, &out, err);
	str_release(&out);
	return ok;
}

/* The benches asked for; all without --only. */
static bool choose(const char *only, const struct bench **chosen, size_t *count, struct err *err)
{
	const char *names[64], *near;
	size_t n = 0;

	*count = 0;
	for (const struct bench *b = benches; b->name; b++) {
		names[n++] = b->name;
		if (!only || strncmp(b->name, only, strlen(only)) == 0)
			chosen[(*count)++] = b;
	}
	if (*count > 0)
		return true;
	near = text_nearest(only, names, n);
	return err_set(err, ERR_INPUT, "--only %s: no such bench%s%s%s", only, near ? "; did you mean '" : "; 'bench --list' shows them",
		       near ? near : "", near ? "'?" : "");
}

static bool bench_run(const struct call *call, struct err *err)
{
	const char *json = call_text(call, "json"), *path = NULL;
	const struct bench *chosen[64];
	struct session session = { .call = call, .scale = call_number(call, "scale", 1) };
	struct outcome *all;
	struct progress progress;
	struct store *store = NULL;
	size_t count;
	bool ok = true;

	if (call_flag(call, "list")) {
		for (const struct bench *b = benches; b->name; b++)
			printf("%-18s %s\n", b->name, b->what);
		return true;
	}
	if (!choose(call_text(call, "only"), chosen, &count, err))
		return false;
	if (!call_flag(call, "no-store") && (!(path = run_database(call, err)) || !(store = store_open(path, err))))
		return false;
	all = arena_alloc(call->arena, count * sizeof(*all));
	if (!all)
		ok = err_memory(err);
	bench_clock_init(&session.clock);
	progress_start(&progress, call_flag(call, "quiet"));
	for (size_t i = 0; ok && i < count; i++) {
		int samples = (int)call_int(call, "samples", chosen[i]->samples);
		const char *name = identity(chosen[i], session.scale, call->arena);

		ok = measure(chosen[i], &session, samples, &progress, &all[i], err) &&
		     (!store || (look_up_previous(store, &all[i], name, call->arena, err) && keep(store, &all[i], name, &session, err)));
	}
	progress_end(&progress);
	store_close(store);
	if (!ok)
		return false;
	return json ? print_json(all, count, &session, json, err) : print_table(all, count, &session, err);
}

static const struct option bench_table[] = {
	{ .name = "only", .word = "NAME", .help = "benches whose names begin so" },
	{ .name = "list", .kind = OPTION_FLAG, .help = "say which there are" },
	{ .name = "samples", .word = "N", .kind = OPTION_INT, .least = 1, .most = SAMPLES_MOST, .fallback = "1 to 15, each its own", .help = "samples of each" },
	{ .name = "scale", .word = "F", .kind = OPTION_NUMBER, .least = 1e-4, .most = 100, .fallback = "1", .help = "times as many requests" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON; - (or nothing): standard output" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
	{ .name = "no-store", .kind = OPTION_FLAG, .help = "do not keep the measurements" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no progress" },
};
static const struct option_group bench_options = OPTION_GROUP("Options", bench_table);

const struct command command_bench = {
	.studies = true, .name = "bench", .summary = "measure the simulator, or the kernels, on this host",
	.parts = (const struct command *const[]){ &bench_kernels, NULL },
	.details = "Each sample is a process of its own; the table shows the median, the spread of the samples and the largest memory. "
		   "Measurements are kept in the database as runs of kind 'bench'; the next time shows the change.",
	.groups = (const struct option_group *const[]){ &bench_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim bench", "all, about two minutes" },
		{ "vibee-sim bench --only output --samples 5", "what long answers cost" },
		{ "vibee-sim bench --scale 0.1 --no-store", "a quick look" },
		{ NULL, NULL } },
	.run = bench_run,
};
