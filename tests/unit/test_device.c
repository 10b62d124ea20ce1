/* hardware/device and the catalogs: every file loads, names and aliases resolve, bad files are refused in one line. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/str.h"
#include "hardware/catalog.h"
#include "hardware/device.h"
#include "hardware/fitted.h"
#include "hardware/stack.h"

static const char *const *device_names(size_t *count, struct arena *a)
{
	struct err err = { 0 };
	const char *const *names = catalog_names("hardware/devices", count, a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	return names;
}

static void every_device_loads(void)
{
	struct arena *a = arena_new();
	size_t count, usable = 0;
	const char *const *names = device_names(&count, a);

	for (size_t i = 0; i < count; i++) {
		struct err err = { 0 };
		const struct device *d = device_load(names[i], a, &err);

		if (!d)
			printf("%s\n", err.text);
		CU_ASSERT_PTR_NOT_NULL_FATAL(d);
		CU_ASSERT_STRING_EQUAL(d->name, names[i]);
		CU_ASSERT_TRUE(d->simulatable == (d->reason == NULL));
		usable += d->simulatable;
		if (!d->simulatable)
			continue;
		CU_ASSERT_TRUE(device_memory_bytes(d) <= d->memory.bytes);
		for (int t = 0; t < DTYPE_COUNT; t++)
			CU_ASSERT_TRUE(device_peak(d, (enum dtype)t, NULL) > 0);
		/* The next narrower format is never slower, where both are given for floating point. */
		if (d->peak.flop_s[DTYPE_FP8] > 0)
			CU_ASSERT_TRUE(d->peak.flop_s[DTYPE_FP8] >= d->peak.flop_s[DTYPE_BF16]);
	}
	CU_ASSERT_TRUE(count >= 55);
	CU_ASSERT_TRUE(usable >= 45);
	arena_free(a);
}

/* An alias names one device only, and no alias hides behind another file's name. */
static void aliases_are_unique(void)
{
	enum { MOST = 1024 };
	static const char *seen[MOST];
	struct arena *a = arena_new();
	size_t count, n = 0;
	const char *const *names = device_names(&count, a);

	for (size_t i = 0; i < count; i++)
		seen[n++] = names[i];
	for (size_t i = 0; i < count; i++) {
		struct err err = { 0 };
		const struct device *d = device_load(names[i], a, &err);
		const char *at = d && d->aliases ? d->aliases : "";

		while (*at) {
			size_t length = strcspn(at, " ");
			char *word = arena_printf(a, "%.*s", (int)length, at);
			const struct device *found = device_load(word, a, &err);

			for (size_t k = 0; k < n; k++)
				if (strcmp(seen[k], word) == 0)
					printf("alias %s of %s is taken\n", word, names[i]);
			for (size_t k = 0; k < n; k++)
				CU_ASSERT_STRING_NOT_EQUAL(seen[k], word);
			CU_ASSERT_TRUE(n < MOST);
			seen[n++] = word;
			CU_ASSERT_TRUE(found && strcmp(found->name, names[i]) == 0);
			at += length + strspn(at + length, " ");
		}
	}
	arena_free(a);
}

