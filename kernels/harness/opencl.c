/* The library is opened at run time: linking it would load drivers and their compilers into every start of the program. */
#define CL_TARGET_OPENCL_VERSION 120
#include "kernels/harness/opencl.h"

#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FUNCTIONS(X) \
	X(clGetPlatformIDs) X(clGetPlatformInfo) X(clGetDeviceIDs) X(clGetDeviceInfo) X(clCreateContext) X(clReleaseContext) \
	X(clCreateCommandQueue) X(clReleaseCommandQueue) X(clCreateProgramWithSource) X(clBuildProgram) X(clGetProgramBuildInfo) \
	X(clReleaseProgram) X(clCreateKernel) X(clReleaseKernel) X(clCreateBuffer) X(clReleaseMemObject) X(clSetKernelArg) \
	X(clEnqueueNDRangeKernel) X(clEnqueueMapBuffer) X(clEnqueueUnmapMemObject) X(clFinish)

struct library {
#define X(name) __typeof__(&name) name;
	FUNCTIONS(X)
#undef X
};

/* Stays loaded: drivers do not unload safely. */
static bool library_open(struct library *l)
{
	void *handle = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL), *at;

	if (!handle)
		return false;
#define X(name) \
	at = dlsym(handle, #name); \
	if (!at) \
		return false; \
	memcpy(&l->name, &at, sizeof(at));
	FUNCTIONS(X)
#undef X
	return true;
}

enum { PLATFORMS_MOST = 8, DEVICES_MOST = 16, ARGUMENTS_MOST = 16 };

static int list(const struct library *l, cl_device_id *ids, cl_platform_id *platforms_of, int most)
{
	cl_platform_id platforms[PLATFORMS_MOST];
	cl_uint count = 0;
	int n = 0;

	if (l->clGetPlatformIDs(PLATFORMS_MOST, platforms, &count) != CL_SUCCESS)
		return 0;
	for (cl_uint p = 0; p < count && p < PLATFORMS_MOST; p++) {
		cl_device_id here[DEVICES_MOST];
		cl_uint devices = 0;

		if (l->clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES_MOST, here, &devices) != CL_SUCCESS)
			continue;
		for (cl_uint d = 0; d < devices && d < DEVICES_MOST && n < most; d++) {
			platforms_of[n] = platforms[p];
			ids[n++] = here[d];
		}
	}
	return n;
}

static void describe(const struct library *l, cl_device_id id, cl_platform_id platform, struct opencl_device *d)
{
	cl_device_type type = 0;
	cl_uint units = 0, mhz = 0;
	cl_ulong memory = 0, local = 0;

	*d = (struct opencl_device){ 0 };
	l->clGetDeviceInfo(id, CL_DEVICE_NAME, sizeof(d->name) - 1, d->name, NULL);
	l->clGetDeviceInfo(id, CL_DEVICE_VENDOR, sizeof(d->vendor) - 1, d->vendor, NULL);
	l->clGetDeviceInfo(id, CL_DEVICE_VERSION, sizeof(d->version) - 1, d->version, NULL);
	l->clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(d->platform) - 1, d->platform, NULL);
	l->clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof(type), &type, NULL);
	l->clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(units), &units, NULL);
	l->clGetDeviceInfo(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof(mhz), &mhz, NULL);
	l->clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(memory), &memory, NULL);
	l->clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(local), &local, NULL);
	d->type = type & CL_DEVICE_TYPE_CPU ? 'c' : type & CL_DEVICE_TYPE_GPU ? 'g' : type & CL_DEVICE_TYPE_ACCELERATOR ? 'a' : '?';
	d->units = (int)units;
	d->clock_hz = mhz * 1e6;
	d->memory_bytes = (double)memory;
	d->local_bytes = (double)local;
}

int opencl_devices(struct opencl_device *out, int most)
{
	cl_device_id ids[DEVICES_MOST];
	cl_platform_id platforms[DEVICES_MOST];
	struct library l;
	int n;

	if (!opencl_usable() || !library_open(&l))
		return 0;
	n = list(&l, ids, platforms, DEVICES_MOST);
	for (int i = 0; i < n && i < most; i++)
		describe(&l, ids[i], platforms[i], &out[i]);
	return n;
}

bool opencl_usable(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return false;
#else
	cl_device_id id;
	cl_platform_id platform;
	struct library l;

	return library_open(&l) && list(&l, &id, &platform, 1) > 0;
#endif
}

struct job {
	struct library l;
	cl_context context;
	cl_command_queue queue;
	cl_program program;
	cl_kernel kernel;
	cl_mem buffers[ARGUMENTS_MOST];
};

