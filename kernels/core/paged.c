#include "kernels/core/paged.h"

#include <string.h>

#include "base/mem.h"

bool paged_kv_make(struct paged_kv *kv)
{
	size_t bytes = paged_kv_bytes(kv);

	kv->k = mem_alloc_aligned(bytes);
	kv->v = mem_alloc_aligned(bytes);
	if (!kv->k || !kv->v)
		return false;
	memset(kv->k, 0, bytes);
	memset(kv->v, 0, bytes);
	return true;
}

void paged_kv_release(struct paged_kv *kv)
{
	mem_free(kv->k);
	mem_free(kv->v);
	kv->k = kv->v = NULL;
}
