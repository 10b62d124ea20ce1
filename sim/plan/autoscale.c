#include "sim/plan/autoscale.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

static const double WEEK = 604800, DAY = 86400;

static bool want_month_peak(const struct autoscale_view *v, int64_t *out, struct err *err)
{
	(void)err;
	for (size_t m = 0; m < v->months; m++) {
		double peak = 0;

		for (size_t i = v->month_first[m]; i < v->month_first[m + 1]; i++)
			peak = fmax(peak, v->demand[i]);
		for (size_t i = v->month_first[m]; i < v->month_first[m + 1]; i++)
			out[i] = v->need(v->ctx, peak);
	}
	return true;
}

static bool want_now(const struct autoscale_view *v, int64_t *out, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < v->count; i++)
		out[i] = v->need(v->ctx, v->demand[i]);
	return true;
}

/* The same time a week before, times how much the last day was above the day a week before it; nothing in the first eight
 * days, when there is no such past. Only demand before interval i is used. */
static double forecast(const struct autoscale_view *v, const double *before, size_t i, size_t at)
{
	size_t week = (size_t)llround(WEEK / v->interval_s), day = (size_t)llround(DAY / v->interval_s);
	double last, then;

	if (day == 0 || at >= i + week || i < week + day || at < week)
		return 0;
	last = before[i] - before[i - day];
	then = before[i - week] - before[i - week - day];
	return then > 0 ? v->demand[at - week] * last / then : 0;
}

/* What is seen, or what last week says will be there by the time that a replica ordered now serves. */
static bool want_forecast(const struct autoscale_view *v, int64_t *out, struct err *err)
{
	size_t ahead = (size_t)ceil((v->delays.react_s + v->delays.startup_s) / v->interval_s) + 1;
	double *before = mem_calloc(v->count + 1, sizeof(*before));

	if (!before)
		return err_memory(err);
	for (size_t i = 0; i < v->count; i++)
		before[i + 1] = before[i] + v->demand[i];
	for (size_t i = 0; i < v->count; i++) {
		double most = v->demand[i];

		for (size_t at = i + 1; at <= i + ahead && at < v->count; at++)
			most = fmax(most, forecast(v, before, i, at));
		out[i] = v->need(v->ctx, most);
	}
	mem_free(before);
	return true;
}

const struct autoscale_policy autoscale_policies[] = {
	{ "none", "sized for the peak of each month", false, want_month_peak },
	{ "reactive", "follows the demand that is seen", true, want_now },
	{ "predictive", "also starts ahead of what last week's curve forecasts", true, want_forecast },
	{ "perfect", "knows the future: a lower bound", false, want_now },
	{ NULL, NULL, false, NULL },
};
const char *const autoscale_policy_names[] = { "none", "reactive", "predictive", "perfect", NULL };

/* Wanted numbers still inside the scale-down delay, largest first: only those that no later one exceeds. */
struct window {
	struct wish { int64_t wanted; double until_s; } *at;
	size_t first, last;            /* [first, last) */
};

/* Replicas on their way up, in order of arrival. */
struct starting {
	struct batch { double ready_s; int64_t count; } *at;
	size_t first, last;
	int64_t sum;
};

struct scaler {
	const struct autoscale_view *v;
	struct autoscale_delays delays;
	int64_t least, ready;
	double capacity;
	const int64_t *wanted;
	struct window window;
	struct starting starting;
	size_t interval, seen;         /* intervals begun; wishes seen */
	struct autoscale_totals *totals;
};

static void see(struct scaler *s)
{
	struct window *w = &s->window;
	struct wish wish = { s->wanted[s->seen], INFINITY };

	/* A wish holds until the next replaces it, and the delay after that. */
	if (s->seen + 1 < s->v->count)
		wish.until_s = (double)(s->seen + 1) * s->v->interval_s + s->delays.react_s + s->delays.scale_down_s;
	while (w->last > w->first && w->at[w->last - 1].wanted <= wish.wanted)
		w->last--;
	w->at[w->last++] = wish;
	s->seen++;
}

static void start(struct scaler *s, double now_s, int64_t count)
{
	s->totals->starts += count;
	if (s->delays.startup_s <= 0) {
		s->ready += count;
		return;
	}
	s->starting.at[s->starting.last++] = (struct batch){ now_s + s->delays.startup_s, count };
	s->starting.sum += count;
}