void opencl_job_free(void *job)
{
	struct job *j = job;

	if (!j)
		return;
	for (int i = 0; i < ARGUMENTS_MOST; i++)
		if (j->buffers[i])
			j->l.clReleaseMemObject(j->buffers[i]);
	if (j->kernel)
		j->l.clReleaseKernel(j->kernel);
	if (j->program)
		j->l.clReleaseProgram(j->program);
	if (j->queue)
		j->l.clReleaseCommandQueue(j->queue);
	if (j->context)
		j->l.clReleaseContext(j->context);
	mem_free(j);
}

static bool failed(const char *doing, cl_int code, struct err *err)
{
	return err_set(err, ERR_INTERNAL, "OpenCL: %s: error %d", doing, (int)code);
}

static bool build(struct job *j, cl_device_id device, const char *source, const char *name, struct err *err)
{
	char log[300] = "";
	cl_int code;

	j->context = j->l.clCreateContext(NULL, 1, &device, NULL, NULL, &code);
	if (code != CL_SUCCESS)
		return failed("context", code, err);
	j->queue = j->l.clCreateCommandQueue(j->context, device, 0, &code);
	if (code != CL_SUCCESS)
		return failed("queue", code, err);
	j->program = j->l.clCreateProgramWithSource(j->context, 1, &source, NULL, &code);
	if (code != CL_SUCCESS)
		return failed("program", code, err);
	code = j->l.clBuildProgram(j->program, 1, &device, "", NULL, NULL);
	if (code != CL_SUCCESS) {
		j->l.clGetProgramBuildInfo(j->program, device, CL_PROGRAM_BUILD_LOG, sizeof(log) - 1, log, NULL);
		return err_set(err, ERR_INTERNAL, "OpenCL: kernel %s does not compile: %s", name, log);
	}
	j->kernel = j->l.clCreateKernel(j->program, name, &code);
	return code == CL_SUCCESS || failed(name, code, err);
}

/* Memory of the host itself where the device shares it (CPUs, integrated GPUs), a copy elsewhere: the driver knows. */
static bool give(struct job *j, const struct opencl_argument *a, int count, struct err *err)
{
	for (int i = 0; i < count; i++) {
		cl_int code = CL_SUCCESS;

		if (a[i].kind == OPENCL_INT) {
			code = j->l.clSetKernelArg(j->kernel, (cl_uint)i, sizeof(a[i].number), &a[i].number);
		} else if (a[i].kind == OPENCL_FLOAT) {
			code = j->l.clSetKernelArg(j->kernel, (cl_uint)i, sizeof(a[i].real), &a[i].real);
		} else {
			j->buffers[i] = j->l.clCreateBuffer(j->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, a[i].bytes, a[i].memory, &code);
			if (code == CL_SUCCESS)
				code = j->l.clSetKernelArg(j->kernel, (cl_uint)i, sizeof(j->buffers[i]), &j->buffers[i]);
		}
		if (code != CL_SUCCESS)
			return failed("argument", code, err);
	}
	return true;
}

static struct job *start(const char *source, const char *name, const struct opencl_argument *a, int count, struct err *err)
{
	struct job *j = mem_calloc(1, sizeof(*j));
	cl_device_id device;
	cl_platform_id platform;

	if (!j) {
		err_memory(err);
		return NULL;
	}
	if (count > ARGUMENTS_MOST || !library_open(&j->l) || list(&j->l, &device, &platform, 1) == 0) {
		mem_free(j);
		err_set(err, ERR_INTERNAL, "OpenCL: no device");
		return NULL;
	}
	if (!build(j, device, source, name, err) || !give(j, a, count, err)) {
		opencl_job_free(j);
		return NULL;
	}
	return j;
}

bool opencl_run(void **job, const char *source, const char *name, const struct opencl_argument *a, int count, size_t x, size_t y,
		struct err *err)
{
	size_t global[2] = { x, y };
	struct job *j = *job;
	cl_int code;

	if (!j)
		*job = j = start(source, name, a, count, err);
	if (!j)
		return false;
	code = j->l.clEnqueueNDRangeKernel(j->queue, j->kernel, y > 1 ? 2 : 1, NULL, global, NULL, 0, NULL, NULL);
	for (int i = 0; code == CL_SUCCESS && i < count; i++) {
		void *mapped;

		if (a[i].kind != OPENCL_RESULT)
			continue;
		mapped = j->l.clEnqueueMapBuffer(j->queue, j->buffers[i], CL_TRUE, CL_MAP_READ, 0, a[i].bytes, 0, NULL, NULL, &code);
		if (code == CL_SUCCESS)
			code = j->l.clEnqueueUnmapMemObject(j->queue, j->buffers[i], mapped, 0, NULL, NULL);
	}
	if (code == CL_SUCCESS)
		code = j->l.clFinish(j->queue);
	return code == CL_SUCCESS || failed(name, code, err);
}
