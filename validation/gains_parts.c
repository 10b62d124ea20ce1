#include "validation/gains_parts.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "kernels/core/cpu.h"
#include "sim/step.h"
#include "validation/technique_rows.h"

/* Kernels here compute in fp32 with weights of one format: activations, attention and head are not 16-bit. */
static const char here_words[] = "model.activation_dtype=fp32 model.attention_dtype=fp32 model.head_dtype=fp32 hardware.host_overhead=none";

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' '))
			return true;
	return false;
}

struct gain_part *gain_part_add(struct gain_part *parts, size_t *count, const char *label, double runs, struct err *err)
{
	if (*count == GAIN_PARTS_MOST) {
		err_set(err, ERR_INTERNAL, "%s: more than %d operators to compare", label, GAIN_PARTS_MOST);
		return NULL;
	}
	parts[*count] = (struct gain_part){ .label = label, .count = runs };
	return &parts[(*count)++];
}

static bool steps(const struct gain_case *c, const char *device, struct step_result out[GAIN_SIDES], struct arena *arena, struct err *err)
{
	const char *plain = arena_printf(arena, "device=%s %s %s", device, here_words, c->plain ? c->plain : c->scenario);
	const char *params = c->wide_params && cpu_has_avx512() ? c->wide_params : c->params;
	const char *with = arena_printf(arena, "device=%s %s %s with=%s%s%s", device, here_words, c->scenario, c->module, params ? ":" : "", params ? params : "");

	if (!plain || !with)
		return err_memory(err);
	return technique_step(plain, NULL, &out[GAIN_PLAIN], arena, err) && technique_step(with, NULL, &out[GAIN_WITH], arena, err);
}

static bool same_op(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->dtype == b->dtype && a->kv_dtype == b->kv_dtype && a->m == b->m && a->n == b->n && a->k == b->k &&
	       a->batch == b->batch && a->heads == b->heads && a->kv_heads == b->kv_heads && a->head_dim == b->head_dim &&
	       a->v_head_dim == b->v_head_dim && a->q_len == b->q_len && a->kv_len == b->kv_len && a->window == b->window && a->bytes == b->bytes &&
	       a->stored_bytes == b->stored_bytes && a->unpack_ops == b->unpack_ops && a->law == b->law;
}

/* Rows that both steps have alike take the same time in both: the module did not touch them. */
static bool is_shared(const struct step_row *row, const struct step_result *other)
{
	for (size_t i = 0; i < other->row_count; i++)
		if (strcmp(row->label, other->rows[i].label) == 0 && row->count == other->rows[i].count && same_op(&row->op, &other->rows[i].op))
			return true;
	return false;
}

static bool add_own_kernel(struct gain_row *row, const struct op *first, double runs, struct err *err)
{
	const struct gain_case *c = row->gain;
	struct gain_part *p = gain_part_add(row->parts[GAIN_WITH], &row->count[GAIN_WITH], c->kernel, runs, err);

	if (!p)
		return false;
	p->family = kernel_family_find(c->kernel);
	if (!p->family)
		return err_set(err, ERR_INTERNAL, "%s: no kernel '%s'", c->module, c->kernel);
	c->shape(first, &p->shape);
	return true;
}

static bool add_step(struct gain_row *row, enum gain_side side, const struct step_result r[GAIN_SIDES], struct arena *arena, struct err *err)
{
	const struct gain_case *c = row->gain;
	bool own_added = false;

	for (size_t i = 0; i < r[side].row_count; i++) {
		const struct step_row *s = &r[side].rows[i];
		bool own = side == GAIN_WITH && has_word(c->own, s->label);
		struct gain_part *p;

		if (s->op.kind == OP_HOST || (is_shared(s, &r[!side]) && !has_word(c->also, s->label)))
			continue;
		p = gain_part_add(row->parts[side], &row->count[side], s->label, s->count, err);
		if (!p)
			return false;
		p->priced = true;
		p->op = s->op;
		if (!own && !gain_kernel(&s->op, &p->family, &p->shape)) {
			row->verdict = arena_printf(arena, "no kernel here does the operator %s", s->label);
			return row->verdict || err_memory(err);
		}
		if (own && !own_added && !add_own_kernel(row, &s->op, s->count, err))
			return false;
		own_added = own_added || own;
	}
	return true;
}

bool gain_parts(struct gain_row *row, const char *device, struct arena *arena, struct err *err)
{
	const struct gain_case *c = row->gain;
	struct step_result r[GAIN_SIDES];

	row->yield = 1;
	if (c->scenario) {
		if (!steps(c, device, r, arena, err))
			return false;
		row->yield = r[GAIN_WITH].tokens_per_pass / r[GAIN_PLAIN].tokens_per_pass;
		for (int side = 0; side < GAIN_SIDES && !row->verdict; side++)
			if (!add_step(row, (enum gain_side)side, r, arena, err))
				return false;
	}
	for (int side = 0; c->more && side < GAIN_SIDES; side++)
		if (!c->more((enum gain_side)side, row->parts[side], &row->count[side], err))
			return false;
	return true;
}
