#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/scratch.h"

static void grows(void)
{
	struct str s = { 0 };

	SAME_TEXT(str_text(&s), "");
	str_add(&s, "");
	SAME_TEXT(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%03d,", i);
	CU_ASSERT_EQUAL(s.length, 4000);
	CU_ASSERT_EQUAL(strlen(s.text), 4000);
	CU_ASSERT_EQUAL(strncmp(s.text + 3996, "999,", 5), 0);
	str_clear(&s);
	SAME_TEXT(str_text(&s), "");
	str_add_bytes(&s, "a\0b", 3);
	CU_ASSERT_EQUAL(s.length, 3);
	CU_ASSERT_EQUAL(memcmp(s.text, "a\0b", 4), 0);
	str_release(&s);
	CU_ASSERT_PTR_NULL(s.text);
	str_release(&s);
}

static void lack_of_memory_latches(void)
{
	struct str s = { 0 };

	str_add(&s, "kept");
	mem_fail_after(1);
	for (int i = 0; i < 100; i++)
		str_addf(&s, "%d", i);
	mem_fail_after(0);
	str_add(&s, "more");                            /* a hole in the middle would be worse than an end */
	CU_ASSERT_TRUE(s.failed);
	CU_ASSERT_EQUAL(strncmp(s.text, "kept0123", 8), 0);
	CU_ASSERT_EQUAL(strlen(s.text), s.length);
	CU_ASSERT_PTR_NULL(strstr(s.text, "more"));
	str_clear(&s);
	str_add(&s, "again");
	SAME_TEXT(s.text, "again");
	str_release(&s);
}

static void comparisons(void)
{
	char padded[] = " \t a b \r\n", blank[] = "  ", empty[] = "";

	CU_ASSERT_TRUE(text_equal(NULL, NULL));
	CU_ASSERT_FALSE(text_equal(NULL, ""));
	CU_ASSERT_FALSE(text_equal("", NULL));
	CU_ASSERT_TRUE(text_equal("ab", "ab"));
	CU_ASSERT_TRUE(text_has_word("fp8  int4 bf16", "int4"));
	CU_ASSERT_TRUE(text_has_word("fp8 int4 bf16", "bf16"));
	CU_ASSERT_FALSE(text_has_word("fp8 int4 bf16", "int"));
	CU_ASSERT_FALSE(text_has_word("fp8 int4 bf16", "int4 "));
	CU_ASSERT_FALSE(text_has_word(NULL, "fp8"));
	CU_ASSERT_FALSE(text_equal("ab", "AB"));
	CU_ASSERT_TRUE(text_equal_fold("aB", "Ab"));
	CU_ASSERT_FALSE(text_equal_fold("ab", "abc"));
	CU_ASSERT_TRUE(text_starts("abc", "") && text_starts("abc", "ab") && !text_starts("ab", "abc"));
	CU_ASSERT_TRUE(text_ends("abc", "") && text_ends("abc", "bc") && !text_ends("c", "bc"));
	SAME_TEXT(text_trim(padded), "a b");
	SAME_TEXT(text_trim(blank), "");
	SAME_TEXT(text_trim(empty), "");
}

static void doubles(void)
{
	static const struct { const char *text; double value; } good[] = {
		{ "0", 0 }, { "-0", 0 }, { "1", 1 }, { "+1", 1 }, { "-1.5", -1.5 }, { ".5", 0.5 }, { "5.", 5 }, { "1e3", 1000 },
		{ "1E+3", 1000 }, { "1e-3", 0.001 }, { "0.1", 0.1 }, { "1e308", 1e308 }, { "1e-400", 0 }, { "5e-324", 5e-324 },
		{ "00012", 12 },
	};
	static const char *const bad[] = { "", " ", " 1", "1 ", "1x", "x", "0x10", "1e", "e5", ".", "-", "+-1", "--1", "1.2.3", "1,5",
		"inf", "-inf", "+Infinity", "nan", "-nan", "NAN", "1e400", "-1e400", "1_000", "\xc2\xa0\x31", "1\n", "0b1", "1f", "1'000" };
	double v;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		v = NAN;
		TRUE_FOR(good[i].text, text_to_double(good[i].text, &v));
		TRUE_FOR(good[i].text, v == good[i].value);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		v = 42;
		TRUE_FOR(bad[i], !text_to_double(bad[i], &v));
		TRUE_FOR(bad[i], v == 42);
	}
}

static void whole_numbers(void)
{
	static const struct { const char *text; int64_t value; } good[] = {
		{ "0", 0 }, { "-0", 0 }, { "+7", 7 }, { "007", 7 }, { "-12", -12 }, { "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN }, { "1e6", 1000000 }, { "1.5e3", 1500 }, { "64k", 64000 }, { "64K", 65536 },
		{ "2M", 2000000 }, { "3G", 3000000000 }, { "0.5k", 500 }, { "1.5M", 1500000 }, { "-2k", -2000 }, { "1e15", 1000000000000000 },
		{ "12.0", 12 },
	};
	static const char *const bad[] = { "", " ", " 1", "1 ", "k", "M", "1.5", "0.5", "1.0001k", "0x10", "9223372036854775808", "1e19", "1e300",
		"1kk", "1 k", "12a", "--1", "inf", "nan", "1e", "+", "-",
		"000000000000000000000000000000000000000000000000000000000000000000000000000000001" };
	int64_t v;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		v = 42;
		TRUE_FOR(good[i].text, text_to_int64(good[i].text, &v));
		TRUE_FOR(good[i].text, v == good[i].value);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		v = 42;
		TRUE_FOR(bad[i], !text_to_int64(bad[i], &v));
		TRUE_FOR(bad[i], v == 42);
	}
}

