/* The front door. Results go to standard output, one line of error to standard error, its kind to the exit status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

int main(int argc, char **argv)
{
	struct err err = { 0 };
	bool ok;

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
