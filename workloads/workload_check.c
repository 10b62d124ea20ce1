#include <math.h>
#include <stdio.h>

#include "base/str.h"
#include "workloads/arrivals.h"
#include "workloads/sampler.h"
#include "workloads/workload.h"

double workload_qps(const struct workload *w)
{
	return isnan(w->qps) ? arrivals_own_qps(&w->arrivals) : w->qps;
}

static const char *label(const struct workload *w)
{
	return w->name ? w->name : "workload";
}

/* A spread that builds is a good one; its texts and tables are thrown away again. */
static bool check_spread(const struct workload *w, const struct spread *p, const char *element, struct err *err)
{
	struct sampler s = { 0 };
	char what[160];
	bool ok;

	if (p->kind == SPREAD_NONE)
		return true;
	snprintf(what, sizeof(what), "%.60s: %.60s", label(w), element);
	ok = sampler_init(&s, p, what, err);
	sampler_release(&s);
	return ok;
}

static bool check_lengths(const struct workload *w, struct err *err)
{
	if (!check_spread(w, &w->prompt, "prompt_tokens", err) || !check_spread(w, &w->output, "output_tokens", err) ||
	    !check_spread(w, &w->total, "total_tokens", err))
		return false;
	for (size_t i = 0; i < w->class_count; i++) {
		const struct workload_class *c = &w->classes[i];

		if (!check_spread(w, &c->prompt, "class prompt_tokens", err) ||
		    !check_spread(w, &c->output, "class output_tokens", err))
			return false;
		if (!w->trace && ((c->prompt.kind == SPREAD_NONE && w->prompt.kind == SPREAD_NONE) ||
				  (c->output.kind == SPREAD_NONE && w->output.kind == SPREAD_NONE)))
			return err_set(err, ERR_INPUT,
				       "%s: class '%s' has no lengths: expected <prompt_tokens> and <output_tokens>",
				       label(w), c->name);
	}
	if (w->trace || w->class_count)
		return true;
	if (w->total.kind != SPREAD_NONE && (w->prompt.kind != SPREAD_NONE || w->output.kind != SPREAD_NONE))
		return err_set(
			err, ERR_INPUT,
			"%s: total_tokens stands beside prompt_tokens or output_tokens: expected one or the other",
			label(w));
	if (w->total.kind == SPREAD_NONE && (w->prompt.kind == SPREAD_NONE || w->output.kind == SPREAD_NONE))
		return err_set(err, ERR_INPUT, "%s: no %s: expected a distribution, or a trace", label(w),
			       w->prompt.kind == SPREAD_NONE ? "prompt_tokens" : "output_tokens");
	return true;
}

static bool check_sessions(const struct workload *w, struct err *err)
{
	const struct sessions *s = &w->sessions;

	if (!check_spread(w, &s->turns, "turns", err) || !check_spread(w, &s->think_s, "think_s", err))
		return false;
	if (s->users > 0 && w->concurrency > 0)
		return err_set(
			err, ERR_INPUT,
			"%s: sessions take turns at the arrivals (users=%lld): no closed loop (concurrency) with them",
			label(w), (long long)s->users);
	if ((s->waits || s->repeats) && s->users == 0)
		return err_set(err, ERR_INPUT, "%s: sessions: %s=yes says what fixed users do: expected users over 0", label(w),
			       s->waits ? "waits" : "repeats");
	if (s->repeats && s->grows)
		return err_set(err, ERR_INPUT, "%s: sessions: the same prompt at every turn (repeats=yes) cannot grow: expected grows=no",
			       label(w));
	if ((s->turns.kind != SPREAD_NONE || s->users > 0) && w->trace)
		return err_set(err, ERR_INPUT, "%s: a trace brings its own sessions: expected no <sessions> beside it",
			       label(w));
	return true;
}

bool workload_check(const struct workload *w, struct err *err)
{
	const struct prefixes *p = &w->prefixes;
	double qps;

	if (!check_lengths(w, err) || !check_sessions(w, err) || !check_spread(w, &p->overlap, "overlap", err) ||
	    !check_spread(w, &p->distance, "distance", err) || !check_spread(w, &w->arrivals.gap_s, "gap_s", err))
		return false;
	if (p->reuse_share > 0 && (p->overlap.kind == SPREAD_NONE || p->distance.kind == SPREAD_NONE))
		return err_set(err, ERR_INPUT, "%s: reuse_share needs <overlap> and <distance>", label(w));
	if (p->reuse_share > 0 && (w->sessions.turns.kind != SPREAD_NONE || w->sessions.users > 0))
		return err_set(err, ERR_INPUT,
			       "%s: reuse_share and sessions are two models of the same thing: expected one of them",
			       label(w));
	if (w->paced && w->concurrency == 0)
		return err_set(err, ERR_INPUT, "%s: paced needs concurrency", label(w));
	if (w->repeat && w->trace && w->requests == 0 && isnan(w->duration_s))
		return err_set(err, ERR_INPUT, "%s: a repeated trace has no end: expected requests or duration_s",
			       label(w));
	if (w->trace || (w->concurrency > 0 && !w->paced))
		return true;
	qps = workload_qps(w);
	if (!(qps > 0) && w->arrivals.kind != ARRIVAL_ALL_AT_ONCE)
		return err_set(err, ERR_INPUT,
			       "%s: no arrival rate: expected qps, concurrency or arrivals of kind all-at-once",
			       label(w));
	return true;
}
