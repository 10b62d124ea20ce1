/* Demand from a table: requests_per_s beside time_s or date; a rate holds until the next line. */
#include <math.h>
#include <string.h>

#include "base/calendar.h"
#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/plan/traffic.h"

enum { ROWS_MOST = 10000000 };
static const double SPACING_LEAST_S = 1e-3;

struct reading {
	struct csv *csv;
	int time, date, rate;          /* columns; -1: absent */
	double (*rows)[2];
	size_t count, capacity;
};

static bool find_columns(struct reading *r, struct err *err)
{
	r->date = csv_find(r->csv, "date");
	r->time = csv_find(r->csv, "time_s");
	if (!csv_require(r->csv, "requests_per_s", &r->rate, err))
		return false;
	return r->date >= 0 || csv_require(r->csv, "time_s", &r->time, err);
}

static bool read_time(const struct reading *r, double *out, struct err *err)
{
	const char *text = csv_text(r->csv, r->date);
	int64_t ns;

	if (r->time >= 0)
		return csv_number(r->csv, r->time, out, err);
	if (!calendar_read(text, strlen(text), &ns))
		return err_set(err, ERR_INPUT, "%s:%lld: date=\"%.40s\": expected 2027-01-31 or 2027-01-31T12:00:00", csv_path(r->csv),
			       (long long)csv_line(r->csv), text);
	*out = (double)(ns / 1000) / 1e6;
	return true;
}

static bool read_row(struct reading *r, struct err *err)
{
	double at, rate;

	if (!read_time(r, &at, err) || !csv_number(r->csv, r->rate, &rate, err))
		return false;
	if (rate < 0 || rate > 1e9)
		return err_set(err, ERR_INPUT, "%s:%lld: requests_per_s=\"%g\": expected 0 to 1e9", csv_path(r->csv), (long long)csv_line(r->csv), rate);
	if (r->count > 0 && !(at > r->rows[r->count - 1][0]))
		return err_set(err, ERR_INPUT, "%s:%lld: the time is not after that of the line before: expected rising times", csv_path(r->csv),
			       (long long)csv_line(r->csv));
	if (r->count == ROWS_MOST)
		return err_set(err, ERR_INPUT, "%s: more than %d lines", csv_path(r->csv), ROWS_MOST);
	if (!mem_grow(&r->rows, &r->capacity, r->count + 1, sizeof(*r->rows)))
		return err_memory(err);
	r->rows[r->count][0] = at;
	r->rows[r->count++][1] = rate;
	return true;
}

/* Times from the first line on; the last rate holds as long as the one before it. */
static bool keep(struct reading *r, struct traffic *out, struct arena *arena, struct err *err)
{
	double first = r->rows[0][0], last, period;

	if (!(fabs(first) <= 1e12) || !(fabs(r->rows[r->count - 1][0]) <= 1e12))
		return err_set(err, ERR_INPUT, "%s: times of 1e12 seconds and more: expected seconds", csv_path(r->csv));
	for (size_t i = 0; i < r->count; i++)
		r->rows[i][0] -= first;
	last = r->rows[r->count - 1][0];
	period = r->count > 1 ? last + (last - r->rows[r->count - 2][0]) : 3600;
	/* Distinct times may have become one next to a first that is far away. */
	for (size_t i = 1; i < r->count; i++)
		if (!(r->rows[i][0] - r->rows[i - 1][0] >= SPACING_LEAST_S))
			return err_set(err, ERR_INPUT, "%s: lines %g s apart: expected at least %g s", csv_path(r->csv),
				       r->rows[i][0] - r->rows[i - 1][0], SPACING_LEAST_S);
	if (r->time < 0)
		out->steps.first_day_s = first;
	return traffic_keep_steps((const double (*)[2])r->rows, r->count, period, out, arena, err);
}

bool traffic_read_csv(const char *path, struct traffic *out, struct arena *arena, struct err *err)
{
	struct reading r = { .csv = csv_open(path, err) };
	struct err own = { 0 };
	bool ok = r.csv && find_columns(&r, err);

	while (ok && csv_next(r.csv, &own))
		ok = read_row(&r, err);
	if (ok && own.kind != ERR_NONE)
		ok = err_set(err, own.kind, "%s", own.text);
	if (ok && r.count == 0)
		ok = err_set(err, ERR_INPUT, "%s: no lines after the header, expected at least one rate", path);
	ok = ok && keep(&r, out, arena, err);
	mem_free(r.rows);
	csv_close(r.csv);
	return ok;
}