static void nearest_names(void)
{
	static const char *const names[] = { "fcfs", "sarathi", "vllm", "tp", "pp", "max_num_seqs", "max_num_batched_tokens", "llama-2-7b" };
	static const struct { const char *word, *near; } cases[] = {
		{ "fcsf", "fcfs" }, { "FCFS", "fcfs" }, { "sarahti", "sarathi" }, { "vlm", "vllm" }, { "tpp", "tp" }, { "num_seqs", "max_num_seqs" },
		{ "max-num-seqs", "max_num_seqs" }, { "batched", "max_num_batched_tokens" }, { "llama-2-7", "llama-2-7b" }, { "vllm-v1", "vllm" },
		{ "x", NULL }, { "qqqq", NULL }, { "zebra", NULL }, { "", NULL }, { "abcdefgh", NULL },
	};
	char longest[301];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *near = text_nearest(cases[i].word, names, COUNT_OF(names));

		TRUE_FOR(cases[i].word, text_equal(near, cases[i].near));
	}
	memset(longest, 'x', 300);
	longest[300] = '\0';
	CU_ASSERT_PTR_NULL(text_nearest(longest, names, COUNT_OF(names)));
	CU_ASSERT_PTR_NULL(text_nearest(NULL, names, COUNT_OF(names)));
	CU_ASSERT_PTR_NULL(text_nearest("tp", names, 0));
}

static void utf8_lengths(void)
{
	static const struct { const char *text; size_t length; } cases[] = {
		{ "", 0 }, { "a", 1 }, { "\x7f", 1 }, { "\x80", 0 }, { "\xc1\xbf", 0 }, { "\xc2\x80", 2 }, { "\xc3", 0 }, { "\xc3z", 0 },
		{ "\xe2\x82\xac", 3 }, { "\xe0\x9f\xbf", 0 }, { "\xed\xa0\x80", 0 }, { "\xed\x9f\xbf", 3 }, { "\xf0\x9f\x98\x80", 4 },
		{ "\xf0\x8f\xbf\xbf", 0 }, { "\xf4\x8f\xbf\xbf", 4 }, { "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 }, { "\xff", 0 },
		{ "\xe2\x82", 0 }, { "\xf0\x9f\x98", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		TRUE_FOR(cases[i].text, text_utf8(cases[i].text) == cases[i].length);
}

static void human_forms(void)
{
	static const struct { double value; const char *seconds, *bytes, *count, *rate; } cases[] = {
		{ 0, "0 s", "0 B", "0", "0.00 FLOP/s" },
		{ 1.234e-9, "1.23 ns", "0 B", "0.00", "0.00 FLOP/s" },
		{ 0.00123, "1.23 ms", "0 B", "0.00", "0.00 FLOP/s" },
		{ 0.99996, "1.00 s", "1 B", "1.00", "1.00 FLOP/s" },
		{ 14.2, "14.2 s", "14 B", "14.2", "14.2 FLOP/s" },
		{ 999, "16.6 min", "999 B", "999", "999 FLOP/s" },
		{ 14200, "3.9 h", "14.2 kB", "14.2 k", "14.2 kFLOP/s" },
		{ 9.91e13, "1146990740.7 days", "99.1 TB", "99.1 T", "99.1 TFLOP/s" },
		{ -2500, "-41.7 min", "-2.50 kB", "-2500", "-2.50 kFLOP/s" },
		{ INFINITY, "-", "-", "-", "-" },
		{ NAN, "-", "-", "-", "-" },
	};
	char buf[32];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SAME_TEXT(human_seconds(buf, cases[i].value), cases[i].seconds);
		SAME_TEXT(human_bytes(buf, cases[i].value), cases[i].bytes);
		SAME_TEXT(human_count(buf, cases[i].value), cases[i].count);
		SAME_TEXT(human_rate(buf, cases[i].value, "FLOP/s"), cases[i].rate);
	}
	SAME_TEXT(human_bytes(buf, 1e300), "1e+282 EB");
	for (double v = 1e-320; v < 1e300; v *= 7) {
		CU_ASSERT_TRUE(strlen(human_seconds(buf, v)) < 32);
		CU_ASSERT_TRUE(strlen(human_rate(buf, -v, "tokens/s/device")) < 32);
	}
}

CU_TestInfo suite_str[] = {
	{ "a text grows, clears and empties", grows },
	{ "lack of memory cuts the text and says so", lack_of_memory_latches },
	{ "comparisons and trimming", comparisons },
	{ "numbers: strict", doubles },
	{ "whole numbers: strict, with suffixes when exact", whole_numbers },
	{ "nearest names", nearest_names },
	{ "UTF-8 characters", utf8_lengths },
	{ "human forms", human_forms },
	CU_TEST_INFO_NULL
};
