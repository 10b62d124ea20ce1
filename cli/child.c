#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEPT_MOST = 64 << 10 };

/* In the child, between fork and exec: 127 after writing errno to the pipe that exec closes. */
static void become(const char *const *argv, const char *folder, const char *const *unset, int out, int failed)
{
	int nothing = open("/dev/null", O_RDONLY), code;

	signal(SIGINT, SIG_DFL);
	if (nothing >= 0)
		dup2(nothing, 0);
	dup2(out, 1);
	dup2(out, 2);
	for (; unset && *unset; unset++)
		unsetenv(*unset);
	if (!folder || chdir(folder) == 0)
		execvp(argv[0], (char *const *)argv);
	code = errno;
	if (write(failed, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

static void keep_end(struct str *out)
{
	if (out->length <= 2 * KEPT_MOST)
		return;
	memmove(out->text, out->text + out->length - KEPT_MOST, KEPT_MOST + 1);
	out->length = KEPT_MOST;
}

static void catch_output(int fd, struct str *out)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0) {
			str_add_bytes(out, buf, (size_t)n);
			keep_end(out);
		}
}

bool child_run(const char *const *argv, const char *folder, const char *const *unset, struct str *out, int *status, struct err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int text[2], failed[2], code = 0, state = 0;
	pid_t pid;

	if (pipe(text) != 0)
		return err_set(err, ERR_INTERNAL, "pipe: %s", strerror(errno));
	if (pipe(failed) != 0) {
		close(text[0]);
		close(text[1]);
		return err_set(err, ERR_INTERNAL, "pipe: %s", strerror(errno));
	}
	fcntl(failed[1], F_SETFD, FD_CLOEXEC);
	/* As system() does: an interrupt ends the child, and the caller cleans up after it. */
	sigaction(SIGINT, &ignore, &before);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(text[0]);
		close(failed[0]);
		become(argv, folder, unset, text[1], failed[1]);
	}
	close(text[1]);
	close(failed[1]);
	if (pid > 0) {
		catch_output(text[0], out);
		if (read(failed[0], &code, sizeof(code)) != (ssize_t)sizeof(code))
			code = 0;
		while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
			;
	}
	close(text[0]);
	close(failed[0]);
	sigaction(SIGINT, &before, NULL);
	if (pid < 0)
		return err_set(err, ERR_INTERNAL, "fork: %s", strerror(errno));
	if (code == ENOENT)
		return err_set(err, ERR_INPUT, "%s is not installed", argv[0]);
	if (code)
		return err_set(err, ERR_IO, "%s: %s", argv[0], strerror(code));
	*status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
	return !out->failed || err_memory(err);
}

const char *child_complaint(const struct str *out, char *buf, size_t room)
{
	const char *last = "", *at = str_text(out), *said = NULL;
	size_t n = 0, said_n = 0;

	for (size_t line; *at; at += line + (at[line] == '\n')) {
		line = strcspn(at, "\n");
		if (line == 0)
			continue;
		last = at;
		n = line;
		if (!said && line < 4096) {
			char copy[4096];

			memcpy(copy, at, line);
			copy[line] = '\0';
			if (strstr(copy, "error") || strstr(copy, "fatal")) {
				said = at;
				said_n = line;
			}
		}
	}
	snprintf(buf, room, "%.*s", (int)(said ? said_n : n), said ? said : last);
	return buf;
}
