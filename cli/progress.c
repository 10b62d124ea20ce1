#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/now.h"

double peak_rss_bytes(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) == 0 ? 1024.0 * (double)usage.ru_maxrss : 0;
}

void progress_start(struct progress *p, bool quiet)
{
	*p = (struct progress){ .wanted = !quiet && isatty(STDERR_FILENO), .start_s = now_s() };
	p->next_s = p->start_s + 1;
}

void progress_lines(struct progress *p)
{
	p->wanted = p->lines = true;
}

bool progress_due(const struct progress *p)
{
	return p->wanted && now_s() >= p->next_s;
}

void progress_show(struct progress *p, double share, const char *what)
{
	enum { CELLS = 30 };
	double now = now_s(), left;
	int full;

	if (!progress_due(p))
		return;
	if (p->lines) {
		p->next_s = now + 5;
		fprintf(stderr, "%.0f s  %s", now - p->start_s, what);
		if (isfinite(share))
			fprintf(stderr, " %.0f %%", 100 * share);
		fputc('\n', stderr);
		return;
	}
	p->next_s = now + 0.1;
	p->shown = true;
	if (!isfinite(share)) {
		fprintf(stderr, "\r\033[K%.0f s  %s", now - p->start_s, what);
		return;
	}
	share = fmin(fmax(share, 0), 1);
	full = (int)(share * CELLS);
	left = share > 0.01 ? (now - p->start_s) * (1 - share) / share : NAN;
	fprintf(stderr, "\r\033[K[%.*s%*s] %3.0f %%  ", full, "##############################", CELLS - full, "", 100 * share);
	if (isfinite(left))
		fprintf(stderr, "%.0f s left  ", left);
	fprintf(stderr, "%s", what);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}
