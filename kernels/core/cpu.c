#include "kernels/core/cpu.h"

#if defined(__x86_64__)
/* Answered from what the start of the program found out: every call of a kernel asks, and CPUID itself takes some ten microseconds in a
 * virtual machine. F16C is not asked for, as compilers differ in knowing its name: no processor has AVX2 and FMA without it. */
bool cpu_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool cpu_has_avx512(void)
{
	return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}
bool cpu_asks_near(void)
{
	return __builtin_cpu_is("amd");
}
#else
bool cpu_asks_near(void)
{
	return false;
}

bool cpu_has_avx2(void)
{
	return false;
}

bool cpu_has_avx512(void)
{
	return false;
}
#endif
