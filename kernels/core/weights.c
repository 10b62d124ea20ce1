#include "kernels/core/weights.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

const char *const kernel_format_names[] = { "fp32", "bf16", "int8", "int4_wo", NULL };

int kernel_format_parse(const char *text)
{
	for (int i = 0; kernel_format_names[i]; i++)
		if (!strcmp(text, kernel_format_names[i]))
			return i;
	return -1;
}

/* Where the source values come from: fp32 or bf16 rows. */
struct source {
	const float *f;
	const uint16_t *h;
	int64_t ld;
};

static float source_at(const struct source *s, int64_t row, int64_t col)
{
	return s->f ? s->f[row * s->ld + col] : float_from_bf16(s->h[row * s->ld + col]);
}

static int64_t per_unit(enum kernel_format f)
{
	return f == KERNEL_FP32 ? 1 : f == KERNEL_INT8 ? 4 : 2;
}

static size_t panel_bytes(const struct weights *w)
{
	return (size_t)w->units * (w->format == KERNEL_INT4 ? PANEL : PANEL * 4);
}

static void pack_plain(struct weights *w, const struct source *s, int64_t panel)
{
	uint32_t *out = (uint32_t *)(void *)((char *)w->data + (size_t)panel * panel_bytes(w));

	for (int64_t u = 0; u < w->units; u++) {
		for (int64_t c = 0; c < PANEL; c++) {
			int64_t row = panel * PANEL + c, col = u * per_unit(w->format);
			uint32_t bits = 0;

			if (row < w->n && w->format == KERNEL_FP32) {
				float x = source_at(s, row, col);

				memcpy(&bits, &x, sizeof(bits));
			} else if (row < w->n) {
				bits = bf16_from_float(source_at(s, row, col));
				if (col + 1 < w->k)
					bits |= (uint32_t)bf16_from_float(source_at(s, row, col + 1)) << 16;
			}
			out[u * PANEL + c] = bits;
		}
	}
}

/* Symmetric, the largest magnitude of a row at 127. */
static void pack_int8(struct weights *w, const struct source *s, int64_t panel)
{
	int8_t *out = (int8_t *)w->data + (size_t)panel * panel_bytes(w);
	int32_t *bias = w->bias + panel * w->blocks * PANEL;

	memset(out, 0, panel_bytes(w));
	memset(bias, 0, sizeof(*bias) * (size_t)(w->blocks * PANEL));
	for (int64_t c = 0; c < PANEL; c++) {
		int64_t row = panel * PANEL + c;
		float most = 0;

		for (int64_t j = 0; row < w->n && j < w->k; j++)
			most = fmaxf(most, fabsf(source_at(s, row, j)));
		w->scale[row] = most / 127;
		for (int64_t j = 0; row < w->n && most > 0 && j < w->k; j++) {
			int8_t q = (int8_t)lrintf(source_at(s, row, j) / most * 127);

			out[(j / 4 * PANEL + c) * 4 + j % 4] = q;
			bias[j / 4 / weights_block(w) * PANEL + c] += 128 * q;
		}
	}
}

/* Scale and zero of one group: least and greatest value (and 0) at the ends of 0 .. 15. */
static void int4_group(const struct weights *w, const struct source *s, int64_t row, int64_t from, uint16_t *scale, uint8_t *zero)
{
	int64_t to = from + INT4_GROUP < w->k ? from + INT4_GROUP : w->k;
	float lo = 0, hi = 0, step;

	for (int64_t j = from; j < to; j++) {
		lo = fminf(lo, source_at(s, row, j));
		hi = fmaxf(hi, source_at(s, row, j));
	}
	*scale = bf16_from_float((hi - lo) / 15);
	step = float_from_bf16(*scale);
	*zero = step > 0 ? (uint8_t)fminf(fmaxf(rintf(-lo / step), 0), 15) : 0;
}

static void pack_int4(struct weights *w, const struct source *s, int64_t panel)
{
	uint8_t *out = (uint8_t *)w->data + (size_t)panel * panel_bytes(w);

	memset(out, 0, panel_bytes(w));
	for (int64_t c = 0; c < PANEL; c++) {
		int64_t row = panel * PANEL + c;

		for (int64_t g = 0; g < w->blocks; g++) {
			int64_t at = (panel * w->blocks + g) * PANEL + c;

			w->group_scale[at] = 0;
			w->group_zero[at] = 0;
			if (row >= w->n)
				continue;
			int4_group(w, s, row, g * INT4_GROUP, &w->group_scale[at], &w->group_zero[at]);
			float step = float_from_bf16(w->group_scale[at]);
			for (int64_t j = g * INT4_GROUP; j < (g + 1) * INT4_GROUP && j < w->k; j++) {
				float q = step > 0 ? rintf(source_at(s, row, j) / step) + w->group_zero[at] : 0;
				uint8_t bits = (uint8_t)fminf(fmaxf(q, 0), 15);

				out[j / 2 * PANEL + c % 16 * 2 + j % 2] |= (uint8_t)(c < 16 ? bits : bits << 4);
			}
		}
	}
}

