/* Mechanism families: the one line to add for a new one. Its place in the list is the order within an area. */
#include "models/technique.h"

#define FAMILIES(X) \
	X(device_profile) X(memory_stack) X(die_to_die) X(scale_up_link) X(memory_pool) \
	X(linear_recurrence) X(weight_format) X(token_routing) \
	X(tile_kernels) X(differential_attention) \
	X(kv_quantize) X(kv_evict) X(compressive_memory) \
	X(draft) \
	X(orthogonal_update) X(optimizer_rule) X(domain_weights) X(adapter) \
	X(engine) X(cache_centric)

#define X(name) extern const struct technique_ops technique_##name;
FAMILIES(X)
#undef X
#define X(name) &technique_##name,
const struct technique_ops *const technique_families[] = { FAMILIES(X) NULL };
#undef X
