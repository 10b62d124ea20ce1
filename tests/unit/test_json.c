#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <jansson.h>

#include "base/json.h"
#include "base/rng.h"
#include "tests/unit/scratch.h"

static void document(struct str *out, bool pretty)
{
	struct json j;

	json_init(&j, out, pretty);
	json_begin_object(&j, NULL);
	json_text(&j, "name", "a\"b\\c\n\x01");
	json_text(&j, "none", NULL);
	json_number(&j, "tenth", 0.1);
	json_number(&j, "nan", NAN);
	json_number(&j, "inf", -INFINITY);
	json_int(&j, "least", INT64_MIN);
	json_bool(&j, "yes", true);
	json_begin_array(&j, "list");
	json_int(&j, NULL, 1);
	json_begin_object(&j, NULL);
	json_end(&j);
	json_begin_array(&j, NULL);
	json_end(&j);
	json_raw(&j, NULL, "{\"raw\":[]}");
	json_end(&j);
	json_end(&j);
}

static void exact_text(void)
{
	struct str out = { 0 };

	document(&out, false);
	SAME_TEXT(str_text(&out), "{\"name\":\"a\\\"b\\\\c\\u000a\\u0001\",\"none\":null,\"tenth\":0.1,\"nan\":null,\"inf\":null,"
				  "\"least\":-9223372036854775808,\"yes\":true,\"list\":[1,{},[],{\"raw\":[]}]}");
	str_clear(&out);
	document(&out, true);
	SAME_TEXT(str_text(&out), "{\n  \"name\": \"a\\\"b\\\\c\\u000a\\u0001\",\n  \"none\": null,\n  \"tenth\": 0.1,\n  \"nan\": null,\n"
				  "  \"inf\": null,\n  \"least\": -9223372036854775808,\n  \"yes\": true,\n  \"list\": [\n    1,\n    {},\n"
				  "    [],\n    {\"raw\":[]}\n  ]\n}\n");
	str_release(&out);
}

static void deep_brackets_match(void)
{
	struct str out = { 0 };
	struct json j;
	json_t *read;

	json_init(&j, &out, false);
	for (int i = 0; i < 60; i++) {
		if (i % 3 == 0)
			json_begin_array(&j, i ? "k" : NULL);
		else
			json_begin_object(&j, i % 3 == 2 ? "k" : NULL);
	}
	for (int i = 0; i < 60; i++)
		json_end(&j);
	read = json_loads(str_text(&out), 0, NULL);
	CU_ASSERT_PTR_NOT_NULL(read);
	CU_ASSERT_EQUAL(j.depth, 0);
	json_decref(read);
	str_release(&out);
}

/* Whatever bytes a name holds, a strict reader takes the document. */
static void any_text_is_valid_json(void)
{
	static const struct { const char *text, *read; } cases[] = {
		{ "plain", "plain" }, { "", "" }, { "\xe2\x82\xac", "\xe2\x82\xac" }, { "a\xff" "b", "a\xef\xbf\xbd" "b" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, { "\xc3", "\xef\xbf\xbd" }, { "\x7f\x1f\t", "\x7f\x1f\t" },
		{ "/<>&'", "/<>&'" },
	};
	struct rng r;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str out = { 0 };
		struct json j;
		json_t *read;

		json_init(&j, &out, false);
		json_begin_object(&j, NULL);
		json_text(&j, "k", cases[i].text);
		json_end(&j);
		read = json_loads(str_text(&out), 0, NULL);
		SAME_TEXT(read ? json_string_value(json_object_get(read, "k")) : "(not JSON)", cases[i].read);
		json_decref(read);
		str_release(&out);
	}
	rng_init(&r, 1, "json");
	for (int i = 0; i < 2000; i++) {
		char text[12] = "";
		struct str out = { 0 };
		struct json j;
		json_t *read;

		for (int k = 0; k < 11; k++)
			text[k] = (char)(1 + rng_below(&r, 255));
		json_init(&j, &out, false);
		json_begin_object(&j, NULL);
		json_text(&j, text, text);
		json_end(&j);
		read = json_loads(str_text(&out), 0, NULL);
		if (!read)
			CU_FAIL("not JSON");
		json_decref(read);
		str_release(&out);
	}
}

static void numbers_read_back(void)
{
	static const struct { double value; const char *text; } cases[] = {
		{ 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { 0.1, "0.1" }, { 100, "100" }, { 1e15, "1e+15" }, { 123456789012345, "123456789012345" },
		{ 1.0 / 3, "0.3333333333333333" }, { 0.1 + 0.2, "0.30000000000000004" }, { 1e-7, "1e-07" }, { 5e-324, "4.94065645841247e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" }, { (double)9007199254740993, "9007199254740992" },
	};
	char buf[32];
	struct rng r;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		SAME_TEXT(number_text(buf, cases[i].value), cases[i].text);
	rng_init(&r, 2, "numbers");
	for (int i = 0; i < 100000; i++) {
		uint64_t bits = rng_next(&r);
		double v, back;

		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		number_text(buf, v);
		back = strtod(buf, NULL);
		if (memcmp(&v, &back, sizeof(v)) != 0 || strlen(buf) >= 32)
			CU_FAIL_FATAL("does not read back");
	}
}

CU_TestInfo suite_json[] = {
	{ "the text, plain and pretty", exact_text },
	{ "60 levels of brackets match", deep_brackets_match },
	{ "any text gives valid JSON", any_text_is_valid_json },
	{ "numbers read back to the same bits", numbers_read_back },
	CU_TEST_INFO_NULL
};