static bool weights_alloc(struct weights *w, struct err *err)
{
	size_t columns = (size_t)w->panels * PANEL, groups = columns * (size_t)w->blocks;

	w->data = mem_alloc_aligned((size_t)w->panels * panel_bytes(w));
	if (w->format == KERNEL_INT8) {
		w->scale = mem_alloc_aligned(columns * sizeof(*w->scale));
		w->bias = mem_alloc_aligned(groups * sizeof(*w->bias));
	}
	if (w->format == KERNEL_INT4) {
		w->group_scale = mem_alloc_aligned(groups * sizeof(*w->group_scale));
		w->group_zero = mem_alloc_aligned(groups);
	}
	if (!w->data || (w->format == KERNEL_INT8 && (!w->scale || !w->bias)) ||
	    (w->format == KERNEL_INT4 && (!w->group_scale || !w->group_zero)))
		return err_memory(err);
	return true;
}

static struct weights *pack(enum kernel_format format, const struct source *s, int64_t n, int64_t k, int threads, struct err *err)
{
	struct weights *w = mem_calloc(1, sizeof(*w));

	if (!w) {
		err_memory(err);
		return NULL;
	}
	w->format = format;
	w->n = n;
	w->k = k;
	w->panels = (n + PANEL - 1) / PANEL;
	w->units = (k + per_unit(format) - 1) / per_unit(format);
	w->blocks = (w->units + weights_block(w) - 1) / weights_block(w);
	if (!weights_alloc(w, err)) {
		weights_free(w);
		return NULL;
	}
#pragma omp parallel for num_threads(threads) schedule(static)
	for (int64_t p = 0; p < w->panels; p++) {
		if (format == KERNEL_INT8)
			pack_int8(w, s, p);
		else if (format == KERNEL_INT4)
			pack_int4(w, s, p);
		else
			pack_plain(w, s, p);
	}
	return w;
}

struct weights *weights_pack(enum kernel_format format, const float *w, int64_t ld, int64_t n, int64_t k, int threads,
			     struct err *err)
{
	return pack(format, &(struct source){ .f = w, .ld = ld }, n, k, threads, err);
}

struct weights *weights_pack_bf16(enum kernel_format format, const uint16_t *w, int64_t ld, int64_t n, int64_t k, int threads,
				  struct err *err)
{
	return pack(format, &(struct source){ .h = w, .ld = ld }, n, k, threads, err);
}

float weights_at(const struct weights *w, int64_t row, int64_t col)
{
	int64_t panel = row / PANEL, c = row % PANEL, u = col / per_unit(w->format), part = col % per_unit(w->format);
	const void *data = (const char *)w->data + (size_t)panel * panel_bytes(w);

	switch (w->format) {
	case KERNEL_FP32: return ((const float *)data)[u * PANEL + c];
	case KERNEL_BF16: return float_from_bf16(((const uint16_t *)data)[(u * PANEL + c) * 2 + part]);
	case KERNEL_INT8: return (float)((const int8_t *)data)[(u * PANEL + c) * 4 + part] * w->scale[row];
	case KERNEL_INT4: {
		uint8_t byte = ((const uint8_t *)data)[u * PANEL + c % 16 * 2 + part];
		int64_t at = (panel * w->blocks + col / INT4_GROUP) * PANEL + c;

		return (float)((c < 16 ? byte & 15 : byte >> 4) - w->group_zero[at]) * float_from_bf16(w->group_scale[at]);
	}
	case KERNEL_FORMAT_COUNT: break;
	}
	return 0;
}

void weights_unpack(const struct weights *w, float *out)
{
	for (int64_t i = 0; i < w->n; i++)
		for (int64_t j = 0; j < w->k; j++)
			out[i * w->k + j] = weights_at(w, i, j);
}

size_t weights_bytes(const struct weights *w)
{
	size_t bytes = (size_t)w->panels * panel_bytes(w), groups = (size_t)(w->panels * w->blocks) * PANEL;

	if (w->format == KERNEL_INT8)
		bytes += (size_t)w->panels * PANEL * sizeof(*w->scale) + groups * sizeof(*w->bias);
	if (w->format == KERNEL_INT4)
		bytes += groups * 3;
	return bytes;
}

void weights_free(struct weights *w)
{
	if (!w)
		return;
	mem_free(w->data);
	mem_free(w->scale);
	mem_free(w->bias);
	mem_free(w->group_scale);
	mem_free(w->group_zero);
	mem_free(w);
}
