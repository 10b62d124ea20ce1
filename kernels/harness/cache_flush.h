/* Pushes memory out of all caches. */
#ifndef KERNELS_HARNESS_CACHE_FLUSH_H
#define KERNELS_HARNESS_CACHE_FLUSH_H

#include <stdbool.h>
#include <stddef.h>

bool cache_flush(const void *at, size_t bytes);        /* false where the machine cannot (but for nothing, which it always can) */
void cache_flush_wait(void);                           /* until all of it is out */

#endif
