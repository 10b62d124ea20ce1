#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "sim/plan/plan.h"
#include "sim/plan/spares.h"
#include "tests/unit/scratch.h"

static struct scenario *base(struct arena *a)
{
	struct scenario *sc = scenario_new(a, NULL);

	CU_ASSERT_FATAL(sc && scenario_workload(sc, "azure-conv-2023", a, NULL));
	sc->workload.requests = 100;
	sc->workload.qps = 4;
	sc->slo.ttft_p99 = 1;
	return sc;
}

static struct plan_spec *spec(const char *xml, const struct scenario *sc, struct arena *a)
{
	char path[SCRATCH_PATH];
	struct plan_spec *s;
	struct err err = { 0 };

	s = plan_spec_load(scratch_text(path, "plan.xml", xml), a, &err);
	if (!s || !plan_spec_settle(s, sc, a, &err))
		fprintf(stderr, "%s\n", err.text);
	remove(path);
	CU_ASSERT_FATAL(s && err.kind == ERR_NONE);
	return s;
}

static struct plan *plan(const char *xml, int threads, struct arena *a)
{
	struct scenario *sc = base(a);
	struct capacity_options o = { .threads = threads, .tolerance = 0.1, .interval = true, .version = "test" };
	struct plan *p = arena_alloc(a, sizeof(*p));
	struct err err = { 0 };
	bool ok = plan_run(spec(xml, sc, a), sc, &o, p, a, &err);

	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_FATAL(ok);
	return p;
}

