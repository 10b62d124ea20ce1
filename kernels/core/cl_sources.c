#include "kernels/core/cl_sources.h"

/* The assembler takes the file in; C cannot before C23. Paths are those of the build, from the root. */
#define TEXT(name, file) \
	__asm__(".pushsection .rodata\n.balign 1\n.global " #name "\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.popsection\n")
TEXT(kernels_gemm_cl, "kernels/core/gemm.cl");
TEXT(kernels_attention_cl, "kernels/core/attention.cl");
TEXT(kernels_tokenwise_cl, "kernels/core/tokenwise.cl");
