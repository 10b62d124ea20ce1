/* The front door. Results go to standard output, one line of error to standard error, its kind to the exit status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "cli/commands.h"

/* Studies simulate thousands of times in a row: memory that one simulation gives back is kept for the next, instead of being
 * unmapped and faulted in again (under a lock that all threads share: two threads were 1.72 times as fast as one, now 1.79). */
static void keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 32 << 20);
#endif
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	bool ok;

	keep_memory();
	/* A file that grows past the limit of the shell is a failed write like that of a full disk: said, and cleaned up. */
	signal(SIGXFSZ, SIG_IGN);
	ok = commands_run(argc - 1, argv + 1, &err);

	/* A result that could not be written is no result. */
	if (fflush(stdout) != 0 || ferror(stdout))
		ok = err_set(&err, ERR_IO, "standard output: %s", strerror(errno));
	if (ok)
		return 0;
	fprintf(stderr, "vibee-sim: %s\n", err.text);
	return err_exit_status(&err);
}
