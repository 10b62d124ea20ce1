/* Number formats of weights and caches, and the conversions that kernels share. Arithmetic results are fp32. */
#ifndef KERNELS_CORE_FORMATS_H
#define KERNELS_CORE_FORMATS_H

#include <stdint.h>
#include <string.h>

/* fp32; bfloat16; int8: symmetric, one scale an output row, activations quantised a token at a time (W8A8); int4: asymmetric,
 * a bf16 scale and a 4-bit zero a group of 128 along k, activations in bf16 (W4A16: "int4_wo" of the operators). */
enum kernel_format { KERNEL_FP32, KERNEL_BF16, KERNEL_INT8, KERNEL_INT4, KERNEL_FORMAT_COUNT };
extern const char *const kernel_format_names[];     /* as the operators' dtypes: "fp32" "bf16" "int8" "int4_wo" */
int kernel_format_parse(const char *text);          /* -1 when unknown */

enum { INT4_GROUP = 128 };

/* Round to nearest even. Finite values only. */
static inline uint16_t bf16_from_float(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
static inline float float_from_bf16(uint16_t h)
{
	uint32_t bits = (uint32_t)h << 16;
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

#endif
