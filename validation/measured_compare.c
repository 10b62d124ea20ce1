#include "validation/measured_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hardware/device.h"
#include "models/model.h"
#include "sim/serve.h"
#include "validation/measured_load.h"

/* ---- what the file names ---- */

/* InferenceX calls its machines by device and cloud: "h200-nv", "mi300x-amd". */
static const char *device_of(const char *name, struct arena *arena)
{
	struct err err = { 0 };
	char *copy = arena_strdup(arena, name), *dash;

	while (copy && *copy) {
		if (device_load_usable(copy, arena, &err))
			return copy;
		err = (struct err){ 0 };
		dash = strrchr(copy, '-');
		if (!dash)
			return NULL;
		*dash = '\0';
	}
	return NULL;
}

static bool take(struct scenario *sc, const char *path, const char *value, struct measured_run *run, struct arena *arena, struct err *err)
{
	if (!schema_set(&scenario_element, sc, path, value, "results file", arena, err))
		return false;
	if (run->note_count < COUNT_OF(run->notes))
		run->notes[run->note_count++] = arena_printf(arena, "%s=%s: from the file", path, value);
	return true;
}

bool measured_layout(struct measured_run *run, struct scenario *sc, bool model, bool layout, struct arena *arena, struct err *err)
{
	const struct { const char *path; int64_t value; } degrees[] = { { "deployment.tp", run->tp }, { "deployment.pp", run->pp }, { "deployment.ep", run->ep } };
	struct err ignored = { 0 };

	if (model && run->model) {
		if (!model_load(run->model, arena, &ignored))
			return err_set(err, ERR_INPUT, "--model: the file names '%s', which the catalog does not hold; expected --model NAME or its config.json",
				       run->model);
		if (!take(sc, "model.name", run->model, run, arena, err))
			return false;
	}
	if (layout && run->device) {
		const char *device = device_of(run->device, arena);

		if (device && !take(sc, "hardware.device", device, run, arena, err))
			return false;
	}
	for (size_t i = 0; layout && i < COUNT_OF(degrees); i++)
		if (degrees[i].value > 1 && !take(sc, degrees[i].path, arena_printf(arena, "%lld", (long long)degrees[i].value), run, arena, err))
			return false;
	if (layout && run->precision && (text_equal(run->precision, "fp8") || text_equal(run->precision, "fp4") || text_equal(run->precision, "bf16")))
		return take(sc, "model.dtype", run->precision, run, arena, err);
	return true;
}

/* ---- one run ---- */

struct pairs {
	const struct measured_run *run;
	double *error;
	size_t count;
};

static void on_request(void *ctx, const struct request_record *record)
{
	struct pairs *p = ctx;
	const struct measured_request *q;
	double measured, predicted;

	if (record->id < 0 || (size_t)record->id >= p->run->list_count)
		return;
	q = &p->run->list[record->id];
	measured = isnan(q->e2e_s) ? q->ttft_s : q->e2e_s;
	predicted = isnan(q->e2e_s) ? record->ttft_s : record->e2e_s;
	if (q->prompt_tokens == record->prompt_tokens && measured > 0)
		p->error[p->count++] = fabs(predicted / measured - 1);
}

static void put_latency(double *metric, int first, const struct dist *d)
{
	const double values[] = { d->mean, d->p50, d->p90, d->p95, d->p99 };

	for (size_t i = 0; i < COUNT_OF(values); i++)
		metric[first + (int)i] = d->count > 0 ? values[i] : NAN;
}

static void put_metrics(double *metric, const struct result *r)
{
	metric[METRIC_request_throughput] = r->request_throughput;
	metric[METRIC_output_throughput] = r->output_throughput;
	metric[METRIC_total_token_throughput] = r->total_token_throughput;
	put_latency(metric, METRIC_ttft_mean, &r->ttft_s);
	put_latency(metric, METRIC_tpot_mean, &r->tpot_s);
	put_latency(metric, METRIC_itl_mean, &r->itl_s);
	put_latency(metric, METRIC_e2e_mean, &r->e2e_s);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static bool simulate(const struct scenario *sc, struct pairs *pairs, struct measured_prediction *out, struct arena *arena, struct err *err)
{
	struct serve_sink sink = { .ctx = pairs, .request = on_request };
	struct result *r = arena_alloc(arena, sizeof(*r));
	struct sim *sim = NULL;
	bool ok = r != NULL || err_memory(err);

	ok = ok && (sim = sim_new(sc, pairs ? &sink : NULL, err)) && sim_run(sim, INFINITY, err) && sim_result(sim, arena, r, err);
	sim_free(sim);
	if (!ok)
		return false;
	put_metrics(out->metric, r);
	out->sim_notes = r->notes;
	out->sim_note_count = r->note_count;
	return true;
}

static bool predict(const struct measured_run *run, const struct scenario *base, bool own_load, struct measured_prediction *out,
		    struct arena *arena, struct err *err)
{
	struct scenario sc = *base;
	struct measured_load load = { 0 };
	struct pairs pairs = { .run = run, .error = mem_alloc((run->list_count + 1) * sizeof(double)) };
	bool ok = pairs.error != NULL || err_memory(err);

	*out = (struct measured_prediction){ .pair_median = NAN, .pair_p90 = NAN };
	for (int i = 0; i < METRIC_COUNT; i++)
		out->metric[i] = out->before[i] = NAN;
	ok = ok && (!own_load || measured_load_set(run, &sc, &load, arena, err)) && simulate(&sc, load.paired ? &pairs : NULL, out, arena, err);
	measured_load_remove(&load);
	if (ok && pairs.count > 0) {
		qsort(pairs.error, pairs.count, sizeof(double), ascending);
		out->paired = pairs.count;
		out->pair_median = measured_percentile(pairs.error, pairs.count, 50);
		out->pair_p90 = measured_percentile(pairs.error, pairs.count, 90);
	}
	mem_free(pairs.error);
	return ok;
}

static const char *title_of(const struct scenario *sc, struct arena *arena)
{
	return arena_printf(arena, "%s on %s", sc->model.name, sc->hardware.system ? sc->hardware.system : sc->hardware.device ? sc->hardware.device : "h100");
}

bool measured_compare(const struct measured_file *file, const struct scenario *sc, bool own_load, struct measured_study *out,
		      struct arena *arena, struct err *err)
{
	*out = (struct measured_study){ .file = file, .title = title_of(sc, arena) };
	out->load = own_load ? "the file's" : "the scenario's";
	out->predictions = arena_alloc(arena, file->count * sizeof(*out->predictions));
	if (!out->predictions || !out->title)
		return err_memory(err);
	if (sc->hardware.correction && !(out->correction = correction_load(sc->hardware.correction, arena, err)))
		return false;
	for (size_t i = 0; i < file->count; i++)
		if (!predict(&file->runs[i], sc, own_load, &out->predictions[i], arena, err))
			return false;
	return true;
}
