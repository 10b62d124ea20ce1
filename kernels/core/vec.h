/* Vectors of the width that the including file is compiled for (gcc and clang vector extensions), so that one body serves
 * AVX2 and AVX-512. Only files built with an instruction set of their own include this. */
#ifndef KERNELS_CORE_VEC_H
#define KERNELS_CORE_VEC_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#if defined(__AVX512F__)
#define VL 16
#else
#define VL 8
#endif
#define FORCE_INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((vector_size(VL * 4)));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef uint16_t vh __attribute__((vector_size(VL * 2)));
typedef float vf_any __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef uint32_t vu_any __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef uint16_t vh_any __attribute__((vector_size(VL * 2), aligned(2), may_alias));

FORCE_INLINE vf vload(const float *p)
{
	return *(const vf_any *)p;
}
FORCE_INLINE void vstore(float *p, vf x)
{
	*(vf_any *)p = x;
}
FORCE_INLINE vu vload_u32(const void *p)
{
	return *(const vu_any *)p;
}
FORCE_INLINE vu vload_u16(const void *p)      /* widened; gcc would convert the halves one by one */
{
#if VL == 16
	return (vu)_mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
#else
	return (vu)_mm256_cvtepu16_epi32(_mm_loadu_si128(p));
#endif
}
FORCE_INLINE vf vbf16(const void *p)
{
#if VL == 16
	return (vf)(vload_u16(p) << 16);
#else                                         /* one shuffle puts each value into the upper half of its lane */
	const __m256i upper = _mm256_setr_epi8(-1, -1, 0, 1, -1, -1, 2, 3, -1, -1, 4, 5, -1, -1, 6, 7, -1, -1, 8, 9, -1, -1, 10, 11, -1, -1,
					       12, 13, -1, -1, 14, 15);

	return (vf)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(p)), upper);
#endif
}
FORCE_INLINE vf vset(float x)
{
	return x - (vf){ 0 };
}
FORCE_INLINE vf vmax(vf a, vf b)
{
#if VL == 16
	return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#else
	return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#endif
}
FORCE_INLINE vf vmin(vf a, vf b)
{
#if VL == 16
	return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#else
	return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#endif
}
FORCE_INLINE float vsum(vf x)
{
#if VL == 16
	return _mm512_reduce_add_ps((__m512)x);
#else
	__m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
#endif
}
FORCE_INLINE float vmost(vf x)
{
	float most = x[0];

	for (int i = 1; i < VL; i++)
		most = x[i] > most ? x[i] : most;
	return most;
}
FORCE_INLINE vf vround(vf x)
{
#if VL == 16
	return (vf)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
	return (vf)_mm256_round_ps((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#endif
}

/* exp(x) = 2^n e^r with |r| <= ln 2 / 2 and a polynomial of degree 6: relative error below 2e-7. Below -87 the result is the
 * smallest normal number rather than 0, which no sum of probabilities can tell. */
FORCE_INLINE vf vexp(vf x)
{
	x = vmin(vmax(x, vset(-87.3f)), vset(88.3f));
	vf n = vround(x * 1.44269504f);
	vf r = x - n * 0.693145752f - n * 1.42860677e-6f;
	vf p = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666657f + r * (4.16665795e-2f + r * (8.33337e-3f + r * 1.39e-3f)))));

	return p * (vf)((__builtin_convertvector(n, vi) + 127) << 23);
}

#endif
