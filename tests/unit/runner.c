/* Runs every suite (or those named), prints failures only, and leaves "passed failed" for the summary. */
#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#define X(name) extern CU_TestInfo suite_##name[];
#include "suites.h"
#undef X

int main(int argc, char **argv)
{
	static const struct { const char *name; CU_TestInfo *tests; } suites[] = {
#define X(name) { #name, suite_##name },
#include "suites.h"
#undef X
		{ NULL, NULL }
	};
	unsigned passed, failed;
	FILE *count;

	for (size_t i = 0; argc > 1 && suites[i].name; i++)
		if (strcmp(argv[1], suites[i].name) == 0) {
			fprintf(stderr, "%s: expected a file for the counts before suite '%s' (/dev/null for none)\n", argv[0], argv[1]);
			return 2;
		}
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 3;
	for (size_t i = 0; suites[i].name; i++) {
		CU_SuiteInfo info[] = { { suites[i].name, NULL, NULL, NULL, NULL, suites[i].tests }, CU_SUITE_INFO_NULL };
		int wanted = argc < 3;

		for (int k = 2; k < argc; k++)
			wanted |= strcmp(argv[k], suites[i].name) == 0;
		if (wanted && CU_register_suites(info) != CUE_SUCCESS)
			return 3;
	}
	if (argc > 2 && CU_get_registry()->uiNumberOfSuites < (unsigned)(argc - 2)) {
		fprintf(stderr, "%s: not all of the suites named exist\n", argv[0]);
		return 2;
	}
	CU_basic_set_mode(argc < 3 ? CU_BRM_SILENT : CU_BRM_VERBOSE);
	CU_basic_run_tests();
	if (argc < 3)
		CU_basic_show_failures(CU_get_failure_list());
	failed = CU_get_number_of_tests_failed() + CU_get_number_of_suites_failed();
	passed = CU_get_number_of_tests_run() - CU_get_number_of_tests_failed();
	printf("\n%s: %u suites, %u tests, %u assertions: %u passed, %u failed\n", argv[0], CU_get_number_of_suites_run(),
	       CU_get_number_of_tests_run(), CU_get_number_of_asserts(), passed, failed);
	count = argc > 1 ? fopen(argv[1], "w") : NULL;
	if (count) {
		fprintf(count, "%u %u\n", passed, failed);
		fclose(count);
	}
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
