#include "validation/engine/engine_pace.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "kernels/harness/timing.h"

enum { READINGS = 21 };

struct pace {
	struct timing *timing;
	double best_s;
};

struct pace *pace_new(struct err *err)
{
	struct pace *p = mem_calloc(1, sizeof(*p));

	if (!p) {
		err_memory(err);
		return NULL;
	}
	p->timing = timing_new(err);
	p->best_s = INFINITY;
	if (p->timing)
		return p;
	mem_free(p);
	return NULL;
}

void pace_free(struct pace *p)
{
	if (!p)
		return;
	timing_free(p->timing);
	mem_free(p);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double pace_now(struct pace *p)
{
	double v[READINGS];

	for (int i = 0; i < READINGS; i++) {
		v[i] = timing_pace_s(p->timing);
		if (v[i] < p->best_s)
			p->best_s = v[i];
	}
	qsort(v, READINGS, sizeof(*v), ascending);
	return v[READINGS / 2] / p->best_s;
}
