#include "reports/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reports/markup.h"
#include "reports/utf8.h"

extern char **environ;

void gnuplot_quote(struct str *out, const char *text)
{
	struct str clean = { 0 };

	utf8_add(&clean, text);
	str_add(out, "'");
	for (const char *p = str_text(&clean); *p; p++) {
		/* Back-quotes run commands in some places, and a backslash may join lines: no label needs them. */
		if (*p == '\'')
			str_add(out, "''");
		else
			str_add_bytes(out, *p == '`' || *p == '\\' ? " " : p, 1);
	}
	str_add(out, "'");
	if (clean.failed)
		out->failed = true;
	str_release(&clean);
}

/* A socket, not pipes: writing to a gnuplot that has died must give an error here and not SIGPIPE to the program. */
static pid_t start(int *talk, int *complaints, struct err *err)
{
	char *const argv[] = { (char[]){ "gnuplot" }, (char[]){ "-d" }, NULL };   /* -d: no start-up file */
	posix_spawn_file_actions_t actions;
	int pair[2] = { -1, -1 }, errors[2] = { -1, -1 }, code;
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || pipe(errors) != 0) {
		err_set(err, ERR_IO, "gnuplot cannot be run: %s", strerror(errno));
		goto out;
	}
	for (int i = 0; i < 2; i++) {
		fcntl(pair[i], F_SETFD, FD_CLOEXEC);
		fcntl(errors[i], F_SETFD, FD_CLOEXEC);
	}
	if (posix_spawn_file_actions_init(&actions) != 0) {
		err_memory(err);
		goto out;
	}
	code = posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
	code = code ? code : posix_spawn_file_actions_adddup2(&actions, pair[1], 1);
	code = code ? code : posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
	code = code ? code : posix_spawnp(&pid, "gnuplot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code) {
		pid = -1;
		err_set(err, ERR_IO, code == ENOENT ? "gnuplot is not installed (%s), so there are no plots" :
			"gnuplot cannot be run: %s", strerror(code));
	}
out:
	if (pair[1] >= 0)
		close(pair[1]);
	if (errors[1] >= 0)
		close(errors[1]);
	if (pid < 0) {
		if (pair[0] >= 0)
			close(pair[0]);
		if (errors[0] >= 0)
			close(errors[0]);
		return -1;
	}
	*talk = pair[0];
	*complaints = errors[0];
	return pid;
}

/* Reads what is there; false at the end of the stream. */
static bool take(int fd, struct str *out)
{
	char buffer[16384];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n > 0)
		str_add_bytes(out, buffer, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Feeds the script and collects both answers as they come, so that neither side waits for the other. */
static void converse(int talk, int complaints, const char *script, struct str *answer, struct str *errors)
{
	size_t left = strlen(script);
	struct pollfd fds[2] = { { .fd = talk }, { .fd = complaints, .events = POLLIN } };

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		fds[0].events = (short)(POLLIN | (left ? POLLOUT : 0));
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (left && fds[0].revents & POLLOUT) {
			ssize_t n = send(talk, script, left, MSG_NOSIGNAL | MSG_DONTWAIT);

			if (n > 0) {
				script += n;
				left -= (size_t)n;
			} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
				left = 0;
			}
			if (left == 0)
				shutdown(talk, SHUT_WR);
		}
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && !take(talk, answer))
			fds[0].fd = -1;
		if (fds[1].fd >= 0 && fds[1].revents && !take(complaints, errors))
			fds[1].fd = -1;
	}
}

/* Replaces "rgb( r, g, b)" at *at by a colour of the page or #rrggbb; quote is what ends the attribute. */
static bool color(const char **at, struct str *out)
{
	int r, g, b, n = 0;
	char quote;

	if (sscanf(*at, "rgb( %d , %d , %d )%n", &r, &g, &b, &n) != 3 || n == 0)
		return false;
	quote = (*at)[n];
	if (r != 1 || g != 2 || b < 3 || b > 5) {
		str_addf(out, "#%02x%02x%02x", (unsigned)r & 255, (unsigned)g & 255, (unsigned)b & 255);
	} else {
		str_add(out, "currentColor");
		/* Opacity through one property for fill and stroke alike: no element here has both. */
		if (b > 3 && (quote == '"' || quote == '\''))
			str_addf(out, "%c opacity=%c%s", quote, quote, b == 4 ? ".7" : ".16");
	}
	*at += n;
	return true;
}

static const char *after(const char *text, const char *mark)
{
	const char *found = strstr(text, mark);

	return found ? found + strlen(mark) : NULL;
}

