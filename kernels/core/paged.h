/* A paged cache of keys and values: blocks of tokens that sequences hold in any order. */
#ifndef KERNELS_CORE_PAGED_H
#define KERNELS_CORE_PAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "kernels/core/formats.h"

struct paged_kv {
	void *k, *v;                   /* [blocks][kv_heads][block_size][head_dim], aligned to 64: the caller's, or of paged_kv_make */
	enum kernel_format format;     /* fp32 or bf16 */
	int64_t blocks, block_size, kv_heads, head_dim;
};

/* Bytes of k, and of v. */
static inline size_t paged_kv_bytes(const struct paged_kv *kv)
{
	return (size_t)(kv->blocks * kv->kv_heads * kv->block_size * kv->head_dim) * (kv->format == KERNEL_FP32 ? 4 : 2);
}

/* Room for k and v, all zero. False without memory; paged_kv_release frees what is there. */
MUST_USE bool paged_kv_make(struct paged_kv *kv);
void paged_kv_release(struct paged_kv *kv);

/* Element index of a token's row of one head. */
static inline int64_t paged_row(const struct paged_kv *kv, int64_t block, int64_t head, int64_t offset)
{
	return ((block * kv->kv_heads + head) * kv->block_size + offset) * kv->head_dim;
}

#endif
