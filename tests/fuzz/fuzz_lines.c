/* Lines of plain and gzip files: what is given out never holds a line end, twice read is read the same. */
#include "base/hash.h"
#include "base/lines.h"
#include "tests/fuzz/input.h"

static uint64_t read_all(struct lines *l, struct err *err)
{
	uint64_t mark = 0;
	size_t n;
	char *line;

	while ((line = lines_next(l, &n, err))) {
		if (memchr(line, '\n', n) || line[n] != '\0' || lines_number(l) <= 0)
			abort();
		for (size_t i = 0; i < n; i++)
			mark = hash_mix(mark, (unsigned char)line[i]);
		mark = hash_mix(mark, 256 + n);
		if (lines_number(l) > 1 << 20)          /* a bomb of line ends: enough seen */
			break;
	}
	return mark;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 }, again = { 0 };
	struct lines *l = lines_open(input_file(data, size), &err);
	uint64_t first;

	verdict(l != NULL, &err);
	if (!l)
		return 0;
	first = read_all(l, &err);
	if (lines_rewind(l, &again) && (read_all(l, &again) != first || again.kind != err.kind) && err.kind != ERR_INTERNAL &&
	    again.kind != ERR_INTERNAL)
		abort();
	lines_close(l);
	return 0;
}
