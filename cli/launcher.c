#include "cli/launcher.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/str.h"

/* What Open MPI, MPICH and Slurm's PMI put there. */
static int from_environment(const char *const *names, int otherwise)
{
	for (; *names; names++) {
		const char *text = getenv(*names);
		int64_t v;

		if (text && text_to_int64(text, &v) && v >= 0 && v < 1 << 20)
			return (int)v;
	}
	return otherwise;
}

int launcher_size(void)
{
	return from_environment((const char *const[]){ "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL }, 1);
}

int launcher_rank(void)
{
	return from_environment((const char *const[]){ "OMPI_COMM_WORLD_RANK", "PMI_RANK", NULL }, 0);
}

/* Beside the program as it is built, or where it was installed. */
static void *open_beside(const char *where, char *path, size_t room)
{
	char program[1024];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	program[n] = '\0';
	slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	snprintf(path, room, "%.900s/%s", program, where);
	/* Open MPI's own parts look for its symbols globally. */
	return paths_is_file(path) ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
}

bool launcher_transport(const struct transport_ops **transport, struct err *err)
{
	char path[1024] = "";
	void *part;
	const char *why;

	*transport = NULL;
	if (launcher_size() < 2)
		return true;
	part = open_beside("vibee-mpi.so", path, sizeof(path));
	if (!part)
		part = open_beside("../lib/vibee-sim/vibee-mpi.so", path, sizeof(path));
	if (part)
		*transport = dlsym(part, "vibee_transport");
	if (*transport)
		return true;
	why = dlerror();
	return err_set(err, ERR_IO, "started as one of %d processes, but %s cannot be opened: %s", launcher_size(), path, why ? why : "not there");
}
