#include "validation/row_errors.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/sketch.h"

bool row_wanted(const struct published_row *row, const char *source, const char *accelerator, const char *model)
{
	return (!source || strstr(row->source, source)) && (!accelerator || strstr(row->accelerator, accelerator)) &&
	       (!model || strstr(row->model, model));
}

bool row_held_out(const struct published_row *row, const char *source)
{
	struct hash *h = hash_new();
	char hex[33];

	if (!h)
		return true;
	hash_add_text(h, source);
	hash_add_text(h, row->accelerator);
	hash_add_text(h, row->model);
	hash_hex(h, hex);
	hash_free(h);
	return strchr("02468ace", hex[0]) == NULL;
}

void row_errors(double *errors, size_t count, struct row_errors *out)
{
	int64_t n = (int64_t)count;
	double sum = 0;

	*out = (struct row_errors){ .count = count, .median = NAN, .mean = NAN, .p90 = NAN, .bias = NAN };
	if (count == 0)
		return;
	out->bias = exact_quantile(errors, n, 0.5);
	for (size_t i = 0; i < count; i++) {
		errors[i] = fabs(errors[i]);
		out->over += errors[i] > 0.4;
		sum += errors[i];
	}
	out->mean = sum / (double)count;
	out->median = exact_quantile(errors, n, 0.5), out->p90 = exact_quantile(errors, n, 0.9);
}
