/* OpenCL, loaded when it is first asked for: which devices there are, and running a kernel of ours on one. */
#ifndef KERNELS_HARNESS_OPENCL_H
#define KERNELS_HARNESS_OPENCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct opencl_device {
	char name[128], vendor[64], platform[128], version[160];
	char type;                     /* 'c'pu, 'g'pu, 'a'ccelerator, '?' */
	int units;
	double clock_hz, memory_bytes, local_bytes;
};
/* Fills at most `most` devices; how many there are. 0 when OpenCL or a driver is missing. */
int opencl_devices(struct opencl_device *out, int most);
/* Whether kernels can run: there is a device, and no address sanitizer, which drivers that compile in the process do not survive. */
bool opencl_usable(void);

/* One kernel's argument: memory of the host, or a number. */
struct opencl_argument {
	enum { OPENCL_MEMORY, OPENCL_RESULT, OPENCL_INT, OPENCL_FLOAT } kind;
	void *memory;
	size_t bytes;
	int32_t number;
	float real;
};
/* Runs kernel `name` of `source` over the global sizes (y = 1: one dimension) on the first device and waits; results are in the host's
 * memory then. *job keeps context, program and buffers for the next run with the same arguments; opencl_job_free at the end. */
MUST_USE bool opencl_run(void **job, const char *source, const char *name, const struct opencl_argument *arguments, int count, size_t x,
			 size_t y, struct err *err);
void opencl_job_free(void *job);               /* NULL is fine */

#endif
