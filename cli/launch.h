/* A simulated deployment as the command lines that start it on real machines. */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "sim/scenario.h"

/* Adds the launch of `scenario` for "vllm", "sglang", "trtllm" or "k8s"; ERR_INPUT (with the nearest) for another name. */
MUST_USE bool launch_add(const char *engine, const struct scenario *scenario, struct str *out, struct arena *arena, struct err *err);
MUST_USE bool launch_check(const char *engine, struct err *err);

#endif
