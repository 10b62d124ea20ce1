#include "sim/plan/demand.h"

#include "workloads/source.h"

bool demand_of(const struct scenario *sc, struct demand *out, struct err *err)
{
	struct source *s = source_open(&sc->workload, (uint64_t)sc->seed, err);
	double first = 0, last = 0;
	struct err own = { 0 };
	struct request r;

	*out = (struct demand){ 0 };
	if (!s)
		return false;
	/* Later turns of a session and closed loops come when earlier answers end. */
	if (!source_causes_followups(s) && sc->workload.concurrency == 0) {
		out->fixed = true;
		while (source_next(s, &r, &own)) {
			if (out->requests == 0)
				first = r.arrival_s;
			last = r.arrival_s;
			out->requests += 1;
			out->output_tokens += (double)r.output_tokens;
		}
		out->span_s = last - first;
	}
	source_close(s);
	return own.kind == ERR_NONE || err_set(err, own.kind, "%s", own.text);
}
