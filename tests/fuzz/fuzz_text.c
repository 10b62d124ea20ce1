/* Small text helpers on any bytes: numbers read back, JSON written from any text is JSON, nothing is read past its end. */
#include <jansson.h>

#include "base/json.h"
#include "tests/fuzz/input.h"

static void numbers(const char *text)
{
	char buf[32];
	int64_t whole;
	double v, back;

	if (text_to_double(text, &v) && (!text_to_double(number_text(buf, v), &back) || back != v))
		abort();
	if (text_to_int64(text, &whole)) {
		snprintf(buf, sizeof(buf), "%lld", (long long)whole);
		if (!text_to_int64(buf, &whole) || strtoll(buf, NULL, 10) != whole)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "fcfs", "sarathi", "max_num_seqs", "tp" };
	char *text = input_text(data, size), buf[32];
	struct str out = { 0 };
	struct json j;
	json_t *read;
	double v;

	numbers(text);
	text_nearest(text, names, 4);
	text_nearest("tp", (const char *const[]){ text }, 1);
	for (const char *p = text; *p; p += text_utf8(p) ? text_utf8(p) : 1)
		;
	if (size >= sizeof(v)) {
		memcpy(&v, data, sizeof(v));
		human_seconds(buf, v);
		human_bytes(buf, v);
		human_count(buf, v);
		human_rate(buf, v, "tokens/s");
	}
	json_init(&j, &out, size & 1);
	json_begin_object(&j, NULL);
	json_text(&j, text, text);
	json_end(&j);
	read = out.failed ? NULL : json_loads(out.text, 0, NULL);
	if (!out.failed && !read)
		abort();
	json_decref(read);
	str_release(&out);
	text_trim(text);
	free(text);
	return 0;
}
