#include "sim/core/wheel.h"

#include <string.h>

#include "base/mem.h"

bool wheel_init(struct wheel *w, int bits_log2)
{
	size_t slots = 1u << (bits_log2 < 6 ? 6 : bits_log2);

	*w = (struct wheel){ .mask = (int64_t)slots - 1 };
	w->heads = mem_calloc(slots, sizeof(*w->heads));
	w->bits = mem_calloc(slots / 64, sizeof(*w->bits));
	if (!w->heads || !w->bits) {
		wheel_release(w);
		return false;
	}
	memset(w->heads, 0xff, slots * sizeof(*w->heads));
	return true;
}

void wheel_release(struct wheel *w)
{
	mem_free(w->heads);
	mem_free(w->bits);
	*w = (struct wheel){ 0 };
}
