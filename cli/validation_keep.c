#include "cli/validation_keep.h"

#include "cli/run_outputs.h"

bool validation_keep(const struct call *call, const char *what, const struct validation_error *rows, size_t count, struct err *err)
{
	const char *path = run_database(call, err);
	struct store *store = path ? store_open(path, err) : NULL;
	struct run_origin origin;
	char id[33];
	bool ok = false;

	run_origin_here(call, &origin);
	origin.kind = "validate";
	if (store)
		ok = store_put_validation(store, &origin, what, rows, count, id, err);
	store_close(store);
	return ok;
}
