#include "cli/version.h"

#ifndef VIBEE_COMMIT
#define VIBEE_COMMIT "unknown"
#endif

const char *vibee_version(void)
{
	return "0.1.0 (" VIBEE_COMMIT ")";
}
