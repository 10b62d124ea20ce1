#include "cli/tree_kernel.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "kernels/harness/kernel.h"
#include "validation/gains.h"

void tree_kernel_verify(struct tree_kernel *k, const char *name, struct arena *arena)
{
	const struct kernel_family *f = name ? kernel_family_find(name) : NULL;
	time_t now = time(NULL);
	struct tm utc;
	char at[32];

	*k = (struct tree_kernel){ .name = name, .rel_error = NAN, .predicted = NAN, .measured = NAN };
	if (!f)
		return;
	k->verified = true;
	k->rel_error = 0;
	for (const struct shape *s = f->tests; !shape_is_last(s); s++) {
		struct err err = { 0 };
		struct kernel_case *c = kernel_case_new(f, s, 1, &err);
		const struct kernel *best = kernel_default(f, s);
		double error = INFINITY;

		if (!c || !kernel_case_error(c, best, &error, &err) || !(error <= f->tolerance[s->format]) || !(kernel_case_check(c, best) <= f->check_most))
			k->verified = false;
		k->rel_error = fmax(k->rel_error, error);
		kernel_case_free(c);
	}
	k->device = "this CPU";
	if (gmtime_r(&now, &utc) && strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &utc))
		k->at = arena_strdup(arena, at);
}

bool tree_gains_shipped(const struct gain_record **out, size_t *count, struct arena *arena, struct err *err)
{
	return gain_records_load(out, count, arena, err);
}

void tree_kernel_gain(struct tree_kernel *k, const char *module, const char *record, const struct gain_record *shipped, size_t count,
		      struct arena *arena)
{
	const struct gain_record *from = NULL;
	struct gain_record own;

	k->gain_here = record && gain_record_parse(record, &own, arena);
	if (k->gain_here)
		from = &own;
	for (size_t i = 0; i < count && !from; i++)
		if (strcmp(shipped[i].module, module) == 0)
			from = &shipped[i];
	k->predicted = from ? from->predicted : NAN;
	k->measured = from ? from->measured : NAN;
	k->gain_device = from ? from->device : NULL;
	k->gain_at = from ? from->at : NULL;
}
