/* Routers: which replica a request goes to. One table of functions each; state belongs to the framework. */
#ifndef SIM_SERVE_ROUTER_H
#define SIM_SERVE_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/rng.h"

struct batcher;
struct seq;

/* What a router sees of the fleet. */
struct router_view {
	int32_t replicas;
	struct rng *rng;                       /* the router's own stream */
	void *ctx;
	int64_t (*outstanding)(void *ctx, int32_t replica);     /* waiting + running */
	int64_t (*cached)(void *ctx, int32_t replica, const struct seq *s);   /* prompt tokens of s in that replica's cache */
};

struct router;
struct router_ops {
	const char *name, *help;
	int32_t (*pick)(struct router *r, const struct router_view *view, const struct seq *s);
	bool tracks;                           /* wants router_changed after every change of a replica's outstanding */
};
extern const struct router_ops *const routers[];                       /* NULL-terminated */
MUST_USE const struct router_ops *router_require(const char *name, struct err *err);

MUST_USE struct router *router_new(const struct router_ops *ops, int32_t replicas, struct err *err);
void router_free(struct router *r);
int32_t router_pick(struct router *r, const struct router_view *view, const struct seq *s);
void router_changed(struct router *r, int32_t replica, int64_t outstanding);

#endif