/* Texts of points come as calls of a script that our pages do not have: the argument becomes the point's title, which report.js
 * shows as well. Returns where to go on. */
static const char *tip(const char *at, struct str *out)
{
	const char *text = after(at, "showHypertext(evt,'"), *end = text ? strstr(text, "')\"") : NULL, *rest = end ? after(end, "<title> </title>") : NULL;

	if (!rest)
		return NULL;
	str_add(out, "<g class=\"tip\"><title>");
	str_add_bytes(out, text, (size_t)(end - text));
	str_add(out, "</title>");
	return rest;
}

/* What gnuplot draws, without its header: colours follow the page, ids carry the name, empty groups are gone. */
static void restyle(const char *body, const char *name, struct str *out)
{
	static const char *const drop[] = { " color=\"black\"", " color=\"white\"", " color=\"gray\"",
					    " font-family=\"sans-serif\"", " id=\"gnuplot_canvas\"" };
	const char *defs_end = after(body, "</defs>");
	bool symbols = defs_end && strstr(defs_end, "xlink:href");

	while (*body) {
		const char *end = NULL;

		if (text_starts(body, "<defs>"))
			end = symbols ? NULL : after(body, "</defs>");
		else if (text_starts(body, "<g onmousemove="))
			end = tip(body, out);
		else if (text_starts(body, "<title>"))
			end = after(body, "</title>");
		else if (text_starts(body, "<filter"))
			end = after(body, "</filter>");
		else if (text_starts(body, "<g fill=\"none\"") && (end = strstr(body, ">\n</g>\n")) &&
			 !memchr(body, '\n', (size_t)(end - body)))
			end += strlen(">\n</g>\n");
		else if (text_starts(body, "<g fill=\"none\""))
			end = NULL;
		for (size_t i = 0; !end && i < COUNT_OF(drop); i++)
			if (text_starts(body, drop[i]))
				end = body + strlen(drop[i]);
		if (end) {
			body = end;
		} else if (text_starts(body, "rgb(") && color(&body, out)) {
			continue;
		} else if (text_starts(body, "stroke=\"black\"")) {
			str_add(out, "stroke=\"currentColor\"");
			body += strlen("stroke=\"black\"");
		} else if (text_starts(body, "gpPt") || text_starts(body, "gpDot")) {
			str_addf(out, "%s-", name);
			str_add_bytes(out, body, 4);
			body += 4;
		} else {
			str_add_bytes(out, body, 1);
			body++;
		}
	}
}

static bool finish(const char *svg, const char *name, const char *label, bool standalone, struct str *out,
		   struct err *err)
{
	const char *box = strstr(svg, "viewBox=\""), *body = after(svg, "</desc>");
	size_t box_length = box ? strcspn(box + strlen("viewBox=\""), "\"") + strlen("viewBox=\"") + 1 : 0;

	if (!box || !body)
		return err_set(err, ERR_INTERNAL, "gnuplot gave no SVG");
	if (standalone)
		str_add(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
	str_add(out, "<svg ");
	str_add_bytes(out, box, box_length);
	str_add(out, " xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\""
		     " font-family=\"system-ui, Segoe UI, Roboto, Helvetica, DejaVu Sans, sans-serif\""
		     " role=\"img\" aria-label=\"");
	markup_add(out, label);
	str_add(out, "\">");
	if (standalone)
		str_add(out, "<style>svg{color-scheme:light dark;color:#1d2127}"
			     "@media(prefers-color-scheme:dark){svg{color:#e3e6ea}}</style>");
	restyle(body, name, out);
	return !out->failed || err_memory(err);
}

/* Where gnuplot says what it did not like, after repeating the line. */
static const char *last_line(struct str *errors)
{
	char *text = errors->text ? text_trim(errors->text) : NULL, *line = text ? strrchr(text, '\n') : NULL;

	return line ? line + 1 : text && *text ? text : "without a word";
}

bool gnuplot_svg(const char *script, const char *name, const char *label, bool standalone, struct str *out,
		 struct err *err)
{
	struct str answer = { 0 }, errors = { 0 };
	int talk, complaints, status = 0;
	pid_t pid = start(&talk, &complaints, err);
	bool ok;

	if (pid < 0)
		return false;
	converse(talk, complaints, script, &answer, &errors);
	close(talk);
	close(complaints);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (answer.failed || errors.failed)
		ok = err_memory(err);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		ok = err_set(err, ERR_INTERNAL, "gnuplot failed: %.300s", last_line(&errors));
	else
		ok = finish(str_text(&answer), name, label, standalone, out, err);
	str_release(&answer);
	str_release(&errors);
	return ok;
}