/* Those that do not serve yet go first, the newest of them before the others. */
static void stop(struct scaler *s, int64_t count)
{
	struct starting *q = &s->starting;

	s->totals->stops += count;
	while (count > 0 && q->sum > 0) {
		struct batch *b = &q->at[q->last - 1];
		int64_t n = b->count < count ? b->count : count;

		b->count -= n;
		q->sum -= n;
		count -= n;
		if (b->count == 0)
			q->last--;
	}
	s->ready -= count;
}

static void follow(struct scaler *s, double now_s)
{
	int64_t held = s->ready + s->starting.sum, target = s->window.last > s->window.first ? s->window.at[s->window.first].wanted : held;

	if (target < s->least)
		target = s->least;
	if (target > held)
		start(s, now_s, target - held);
	else if (target < held)
		stop(s, held - target);
}

static double next_event(const struct scaler *s)
{
	double next = INFINITY, dt = s->v->interval_s;

	if (s->interval <= s->v->count)
		next = (double)s->interval * dt;       /* the last one ends the run */
	if (s->seen < s->v->count)
		next = fmin(next, (double)s->seen * dt + s->delays.react_s);
	if (s->window.last > s->window.first)
		next = fmin(next, s->window.at[s->window.first].until_s);
	if (s->starting.last > s->starting.first)
		next = fmin(next, s->starting.at[s->starting.first].ready_s);
	return next;
}

/* Everything that happens at that time. */
static void happen(struct scaler *s, double now_s)
{
	struct window *w = &s->window;
	struct starting *q = &s->starting;

	while (q->last > q->first && q->at[q->first].ready_s <= now_s) {
		s->ready += q->at[q->first].count;
		q->sum -= q->at[q->first++].count;
	}
	if (q->last == q->first)
		q->first = q->last = 0;
	while (s->interval < s->v->count && (double)s->interval * s->v->interval_s <= now_s)
		s->interval++;
	while (s->seen < s->v->count && (double)s->seen * s->v->interval_s + s->delays.react_s <= now_s)
		see(s);
	while (w->last > w->first && w->at[w->first].until_s <= now_s)
		w->first++;
	follow(s, now_s);
}

static void run(struct scaler *s, int64_t *held, int64_t *ready, double *shortfall)
{
	double end_s = (double)s->v->count * s->v->interval_s, now_s = 0;

	/* The fleet is there when the plan begins. */
	s->ready = s->wanted[0] > s->least ? s->wanted[0] : s->least;
	while (now_s < end_s) {
		size_t i;
		double next_s, missing;

		happen(s, now_s);
		next_s = fmin(next_event(s), end_s);
		i = s->interval - 1;
		missing = s->v->demand[i] - (double)s->ready * s->capacity;
		if (held[i] < s->ready + s->starting.sum)
			held[i] = s->ready + s->starting.sum;
		if (ready[i] < 0 || ready[i] > s->ready)
			ready[i] = s->ready;
		/* A rounding is no lost request. */
		if (missing > 1e-9 * s->v->demand[i]) {
			shortfall[i] += missing * (next_s - now_s);
			s->totals->shortfall_s += next_s - now_s;
		}
		s->totals->held_s += (double)(s->ready + s->starting.sum) * (next_s - now_s);
		now_s = next_s;
	}
}

bool autoscale_run(const struct autoscale_view *v, const struct autoscale_policy *policy, int64_t least, double capacity, int64_t *held,
		   int64_t *ready, double *shortfall, struct autoscale_totals *out, struct err *err)
{
	struct scaler s = { .v = v, .least = least, .capacity = capacity, .totals = out };
	int64_t *wanted = mem_calloc(v->count + 1, sizeof(*wanted));
	bool ok;

	memset(out, 0, sizeof(*out));
	s.window.at = mem_calloc(v->count + 1, sizeof(*s.window.at));
	/* At most one batch an event that changes what is wanted: a wish seen or a wish that ends. */
	s.starting.at = mem_calloc(2 * v->count + 2, sizeof(*s.starting.at));
	ok = wanted && s.window.at && s.starting.at;
	if (ok) {
		if (policy->delayed)
			s.delays = v->delays;
		for (size_t i = 0; i < v->count; i++) {
			held[i] = 0;
			ready[i] = -1;
			shortfall[i] = 0;
		}
		s.wanted = wanted;
		ok = policy->wanted(v, wanted, err);
		if (ok)
			run(&s, held, ready, shortfall);
		for (size_t i = 0; i < v->count; i++) {
			out->requests += v->demand[i] * v->interval_s;
			out->shortfall_requests += shortfall[i];
		}
	} else {
		err_memory(err);
	}
	mem_free(wanted);
	mem_free(s.window.at);
	mem_free(s.starting.at);
	return ok;
}