static void names_as_people_say_them(void)
{
	static const struct { const char *said, *is;
	} cases[] = {
		{ "h100", "h100" },
		{ "H100", "h100" },
		{ "h100_sxm", "h100" },
		{ "H100-SXM", "h100" },
		{ "a100_80gb", "a100" },
		{ "rtx_4090", "rtx-4090" },
		{ "tpu v6e", "tpu-v6e" },
		{ "trn2", "trainium2" },
		{ "wormhole", "tenstorrent-n150" },
		{ "hardware/devices/l4.xml", "l4" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		const struct device *d = device_load(cases[i].said, a, &err);

		if (!d)
			printf("%s\n", err.text);
		CU_ASSERT_TRUE(d && strcmp(d->name, cases[i].is) == 0);
	}
	arena_free(a);
}

static void h100_by_hand(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("h100", a, &err);
	enum dtype used;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_DOUBLE_EQUAL(d->peak.flop_s[DTYPE_BF16], 989e12, 1);
	CU_ASSERT_DOUBLE_EQUAL(d->memory.bytes_s, 3350e9, 1);
	CU_ASSERT_DOUBLE_EQUAL(d->memory.bytes, 80 * 1073741824.0, 1);
	CU_ASSERT_DOUBLE_EQUAL(d->scale_up.bytes_s, 450e9, 1);
	CU_ASSERT_EQUAL(d->scale_up.domain, 8);
	CU_ASSERT_DOUBLE_EQUAL(device_peak(d, DTYPE_FP8_BLOCK, &used), 1979e12, 1);
	CU_ASSERT_EQUAL(used, DTYPE_FP8);
	CU_ASSERT_DOUBLE_EQUAL(device_peak(d, DTYPE_FP4, &used), 1979e12, 1);   /* no 4-bit units: the next wider */
	CU_ASSERT_EQUAL(used, DTYPE_FP8);
	CU_ASSERT_DOUBLE_EQUAL(device_peak(d, DTYPE_INT4_WO, &used), 989e12, 1);
	CU_ASSERT_EQUAL(used, DTYPE_BF16);
	d = device_load("v100", a, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_DOUBLE_EQUAL(device_peak(d, DTYPE_BF16, &used), 125e12, 1);
	CU_ASSERT_EQUAL(used, DTYPE_FP16);
	arena_free(a);
}

static void an_incomplete_device_says_why(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("mi430x", a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_FALSE(d->simulatable);
	CU_ASSERT_PTR_NOT_NULL(strstr(d->reason, "peak arithmetic rate"));
	CU_ASSERT_PTR_NULL(device_load_usable("mi430x", a, &err));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(err.text, "device 'mi430x' cannot be simulated: not published: peak arithmetic rate"));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	arena_free(a);
}

static void refuses_bad_files(void)
{
	static const struct { const char *file, *says;
	} cases[] = {
		{ "tests/data/hardware/negative.xml", "negative.xml:3: gb_s=\"-1\": expected 0.001 to 100000000" },
		{ "tests/data/hardware/attribute.xml",
		  "attribute.xml:2: <peak> has no attribute 'bf16_tflop'; did you mean 'bf16_tflops'?" },
		{ "tests/data/hardware/element.xml",
		  "element.xml:2: <device> holds no <memry>; did you mean <memory>?" },
		{ "tests/data/hardware/kind.xml", "kind.xml:1: kind=\"gpo\": expected one of gpu tpu" },
		{ "tests/data/hardware/source.xml", "source.xml:2: <peak> needs the attribute 'source'" },
		{ "tests/data/hardware/absent.xml", "absent.xml: not a readable XML file" },
		{ "h10", "unknown device 'h10': did you mean 'h100'?" },
		{ "", "device name is empty" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };

		CU_ASSERT_PTR_NULL(device_load(cases[i].file, a, &err));
		if (!strstr(err.text, cases[i].says))
			printf("expected: %s\n     got: %s\n", cases[i].says, err.text);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		arena_free(a);
	}
}

static void written_files_read_back(void)
{
	struct arena *a = arena_new();
	size_t count;
	const char *const *names = device_names(&count, a);

	for (size_t i = 0; i < count; i++) {
		struct err err = { 0 };
		struct str first = { 0 }, second = { 0 };
		const struct device *d = device_load(names[i], a, &err);
		struct device again;

		CU_ASSERT_PTR_NOT_NULL_FATAL(d);
		schema_write_xml(&device_element, d, &first);
		CU_ASSERT_TRUE_FATAL(
			schema_load_text("written", str_text(&first), first.length, &device_element, &again, a, &err));
		schema_write_xml(&device_element, &again, &second);
		CU_ASSERT_STRING_EQUAL(str_text(&first), str_text(&second));
		str_release(&first);
		str_release(&second);
	}
	arena_free(a);
}

static void every_stack_and_fit_loads(void)
{
	static const char *const wanted[] = { "vllm", "vllm-v0", "sglang", "sglang-flashinfer", "trtllm", "sarathi", "vidur", "none" };
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names;

	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		CU_ASSERT_PTR_NOT_NULL(stack_load(wanted[i], a, &err));
	CU_ASSERT_PTR_NULL(stack_load("vlm", a, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "unknown stack 'vlm': did you mean 'vllm'?"));
	names = catalog_names("hardware/fits", &count, a, &err);
	for (size_t i = 0; names && i < count; i++) {
		struct err own = { 0 };
		const struct fits *fits = fits_load(names[i], a, &own);

		if (!fits)
			printf("%s\n", own.text);
		CU_ASSERT_TRUE(fits && fits->count > 0 && strcmp(fits->device, names[i]) == 0);
		CU_ASSERT_PTR_NOT_NULL(device_load(names[i], a, &own));
	}
	CU_ASSERT_TRUE(count >= 8);
	arena_free(a);
}

CU_TestInfo suite_device[] = {
	{ "every catalog device loads", every_device_loads },
	{ "aliases are unique and resolve", aliases_are_unique },
	{ "names as people say them", names_as_people_say_them },
	{ "h100 and v100 figures and stand-ins by hand", h100_by_hand },
	{ "an incomplete device says why", an_incomplete_device_says_why },
	{ "refuses bad files with file, line and nearest name", refuses_bad_files },
	{ "written files read back the same", written_files_read_back },
	{ "every stack and fit loads", every_stack_and_fit_loads },
	CU_TEST_INFO_NULL
};
