#include "sim/plan/commit.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/*
 * As many units of flow as the peak has devices go from the first month to the end. A unit crosses a month either inside a
 * commitment (an arc from its month to the one after its last, at its price) or rented (an arc to the next month). Where f units
 * cross rented, L - f devices are reserved, so the f-th costs the hours in which demand is above L - f at the hourly price:
 * dearer with every unit, a convex cost. Sending one unit after another along the cheapest path that the arcs still allow,
 * backwards too, is then optimal at every step. Costs are whole micro-dollars, so that no rounding makes a cycle look cheap.
 */
struct flow {
	const struct commit_problem *p;
	int64_t level_most;                    /* L */
	int64_t *rent;                         /* by month, then level r: micro-USD of renting what is above r, up to r + 1 */
	int64_t rented[COMMIT_MONTHS_MOST];
	int64_t bought[COMMIT_MONTHS_MOST][COMMIT_TERMS_MOST];
	int64_t price[COMMIT_MONTHS_MOST][COMMIT_TERMS_MOST];  /* -1: not to be had */
	int64_t distance[COMMIT_MONTHS_MOST + 1];
	struct step {
		size_t from;
		int term, direction;           /* term -1: rented; direction -1: an earlier unit is taken back */
	} by[COMMIT_MONTHS_MOST + 1];
};

static double month_hours(const struct commit_problem *p, size_t month)
{
	return (double)(p->month_first[month + 1] - p->month_first[month]) * p->interval_s / 3600;
}

static size_t term_end(const struct commit_problem *p, size_t month, size_t term)
{
	size_t end = month + (size_t)p->terms[term].months;

	return end < p->months ? end : p->months;
}

/* Only the hours inside the plan are charged. */
static double term_usd(const struct commit_problem *p, size_t month, size_t term)
{
	double hours = 0;

	for (size_t m = month; m < term_end(p, month, term); m++)
		hours += month_hours(p, m);
	return hours * p->terms[term].usd_per_hour;
}

static int64_t micro(double usd)
{
	return (int64_t)llround(usd * 1e6);
}

/* The load-duration curve of each month, as the cost of renting each level. */
static void fill_rent(struct flow *f)
{
	const struct commit_problem *p = f->p;

	for (size_t m = 0; m < p->months; m++) {
		int64_t *level = f->rent + (size_t)f->level_most * m, intervals = 0;

		for (size_t i = p->month_first[m]; i < p->month_first[m + 1]; i++)
			if (p->demand[i] > 0)
				level[p->demand[i] - 1]++;
		for (int64_t r = f->level_most; r-- > 0;) {
			intervals += level[r];
			level[r] = micro((double)intervals * p->interval_s / 3600 * p->usd_per_hour);
		}
	}
}

static bool to_be_had(const struct commit_problem *p, size_t month, size_t term)
{
	return (p->every < 2 || month % p->every == 0) && (!p->within || month + (size_t)p->terms[term].months <= p->months);
}

/* A micro-dollar more: at equal cost nothing is committed. */
static void fill_prices(struct flow *f)
{
	const struct commit_problem *p = f->p;

	for (size_t m = 0; m < p->months; m++)
		for (size_t t = 0; t < p->term_count; t++)
			f->price[m][t] = to_be_had(p, m, t) ? micro(term_usd(p, m, t)) + 1 : -1;
}

static bool relax(struct flow *f, size_t from, size_t to, int64_t cost, int term, int direction)
{
	if (f->distance[from] == INT64_MAX || f->distance[from] + cost >= f->distance[to])
		return false;
	f->distance[to] = f->distance[from] + cost;
	f->by[to] = (struct step){ from, term, direction };
	return true;
}

static bool relax_month(struct flow *f, size_t m)
{
	const int64_t *level = f->rent + (size_t)f->level_most * m;
	int64_t n = f->rented[m], most = f->level_most;
	bool any = n < most && relax(f, m, m + 1, level[most - n - 1], -1, 1);

	if (n > 0)
		any |= relax(f, m + 1, m, -level[most - n], -1, -1);
	for (size_t t = 0; t < f->p->term_count; t++) {
		size_t end = term_end(f->p, m, t);

		if (f->price[m][t] < 0)
			continue;
		any |= relax(f, m, end, f->price[m][t], (int)t, 1);
		if (f->bought[m][t] > 0)
			any |= relax(f, end, m, -f->price[m][t], (int)t, -1);
	}
	return any;
}

static void send_unit(struct flow *f)
{
	bool any = true;

	for (size_t m = 0; m <= f->p->months; m++)
		f->distance[m] = m ? INT64_MAX : 0;
	while (any) {
		any = false;
		for (size_t m = 0; m < f->p->months; m++)
			any |= relax_month(f, m);
	}
	for (size_t at = f->p->months; at > 0; at = f->by[at].from) {
		const struct step *s = &f->by[at];
		size_t month = s->direction > 0 ? s->from : at;

		if (s->term < 0)
			f->rented[month] += s->direction;
		else
			f->bought[month][s->term] += s->direction;
	}
}

static bool take_result(const struct flow *f, struct commit_result *out, struct arena *arena, struct err *err)
{
	const struct commit_problem *p = f->p;

	out->bought = arena_alloc(arena, (p->months * p->term_count + 1) * sizeof(*out->bought));
	if (!out->bought)
		return err_memory(err);
	for (size_t m = 0; m < p->months; m++)
		for (size_t t = 0; t < p->term_count; t++) {
			if (f->bought[m][t] == 0)
				continue;
			out->bought[out->count++] = (struct commitment){ m, t, f->bought[m][t] };
			for (size_t k = m; k < term_end(p, m, t); k++)
				out->reserved[k] += f->bought[m][t];
		}
	return true;
}

bool commit_solve(const struct commit_problem *p, struct commit_result *out, struct arena *arena, struct err *err)
{
	struct flow *f;
	int64_t most = 0;
	bool ok = false;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < p->count; i++)
		most = p->demand[i] > most ? p->demand[i] : most;
	if (most > COMMIT_LEVELS_MOST || p->months > COMMIT_MONTHS_MOST || p->term_count > COMMIT_TERMS_MOST)
		return err_set(err, ERR_INPUT, "%lld units to buy over %zu months: expected at most %d and %d; buy larger units", (long long)most,
			       p->months, COMMIT_LEVELS_MOST, COMMIT_MONTHS_MOST);
	f = mem_calloc(1, sizeof(*f));
	if (f && (f->rent = mem_calloc((size_t)most * p->months + 1, sizeof(*f->rent)))) {
		f->p = p;
		f->level_most = most;
		fill_rent(f);
		fill_prices(f);
		for (int64_t unit = 0; unit < most && p->term_count > 0; unit++)
			send_unit(f);
		ok = take_result(f, out, arena, err);
		mem_free(f->rent);
	} else {
		err_memory(err);
	}
	mem_free(f);
	return ok;
}

double commit_usd(const struct commit_problem *p, const struct commit_result *r)
{
	double usd = 0;

	for (size_t i = 0; i < r->count; i++)
		usd += (double)r->bought[i].devices * term_usd(p, r->bought[i].month, r->bought[i].term);
	for (size_t m = 0; m < p->months; m++) {
		int64_t above = 0;

		for (size_t i = p->month_first[m]; i < p->month_first[m + 1]; i++)
			above += p->demand[i] > r->reserved[m] ? p->demand[i] - r->reserved[m] : 0;
		usd += (double)above * p->interval_s / 3600 * p->usd_per_hour;
	}
	return usd;
}
