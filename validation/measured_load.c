#include "validation/measured_load.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

static bool replays_times(const struct measured_run *run)
{
	return run->has_arrivals && run->concurrency == 0;
}

static bool write_trace(const struct measured_run *run, struct measured_load *load, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	bool times = replays_times(run), ok;
	FILE *f;
	int fd;

	snprintf(load->file, sizeof(load->file), "%.90s/vibee-sim-load-XXXXXX", folder && *folder ? folder : "/tmp");
	fd = mkstemp(load->file);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		err_set(err, ERR_IO, "%s: cannot be written: %s", load->file, strerror(errno));
		load->file[0] = '\0';
		return false;
	}
	fputs(times ? "arrival_s,prompt_tokens,output_tokens\n" : "prompt_tokens,output_tokens\n", f);
	for (size_t i = 0; i < run->list_count; i++) {
		const struct measured_request *q = &run->list[i];

		if (times)
			fprintf(f, "%.9f,", q->arrival_s);
		fprintf(f, "%" PRId64 ",%" PRId64 "\n", q->prompt_tokens, q->output_tokens);
	}
	ok = !ferror(f);
	ok = fclose(f) == 0 && ok;
	return ok || err_set(err, ERR_IO, "%s: cannot be written: %s", load->file, strerror(errno));
}

static void lengths(struct spread *s, double mean, double least)
{
	if (isnan(least)) {
		*s = (struct spread){ .kind = SPREAD_FIXED, .value = fmax(1, floor(mean + 0.5)) };
		return;
	}
	*s = (struct spread){ .kind = SPREAD_UNIFORM, .least = least, .most = fmax(least, 2 * mean - least) };
}

static void arrivals(const struct measured_run *run, struct workload *w)
{
	w->concurrency = run->concurrency;
	if (!isfinite(run->rate)) {
		w->arrivals.kind = ARRIVAL_ALL_AT_ONCE;
		return;
	}
	w->qps = run->rate;
	w->paced = run->concurrency > 0;
	w->arrivals.rescale = run->rescaled;
	if (isinf(run->burstiness)) {
		w->arrivals.kind = ARRIVAL_DETERMINISTIC;
	} else if (run->burstiness != 1) {
		w->arrivals.kind = ARRIVAL_GAMMA;
		w->arrivals.cv = 1 / sqrt(run->burstiness);
	} else {
		w->arrivals.kind = ARRIVAL_POISSON;
	}
}

bool measured_load_set(const struct measured_run *run, struct scenario *sc, struct measured_load *out, struct arena *arena, struct err *err)
{
	struct workload *w = &sc->workload;

	*out = (struct measured_load){ 0 };
	if (!scenario_workload(sc, NULL, arena, err))
		return false;
	if (run->list_count > 0) {
		if (!write_trace(run, out, err))
			return false;
		out->paired = replays_times(run);
		w->trace = arena_strdup(arena, out->file);
		w->requests = (int64_t)run->list_count;
		if (!w->trace)
			return err_memory(err);
		if (!out->paired)
			arrivals(run, w);
		return true;
	}
	if (!(run->prompt_mean >= 1 && run->output_mean >= 1 && run->requests > 0) || (isnan(run->rate) && run->concurrency == 0))
		return err_set(err, ERR_INPUT, "line %lld: the file does not say what was sent (requests, tokens, rate or concurrency): expected a SCENARIO.xml, "
			       "--workload or --trace with --load scenario", (long long)run->line);
	w->requests = run->requests;
	lengths(&w->prompt, run->prompt_mean, run->prompt_least);
	lengths(&w->output, run->output_mean, run->output_least);
	arrivals(run, w);
	return true;
}

void measured_load_remove(struct measured_load *load)
{
	if (load->file[0])
		unlink(load->file);
	load->file[0] = '\0';
}

const char *measured_load_text(const struct measured_run *run, struct arena *arena)
{
	char how[80];

	if (run->concurrency > 0)
		snprintf(how, sizeof(how), "%" PRId64 " at a time", run->concurrency);
	else if (isfinite(run->rate))
		snprintf(how, sizeof(how), "%.4g requests/s", run->rate);
	else
		snprintf(how, sizeof(how), "all at once");
	if (run->list_count > 0)
		return arena_printf(arena, "the %zu requests of the file, %s", run->list_count, replays_times(run) ? "at their recorded times" : how);
	return arena_printf(arena, "%" PRId64 " requests of %.0f + %.0f tokens%s, %s", run->requests, run->prompt_mean, run->output_mean,
			    isnan(run->prompt_least) ? "" : " on average", how);
}
