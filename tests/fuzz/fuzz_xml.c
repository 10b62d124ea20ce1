/* Catalog files: any bytes; what loads is written and loads again to the same text. */
#include "base/schema.h"
#include "tests/fuzz/input.h"
#include "tests/unit/sample_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_text(data, size);
	struct arena *a = arena_new();
	struct str once = { 0 }, twice = { 0 };
	struct sample s;
	struct err err = { 0 };
	bool ok = a && schema_load_text("fuzz.xml", text, size, &sample_element, &s, a, &err);

	if (!a)
		goto out;
	verdict(ok, &err);
	if (!ok)
		goto out;
	schema_write_xml(&sample_element, &s, &once);
	if (once.failed)
		goto out;
	ok = schema_load_text("again.xml", once.text, once.length, &sample_element, &s, a, &err);
	if (!ok && err.kind != ERR_INTERNAL) {
		fprintf(stderr, "%s\n%s\n", once.text, err.text);
		abort();
	}
	if (!ok)
		goto out;
	schema_write_xml(&sample_element, &s, &twice);
	if (!twice.failed && strcmp(once.text, twice.text) != 0)
		abort();
out:
	str_release(&once);
	str_release(&twice);
	arena_free(a);
	free(text);
	return 0;
}
