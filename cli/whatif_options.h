/* What to vary in a what-if, and what to say about it: options and how they are read. */
#ifndef CLI_WHATIF_OPTIONS_H
#define CLI_WHATIF_OPTIONS_H

#include "cli/options.h"
#include "cli/whatif_outputs.h"

extern const struct option_group vary_options;         /* vary, list, paired, metric, columns, waterfall ... */

MUST_USE bool whatif_space(const struct call *call, struct space *space, struct err *err);
MUST_USE bool whatif_options_read(const struct call *call, struct whatif_options *o, struct err *err);
/* Figures of the table: those named ("ttft_p99,tpot_p50"; NULL: the usual ones), and that of the verdicts. */
MUST_USE bool whatif_columns(const char *names, struct whatif_view *view, struct arena *arena, struct err *err);

#endif
