/* CSV with a header, without one, and a line split and quoted again. */
#include "base/csv.h"
#include "base/str.h"
#include "tests/fuzz/input.h"

static void read_all(struct csv *c, struct err *err)
{
	double v;
	int64_t whole;
	size_t n = 0;

	while (csv_next(c, err)) {
		n = 0;
		for (int i = -1; i < 600; i++)
			n += strlen(csv_text(c, i));
		for (int i = 0; i < 3; i++) {
			struct err cell = { 0 };

			verdict(csv_number(c, i, &v, &cell), &cell);
			cell = (struct err){ 0 };
			verdict(csv_int(c, i, &whole, &cell), &cell);
		}
	}
	if (n > (size_t)-2)
		abort();
}

static void split_and_quote(const uint8_t *data, size_t size)
{
	char *line = input_text(data, size), *fields[8], *again[8];
	size_t n = csv_split(line, fields, 8);
	struct str out = { 0 };

	for (size_t i = 0; i < n && i < 8; i++) {
		str_add(&out, i ? "," : "");
		csv_quote(&out, fields[i]);
	}
	if (n <= 8 && !out.failed && out.text) {
		if (csv_split(out.text, again, 8) != n)
			abort();
		for (size_t i = 0; i < n; i++)
			if (strcmp(fields[i], again[i]) != 0)
				abort();
	}
	str_release(&out);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = input_file(data, size);
	struct err err = { 0 };
	struct csv *c = csv_open(path, &err);
	int column;

	verdict(c != NULL, &err);
	if (c) {
		struct err absent = { 0 };

		verdict(csv_require(c, "tokens", &column, &absent), &absent);
		for (size_t i = 0; i <= csv_columns(c); i++)
			csv_find(c, csv_column_name(c, i));
		read_all(c, &err);
		csv_close(c);
	}
	err = (struct err){ 0 };
	c = csv_open_headless(path, &err);
	verdict(c != NULL, &err);
	if (c)
		read_all(c, &err);
	csv_close(c);
	split_and_quote(data, size);
	return 0;
}
