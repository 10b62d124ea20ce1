/* `--set path=value`: each line of the input is one; what was set can be got, and the result can be written. */
#include "base/schema.h"
#include "tests/fuzz/input.h"
#include "tests/unit/sample_schema.h"

static void one(struct sample *s, char *line, struct arena *a)
{
	char *value = strchr(line, '=');
	struct err err = { 0 };
	struct str got = { 0 };
	bool ok;

	if (!value)
		return;
	*value++ = '\0';
	ok = schema_set(&sample_element, s, line, value, "--set", a, &err);
	verdict(ok, &err);
	if (ok && !schema_get(&sample_element, s, line, &got))
		abort();
	str_release(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_text(data, size), *rest = NULL;
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct str out = { 0 };
	struct sample s;

	if (!a || !schema_defaults(&sample_element, &s, a, &err))
		goto out;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		one(&s, line, a);
	schema_write_xml(&sample_element, &s, &out);
	str_clear(&out);
out:
	str_release(&out);
	arena_free(a);
	free(text);
	return 0;
}
