#include "kernels/harness/machine.h"

#include <hwloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernels/core/cpu.h"

static void text_of(hwloc_topology_t topology, const char *key, char *out, size_t room)
{
	hwloc_obj_t package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0);
	const char *text = package ? hwloc_obj_get_info_by_name(package, key) : NULL;

	snprintf(out, room, "%s", text ? text : "unknown");
}

static double cache_bytes(hwloc_topology_t topology, hwloc_obj_type_t type, bool all)
{
	int n = hwloc_get_nbobjs_by_type(topology, type);
	double bytes = 0;

	for (int i = 0; i < (all ? n : n > 0); i++)
		bytes += (double)hwloc_get_obj_by_type(topology, type, (unsigned)i)->attr->cache.size;
	return bytes;
}

/* Linux tells the clock in /proc/cpuinfo; elsewhere it is unknown. */
static double clock_hz(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];
	double mhz = NAN;

	while (f && isnan(mhz) && fgets(line, sizeof(line), f))
		if (!strncmp(line, "cpu MHz", 7) && strchr(line, ':'))
			mhz = atof(strchr(line, ':') + 1);
	if (f)
		fclose(f);
	return mhz > 0 ? mhz * 1e6 : NAN;
}

static const char *instructions(void)
{
#if defined(__x86_64__)
	return cpu_has_avx512() ? "AVX-512" : cpu_has_avx2() ? "AVX2" : "none of x86-64's vectors";
#else
	return "portable";
#endif
}

bool machine_read(struct machine *out, struct err *err)
{
	hwloc_topology_t topology;

	*out = (struct machine){ 0 };
	if (hwloc_topology_init(&topology) != 0)
		return err_set(err, ERR_INTERNAL, "hwloc does not start");
	if (hwloc_topology_load(topology) != 0) {
		hwloc_topology_destroy(topology);
		return err_set(err, ERR_INTERNAL, "hwloc cannot read this machine's topology");
	}
	text_of(topology, "CPUModel", out->cpu, sizeof(out->cpu));
	text_of(topology, "CPUVendor", out->vendor, sizeof(out->vendor));
	out->packages = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE);
	out->numa_nodes = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE);
	out->cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
	out->threads = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
	out->cores = out->cores > 0 ? out->cores : out->threads > 0 ? out->threads : 1;
	out->l1_bytes = cache_bytes(topology, HWLOC_OBJ_L1CACHE, false);
	out->l2_bytes = cache_bytes(topology, HWLOC_OBJ_L2CACHE, false);
	out->l3_bytes = cache_bytes(topology, HWLOC_OBJ_L3CACHE, true);
	out->memory_bytes = (double)hwloc_get_root_obj(topology)->total_memory;
	out->clock_hz = clock_hz();
	out->instructions = instructions();
	hwloc_topology_destroy(topology);
	return true;
}

/* user, nice, system, idle, waiting, interrupts (hard and soft), stolen. */
enum { TICKS_IDLE = 3, TICKS_WAITING = 4, TICKS_STOLEN = 7, TICKS = 8 };

static bool read_ticks(long long at[TICKS])
{
	FILE *f = fopen("/proc/stat", "r");
	bool told = f && fscanf(f, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &at[0], &at[1], &at[2], &at[3], &at[4], &at[5], &at[6], &at[7]) == TICKS;

	if (f)
		fclose(f);
	return told;
}

double machine_stolen_s(void)
{
	long long ticks[TICKS];

	return read_ticks(ticks) ? (double)ticks[TICKS_STOLEN] / (double)sysconf(_SC_CLK_TCK) : NAN;
}

double machine_taken_s(void)
{
	long long ticks[TICKS], busy = 0;
	struct timespec own;

	if (!read_ticks(ticks) || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own) != 0)
		return NAN;
	for (int i = 0; i < TICKS; i++)
		busy += i == TICKS_IDLE || i == TICKS_WAITING ? 0 : ticks[i];
	return (double)busy / (double)sysconf(_SC_CLK_TCK) - (double)own.tv_sec - 1e-9 * (double)own.tv_nsec;
}
