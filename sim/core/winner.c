#include "sim/core/winner.h"

#include <math.h>

#include "base/mem.h"

bool winner_init(struct winner *w, int32_t count)
{
	*w = (struct winner){ .leaves = 1 };
	while (w->leaves < count)
		w->leaves *= 2;
	w->key = mem_calloc(2 * (size_t)w->leaves, sizeof(*w->key));
	if (!w->key)
		return false;
	for (int64_t i = 0; i < 2 * (int64_t)w->leaves; i++)
		w->key[i] = winner_bits(INFINITY);
	return true;
}

void winner_release(struct winner *w)
{
	mem_free(w->key);
	*w = (struct winner){ 0 };
}
