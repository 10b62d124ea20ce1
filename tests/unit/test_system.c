/* hardware/system: every file loads with its device, links are inherited where the file says nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "hardware/catalog.h"
#include "hardware/system.h"

static void every_system_loads(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = catalog_names("hardware/systems", &count, a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	CU_ASSERT_TRUE(count >= 22);
	for (size_t i = 0; i < count; i++) {
		struct err own = { 0 };
		const struct system *s = system_load(names[i], a, &own);

		if (!s)
			printf("%s\n", own.text);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_STRING_EQUAL(s->name, names[i]);
		CU_ASSERT_TRUE(system_devices(s) >= 1);
		CU_ASSERT_TRUE(system_domain(s) >= 1);
		CU_ASSERT_TRUE(link_present(&s->scale_up) == (s->scale_up.topology != TOPOLOGY_NONE) ||
			       s->scale_up.domain == 1);
	}
	arena_free(a);
}

static void links_are_inherited(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct system *dgx = system_load("dgx-h100", a, &err), *rack = system_load("gb200_nvl72", a, &err);
	const struct system *pairs = system_load("a100-pairwise", a, &err);

	CU_ASSERT_TRUE_FATAL(dgx && rack && pairs);
	CU_ASSERT_DOUBLE_EQUAL(dgx->scale_up.bytes_s, 450e9, 1);
	CU_ASSERT_EQUAL(system_domain(dgx), 8);
	CU_ASSERT_DOUBLE_EQUAL(rack->scale_up.bytes_s, 900e9, 1);
	CU_ASSERT_TRUE(rack->scale_up.reduces && rack->scale_up.base_s > 0);
	CU_ASSERT_EQUAL(system_domain(rack), 72);
	CU_ASSERT_EQUAL(system_devices(rack), 72);
	/* Another kind of link does not inherit the calibration of the device's own. */
	CU_ASSERT_EQUAL(pairs->scale_up.topology, TOPOLOGY_PAIR);
	CU_ASSERT_TRUE(isnan(pairs->scale_up.direct_base_s));
	arena_free(a);
}

static void a_device_alone_makes_a_system(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *h100 = device_load("h100", a, &err), *ultra = device_load("m3-ultra", a, &err);
	const struct system *s = system_for_device(h100, a, &err), *alone = system_for_device(ultra, a, &err);

	CU_ASSERT_TRUE_FATAL(s && alone);
	CU_ASSERT_EQUAL(system_domain(s), 8);
	CU_ASSERT_PTR_EQUAL(s->device, h100);
	CU_ASSERT_DOUBLE_EQUAL(s->scale_out.bytes_s, 50e9, 1);
	CU_ASSERT_EQUAL(system_domain(alone), 1);
	arena_free(a);
}

static void refuses_bad_files(void)
{
	static const struct { const char *file, *says;
	} cases[] = {
		{ "dgx-h10", "unknown system 'dgx-h10': did you mean 'dgx-h100'?" },
		{ "tests/data/hardware/system_device.xml",
		  "system_device.xml: device=\"h1000\": unknown device 'h1000': did you mean 'h100'?" },
		{ "tests/data/hardware/system_topology.xml",
		  "system_topology.xml:2: topology=\"tours2d\": expected one of none switch" },
		{ "tests/data/hardware/system_nodes.xml",
		  "system_nodes.xml:1: nodes=\"0\": expected a whole number, 1 to 1000000" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };

		CU_ASSERT_PTR_NULL(system_load(cases[i].file, a, &err));
		if (!strstr(err.text, cases[i].says))
			printf("expected: %s\n     got: %s\n", cases[i].says, err.text);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		arena_free(a);
	}
}

CU_TestInfo suite_system[] = {
	{ "every catalog system loads", every_system_loads },
	{ "links are inherited from the device", links_are_inherited },
	{ "a device alone makes a system", a_device_alone_makes_a_system },
	{ "refuses bad files with file, line and nearest name", refuses_bad_files },
	CU_TEST_INFO_NULL
};
