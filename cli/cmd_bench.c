#include "cli/options.h"
static bool r(const struct call *c, struct err *e){(void)c;(void)e;return true;}
const struct command command_bench = {.name="bench",.summary="b",.run=r};
