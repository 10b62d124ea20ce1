/* Replays inputs through a fuzz target without a fuzzer: `fuzz_NAME [-m ALLOCATIONS] FILE ...`. With -m each file is also
 * read with the 1st, 2nd, ... allocation failing, until it is read in full. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "tests/fuzz/input.h"

int main(int argc, char **argv)
{
	size_t most = 0;
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		most = strtoul(argv[2], NULL, 10);
		first = 3;
	}
	for (int i = first; i < argc; i++) {
		struct err err = { 0 };
		size_t size;
		char *bytes = paths_read(argv[i], 64 << 20, &size, &err);
		uint8_t *exact;

		if (!bytes) {
			fprintf(stderr, "%s\n", err.text);
			return 3;
		}
		exact = malloc(size ? size : 1);        /* without the NUL that paths_read adds */
		if (!exact)
			return 3;
		memcpy(exact, bytes, size);
		mem_free(bytes);
		LLVMFuzzerTestOneInput(exact, size);
		for (size_t n = 1; n <= most; n++) {
			mem_fail_after(n);
			LLVMFuzzerTestOneInput(exact, size);
			mem_fail_after(0);
		}
		free(exact);
	}
	return 0;
}
