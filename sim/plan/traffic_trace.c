/* Demand from a request trace: arrivals counted in bins, whatever their number. */
#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/plan/traffic.h"
#include "workloads/trace.h"

enum { BINS_MOST = 10000000 };

struct counting {
	double (*rows)[2];
	size_t count, capacity;
	double requests, first_s, last_s;
};

static bool count_row(struct counting *c, const struct trace_row *row, const char *path, double bin_s, struct err *err)
{
	double bin;

	if (c->requests == 0)
		c->first_s = row->arrival_s;
	bin = floor((row->arrival_s - c->first_s) / bin_s);
	if (!(bin < BINS_MOST))
		return err_set(err, ERR_INPUT, "%s: spans more than %d intervals of %g s: expected a longer --interval", path, BINS_MOST, bin_s);
	if (!mem_grow(&c->rows, &c->capacity, (size_t)bin + 1, sizeof(*c->rows)))
		return err_memory(err);
	for (; c->count <= (size_t)bin; c->count++) {
		c->rows[c->count][0] = (double)c->count * bin_s;
		c->rows[c->count][1] = 0;
	}
	c->rows[(size_t)bin][1] += 1;
	c->last_s = row->arrival_s;
	c->requests += 1;
	return true;
}

/* The trace lasts one mean gap longer than its last arrival; the last bin is divided by the part of it that is filled. */
static bool keep(struct counting *c, const char *path, double bin_s, struct traffic *out, struct arena *arena, struct err *err)
{
	double span = c->last_s - c->first_s, period;

	if (c->requests < 2 || !(span > 0))
		return err_set(err, ERR_INPUT, "%s: expected at least two arrivals at different times", path);
	period = span * c->requests / (c->requests - 1);
	for (size_t i = 0; i < c->count; i++)
		c->rows[i][1] /= fmin(bin_s, period - c->rows[i][0]);
	return traffic_keep_steps((const double (*)[2])c->rows, c->count, period, out, arena, err);
}

bool traffic_read_trace(const char *path, double bin_s, struct traffic *out, struct arena *arena, struct err *err)
{
	struct trace_options options = { .format = TRACE_AUTO };
	struct trace *t = trace_open(path, &options, err);
	struct counting c = { 0 };
	struct trace_row row;
	struct err own = { 0 };
	bool ok = t != NULL;

	if (ok && !trace_has_times(t))
		ok = err_set(err, ERR_INPUT, "%s: its requests have no arrival times: expected a trace that has", path);
	/* Later turns come when answers end: their place is the server's doing. Only first turns and rows with times count. */
	while (ok && trace_next(t, &row, &own))
		ok = isnan(row.arrival_s) || count_row(&c, &row, path, bin_s, err);
	if (ok && own.kind != ERR_NONE)
		ok = err_set(err, own.kind, "%s", own.text);
	ok = ok && keep(&c, path, bin_s, out, arena, err);
	mem_free(c.rows);
	trace_close(t);
	return ok;
}
