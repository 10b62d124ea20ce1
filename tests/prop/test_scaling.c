/* A device twice as fast under traffic twice as fast halves every time: no constant in seconds hides anywhere between the
 * workload and the records. */
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "tests/prop/random_scenario.h"
#include "tests/prop/runs.h"

/* A made-up device with all rates times `speed` and all fixed times divided by it. Not a GPU: those have start-up times of
 * their own kernels in the operator model, the same for all. */
static const char *write_device(char path[256], double speed)
{
	const char *folder = getenv("TMPDIR");
	FILE *f;

	snprintf(path, 256, "%s/vibee-scaling-%ld-%g.xml", folder && *folder ? folder : "/tmp", (long)getpid(), speed);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "<device name=\"test-device\" title=\"made up\" vendor=\"none\" year=\"2026\" status=\"shipping\" kind=\"dataflow\" source=\"test\">\n"
		   "<peak bf16_tflops=\"%g\" fp32_tflops=\"%g\" source=\"test\"/><memory type=\"HBM\" gib=\"256\" gb_s=\"%g\" source=\"test\"/>\n"
		   "<host name=\"host\" topology=\"pcie\" gb_s=\"%g\" source=\"test\"/>"
		   "<scale_out name=\"net\" topology=\"switch\" gb_s=\"%g\" latency_us=\"%g\" base_us=\"%g\" hop_us=\"%g\" source=\"test\"/>"
		   "<power tdp_w=\"500\" idle_w=\"100\" source=\"test\"/>"
		   "<efficiency dtype=\"none\" launch_us=\"%g\" source=\"test\"/></device>\n",
		512 * speed, 64 * speed, 2048 * speed, 32 * speed, 16 * speed, 8 / speed, 16 / speed, 8 / speed, 2 / speed);
	fclose(f);
	return path;
}

static void times_two(double *at)
{
	*at *= 2;              /* NAN stays NAN: not given */
}

static void halve(double *at)
{
	*at /= 2;
}

/* Traffic and links twice as fast. */
static void speed_up(struct scenario *sc)
{
	struct workload *w = &sc->workload;

	times_two(&w->qps);
	halve(&w->arrivals.quantum_s);
	halve(&w->arrivals.burst_s);
	halve(&w->arrivals.period_s);
	halve(&w->sessions.think_s.mean);
	times_two(&sc->deployment.transfer_bytes_s);
	halve(&sc->deployment.transfer_latency_s);
	times_two(&sc->offload.host_bytes_s);
	times_two(&sc->offload.disk_bytes_s);
}

static bool halved(const struct records *slow, const struct records *fast)
{
	if (slow->count != fast->count)
		return false;
	for (size_t i = 0; i < slow->count; i++) {
		const struct request_record *a = &slow->at[i], *b = &fast->at[i];

		if (a->id != b->id || a->preemptions != b->preemptions || !close_to(a->arrival_s, 2 * b->arrival_s, 1e-9) ||
		    !close_to(a->ttft_s, 2 * b->ttft_s, 1e-9) || !close_to(a->tpot_s, 2 * b->tpot_s, 1e-9) ||
		    !close_to(a->e2e_s, 2 * b->e2e_s, 1e-9) || fabs(a->queue_s - 2 * b->queue_s) > 1e-9 * fmax(a->e2e_s, 1e-3)) {
			printf("  request %lld: arrives %.12g / %.12g, ttft %.12g / %.12g, e2e %.12g / %.12g\n", (long long)a->id, a->arrival_s,
			       b->arrival_s, a->ttft_s, b->ttft_s, a->e2e_s, b->e2e_s);
			return false;
		}
	}
	return true;
}

static void twice_as_fast(void)
{
	int wrong = 0, seeds = seed_count(60);
	char slow_path[256], fast_path[256];

	write_device(slow_path, 1);
	write_device(fast_path, 2);
	for (int seed = 1; seed <= seeds; seed++) {
		struct arena *a = arena_new();
		struct records slow = { 0 }, fast = { 0 };
		struct result first = { 0 }, second = { 0 };
		struct err err = { 0 };
		struct scenario *sc = random_scenario((uint64_t)seed, a, &err);
		bool ok = sc != NULL;

		if (ok) {
			sc->hardware.device = slow_path;
			sc->hardware.host_overhead = "none";
			sc->hardware.provider = "analytic";
			sc->deployment.tp = 1;
			ok = run_scenario(sc, &slow, &first, a, &err);
			sc->hardware.device = fast_path;
			speed_up(sc);
			ok = ok && run_scenario(sc, &fast, &second, a, &err) && halved(&slow, &fast);
			ok = ok && close_to(first.itl_s.mean, 2 * second.itl_s.mean, 1e-9) && close_to(first.duration_s, 2 * second.duration_s, 1e-9) &&
			     close_to(first.mfu, second.mfu, 1e-9) && close_to(first.mbu, second.mbu, 1e-9) &&
			     close_to(first.usd, 2 * second.usd, 1e-9) && close_to(first.kv_utilization_mean, second.kv_utilization_mean, 1e-9);
		}
		if (!ok) {
			printf("  itl %.12g / %.12g, mfu %.12g / %.12g\n", first.itl_s.mean, second.itl_s.mean, first.mfu, second.mfu);
			describe(seed, "not halved", sc, &err);
			wrong++;
		}
		free(slow.at);
		free(fast.at);
		arena_free(a);
	}
	remove(slow_path);
	remove(fast_path);
	CU_ASSERT_EQUAL(wrong, 0);
}

CU_TestInfo suite_scaling[] = {
	{ "twice the speed halves every time", twice_as_fast },
	CU_TEST_INFO_NULL,
};