static void constant_demand_is_a_constant_plan(void)
{
	struct arena *a = arena_new();
	struct plan *p = plan("<plan months='6' interval_s='3600'><demand rate='100'/><scaling headroom='0.2'/><redundancy spares='2'/></plan>", 1, a);
	const struct plan_case *k = &p->cases[CAPACITY_LIKELY];
	double qps = p->units[0].qps[CAPACITY_LIKELY];
	int64_t units = (int64_t)ceil(100 / (0.8 * qps)) + 2;

	CU_ASSERT_EQUAL(p->month_count, 6);
	for (size_t m = 0; m < 6; m++) {
		CU_ASSERT_EQUAL(k->months[m].units_peak, units);
		CU_ASSERT_EQUAL(k->months[m].devices_peak, units);
		CU_ASSERT_DOUBLE_EQUAL(k->months[m].demand_peak, 100, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(k->months[m].headroom, (double)units * qps / 100 - 1, 1e-9);
		/* Used all the time, so all of it is committed, for three years from the first day. */
		CU_ASSERT_EQUAL(k->months[m].committed, units);
		CU_ASSERT_DOUBLE_EQUAL(k->months[m].usd, (double)units * 1.3 * k->months[m].hours, 1e-6);
	}
	CU_ASSERT_EQUAL_FATAL(k->purchase_count, 1);
	CU_ASSERT(k->purchases[0].devices == units && strcmp(k->purchases[0].term, "reserved-3y") == 0);
	/* 2027-01-01 to 2027-07-01 are 181 days, to 2030-01-01 1,096. */
	CU_ASSERT_DOUBLE_EQUAL(k->purchases[0].usd, (double)units * 1.3 * 24 * 181, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(k->usd_beyond, (double)units * 1.3 * 24 * (1096 - 181), 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(k->total.requests, 100.0 * 181 * 86400, 1);
	arena_free(a);
}

static const char *const MIXED =
	"<plan months='5' start='2027-03-15' interval_s='1800'><demand rate='weekly:mean=150,peak=400' growth_per_month='0.1'/>"
	"<class name='chat' share='0.75'/><class name='code' share='0.25'><set path='tp' value='2'/><set path='slo.ttft_p99' value='2'/></class>"
	"<class name='batch' rate='30'/><region name='us' share='0.5' utc_offset_h='-6'/><region name='eu' share='0.5' price_factor='1.25' utc_offset_h='1'/>"
	"<redundancy mtbf_h='2000' mttr_h='10' availability='0.999'/><scaling policy='predictive' startup_s='900'/>"
	"<buying reserved_1y='1.9' spot='0.9' spot_share='0.4' own='yes' unit_devices='4'/></plan>";

/* Sums of parts are the whole: money by how it is paid, by month, by site, by purchase; requests by pool; devices by unit. */
static void nothing_is_lost(void)
{
	struct arena *a = arena_new();
	struct plan *p = plan(MIXED, 2, a);
	const struct plan_case *k = &p->cases[CAPACITY_LIKELY];
	double usd = 0, by_site = 0, committed = 0, bought = 0, requests = 0;

	CU_ASSERT_EQUAL(k->pool_count, 6);
	CU_ASSERT_EQUAL(k->site_count, 2);
	for (size_t m = 0; m < p->month_count; m++) {
		const struct plan_month *o = &k->months[m];

		CU_ASSERT_DOUBLE_EQUAL(o->usd, o->usd_committed + o->usd_rented + o->usd_spot, 1e-6);
		usd += o->usd;
		committed += o->usd_committed;
	}
	for (size_t n = 0; n < k->site_count; n++)
		by_site += k->sites[n].usd;
	for (size_t n = 0; n < k->purchase_count; n++)
		bought += k->purchases[n].usd;
	for (size_t n = 0; n < k->pool_count; n++)
		requests += k->pools[n].totals.requests;
	CU_ASSERT_DOUBLE_EQUAL(usd, k->total.usd, 1e-6 * usd);
	CU_ASSERT_DOUBLE_EQUAL(by_site, usd, 1e-6 * usd);
	CU_ASSERT_DOUBLE_EQUAL(committed, k->total.usd_committed, 1e-6 * usd);
	CU_ASSERT_DOUBLE_EQUAL(bought, committed, 1e-6 * usd);
	CU_ASSERT_DOUBLE_EQUAL(requests, k->total.requests, 1e-9 * requests);
	CU_ASSERT(k->total.usd <= k->usd_uncommitted && k->purchase_count > 0 && k->total.usd_spot > 0);
	for (size_t i = 0; i < p->interval_count; i += 17)
		for (size_t n = 0; n < k->site_count; n++) {
			int64_t devices = 0;

			for (size_t c = 0; c < k->pool_count; c++)
				devices += k->pools[c].site == n ? k->pools[c].held[i] * k->pools[c].unit->devices : 0;
			CU_ASSERT_EQUAL(devices, k->sites[n].devices[i]);
			CU_ASSERT_EQUAL(k->sites[n].bought_units[i], (devices + 3) / 4);
		}
	/* Less capacity never costs less. */
	CU_ASSERT(p->cases[CAPACITY_LOW].total.usd >= k->total.usd && p->cases[CAPACITY_HIGH].total.usd <= k->total.usd);
	arena_free(a);
}

/* A region's price is the catalog's times its factor; clocks move its peak. */
static void regions_differ(void)
{
	struct arena *a = arena_new();
	struct plan *p = plan(MIXED, 1, a);
	const struct plan_case *k = &p->cases[CAPACITY_LIKELY];
	size_t a_day = 48;

	CU_ASSERT_DOUBLE_EQUAL(k->sites[1].on_demand.usd_per_hour, 1.25 * k->sites[0].on_demand.usd_per_hour, 1e-9);
	/* The first day's peaks at 14:00 by their own clocks: 20:00 and 13:00 UTC. */
	for (size_t n = 0; n < 2; n++) {
		size_t peak = 0;

		for (size_t i = 0; i < a_day; i++)
			if (k->pools[n].demand[i] > k->pools[n].demand[peak])
				peak = i;
		CU_ASSERT_EQUAL(peak, n == 0 ? 40 : 26);
	}
	arena_free(a);
}

static void threads_change_nothing(void)
{
	struct arena *a = arena_new();
	struct plan *one = plan(MIXED, 1, a), *many = plan(MIXED, 5, a);

	for (int i = 0; i < CAPACITY_CASES; i++) {
		const struct plan_case *x = &one->cases[i], *y = &many->cases[i];

		CU_ASSERT(memcmp(&x->total, &y->total, sizeof(x->total)) == 0 && x->purchase_count == y->purchase_count);
		CU_ASSERT(memcmp(one->units[0].qps, many->units[0].qps, sizeof(one->units[0].qps)) == 0);
		for (size_t m = 0; m < one->month_count; m++)
			CU_ASSERT(memcmp(&x->months[m], &y->months[m], sizeof(x->months[m])) == 0);
	}
	arena_free(a);
}

/* Units with failures: as many as the binomial says at the peak. */
static void failures_ask_for_spares(void)
{
	struct arena *a = arena_new();
	struct plan *p = plan("<plan months='1' interval_s='86400'><demand rate='300'/><redundancy mtbf_h='500' mttr_h='20' availability='0.9999'/></plan>", 1, a);
	const struct plan_pool *pool = &p->cases[CAPACITY_LIKELY].pools[0];
	int64_t n = (int64_t)ceil(300 / (0.9 * pool->qps)), spares = pool->spares_peak;

	CU_ASSERT_DOUBLE_EQUAL(pool->down_share, 20.0 / 520, 1e-12);
	CU_ASSERT_EQUAL(pool->held[0], n + spares);
	CU_ASSERT(spares > 0 && spares_availability(n, spares, pool->down_share) >= 0.9999 &&
		  spares_availability(n, spares - 1, pool->down_share) < 0.9999);
	arena_free(a);
}

/* The capacity found is one that the simulator itself meets, and a tenth more is one that it misses. */
static void capacity_is_simulated(void)
{
	struct arena *a = arena_new();
	struct plan *p = plan("<plan months='1'><demand rate='1'/></plan>", 1, a);
	struct catalog_cache *cache = catalog_cache_new(NULL);
	struct scenario sc = *p->scenarios[0];
	struct outcome o;

	/* Of the 100 requests that the scenario has, any number a second would do: more were simulated. */
	CU_ASSERT(p->units[0].requests > 100 && p->units[0].spans >= SPANS_LEAST);
	sc.workload.requests = (int64_t)p->units[0].requests;
	sc.workload.qps = p->units[0].qps[CAPACITY_LIKELY];
	CU_ASSERT_FATAL(outcome_simulate(&sc, cache, NULL, &o, NULL));
	CU_ASSERT(o.status == OUTCOME_DONE && o.slos_met);
	sc.workload.qps *= 1.1;
	CU_ASSERT_FATAL(outcome_simulate(&sc, cache, NULL, &o, NULL));
	CU_ASSERT(!o.slos_met);
	CU_ASSERT(p->units[0].qps[CAPACITY_LOW] <= p->units[0].qps[CAPACITY_LIKELY] && p->units[0].qps[CAPACITY_HIGH] >= p->units[0].qps[CAPACITY_LIKELY]);
	catalog_cache_free(cache);
	arena_free(a);
}

static void refuses(void)
{
	static const struct { const char *xml, *says; } cases[] = {
		{ "<plan/>", "how many requests? expected --demand" }, { "<plan interval_s='700'><demand rate='1'/></plan>", "does not divide a day" },
		{ "<plan><demand rate='1'/><class name='a' share='0.5'/></plan>", "the shares of the classes add up to 0.5: expected 1" },
		{ "<plan><demand rate='1'/><class name='a' share='0.5'/><class name='a' share='0.5'/></plan>", "two of the classes are called 'a'" },
		{ "<plan><demand rate='1'/><region name='x' share='0.9'/></plan>", "the shares of the regions add up to 0.9" },
		{ "<plan start='soon'><demand rate='1'/></plan>", "expected a date" }, { "<plan monts='3'/>", "did you mean 'months'?" },
		{ "<plan><scaling policy='reactiv'/></plan>", "reactive" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[SCRATCH_PATH];
		struct arena *a = arena_new();
		struct scenario *sc = base(a);
		struct err err = { 0 };
		struct plan_spec *s = plan_spec_load(scratch_text(path, "plan.xml", cases[i].xml), a, &err);

		TRUE_FOR(cases[i].xml, !s || !plan_spec_settle(s, sc, a, &err));
		if (!strstr(err.text, cases[i].says))
			fprintf(stderr, "got: %s\n", err.text);
		TRUE_FOR(cases[i].says, strstr(err.text, cases[i].says) != NULL && err.kind == ERR_INPUT);
		remove(path);
		arena_free(a);
	}
}

CU_TestInfo suite_plan[] = { { "constant demand is a constant plan", constant_demand_is_a_constant_plan }, { "nothing is lost", nothing_is_lost },
			     { "regions differ", regions_differ }, { "threads change nothing", threads_change_nothing },
			     { "failures ask for spares", failures_ask_for_spares }, { "capacity is simulated", capacity_is_simulated },
			     { "refuses", refuses }, CU_TEST_INFO_NULL };
