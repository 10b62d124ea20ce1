/* The texts of the .cl files, in the program itself. */
#ifndef KERNELS_CORE_CL_SOURCES_H
#define KERNELS_CORE_CL_SOURCES_H

extern const char kernels_gemm_cl[], kernels_attention_cl[], kernels_tokenwise_cl[];

#endif
