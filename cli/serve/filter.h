/* Which stored runs a query asks for. */
#ifndef CLI_SERVE_FILTER_H
#define CLI_SERVE_FILTER_H

#include "cli/serve/request.h"
#include "reports/store.h"

enum { ROWS_MOST = 1000 };

/* kind, title, since, where=PATH=VALUE, order, ascending, limit (at most ROWS_MOST), offset. */
MUST_USE bool filter_from_request(const struct request *r, int64_t limit, struct store_filter *out, struct err *err);

#endif
