#include "sim/serve/scheduler.h"

#include "base/str.h"

#define SCHEDULERS(X) \
	X(vllm) X(vllm_v0) X(sarathi) X(orca) X(lightllm) X(static) X(trtllm) X(trtllm_max_utilization) X(sglang) X(fcfs) X(priority)
#define X(name) extern const struct scheduler_ops scheduler_##name;
SCHEDULERS(X)
#undef X
#define X(name) &scheduler_##name,
const struct scheduler_ops *const schedulers[] = { SCHEDULERS(X) NULL };
#undef X

const struct scheduler_ops *scheduler_find(const char *name)
{
	for (size_t i = 0; schedulers[i]; i++)
		if (text_equal(schedulers[i]->name, name))
			return schedulers[i];
	return NULL;
}

const struct scheduler_ops *scheduler_require(const char *name, struct err *err)
{
	const struct scheduler_ops *found = scheduler_find(name);
	const char *names[32], *near;
	struct str all = { 0 };
	size_t n = 0;

	if (found)
		return found;
	for (size_t i = 0; schedulers[i] && n < COUNT_OF(names); i++) {
		names[n++] = schedulers[i]->name;
		str_addf(&all, " %s", schedulers[i]->name);
	}
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "scheduler '%s': expected one of%s%s%s%s", name, str_text(&all), near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	str_release(&all);
	return NULL;
}
