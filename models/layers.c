/* From the patterns and groups of a model to one resolved layer at a time. */
#include <ctype.h>
#include <string.h>

#include "models/model.h"

/* Adds the letters of pattern[from, to) to out[n...], at most `layers` in all; false when a letter is not in `letters`. */
static bool spell(const char *from, const char *to, const char *letters, char *out, int64_t *n, int64_t layers)
{
	while (from < to) {
		int64_t count = 1;

		if (isdigit((unsigned char)*from)) {
			for (count = 0; from < to && isdigit((unsigned char)*from) && count <= layers; from++)
				count = count * 10 + (*from - '0');
		}
		if (from == to || !strchr(letters, *from))
			return false;
		for (; count > 0 && *n < layers; count--)
			out[(*n)++] = *from;
		if (count > 0)
			return false; /* longer than the model */
		from++;
	}
	return true;
}

/* As spell, but stops quietly when the layers are full: the last repetition may be cut. */
static bool repeat(const char *from, const char *to, const char *letters, char *out, int64_t *n, int64_t layers)
{
	while (*n < layers) {
		int64_t before = *n;

		if (!spell(from, to, letters, out, n, layers) && *n < layers)
			return false;
		if (*n == before)
			return false;
	}
	return true;
}

static char *expand(const char *pattern, const char *letters, int64_t layers, struct arena *arena)
{
	char *out = arena_alloc(arena, (size_t)layers + 1);
	const char *open = strchr(pattern, '('), *close = open ? strchr(open, ')') : NULL;
	int64_t n = 0;

	if (!out || (open && (!close || close[1])))
		return NULL;
	if (open && !spell(pattern, open, letters, out, &n, layers))
		return NULL;
	if (open)
		return n == layers || repeat(open + 1, close, letters, out, &n, layers) ? out : NULL;
	if (!spell(pattern, pattern + strlen(pattern), letters, out, &n, layers))
		return NULL;
	return repeat(pattern, pattern + strlen(pattern), letters, out, &n, layers) ? out : NULL;
}

static bool count_of(const char *letters, char wanted)
{
	return strchr(letters, wanted) != NULL;
}

static bool check_attention(const struct model *m, const char *origin, struct err *err)
{
	const struct model_attention *a = &m->attention;
	bool sparse = count_of(m->mixer_of, 'S') || count_of(m->mixer_of, 'T');

	if (!count_of(m->mixer_of, 'A') && !count_of(m->mixer_of, 'W') && !sparse)
		return true;
	if (a->heads < 1 || a->head_dim < 1)
		return err_set(err, ERR_INPUT, "%s: attention heads=\"%lld\": attention layers need heads and head_dim",
			       origin, (long long)a->heads);
	if (a->kv_heads < 1 || a->heads % a->kv_heads != 0)
		return err_set(err, ERR_INPUT, "%s: kv_heads=\"%lld\": expected a divisor of heads=\"%lld\"", origin,
			       (long long)a->kv_heads, (long long)a->heads);
	if (count_of(m->mixer_of, 'W') && a->window < 1)
		return err_set(err, ERR_INPUT, "%s: mixers has W layers: expected window, in tokens", origin);
	if (a->kv_lora_rank > 0 && (a->nope_dim < 1 || a->v_head_dim < 1))
		return err_set(err, ERR_INPUT, "%s: kv_lora_rank is set: expected nope_dim, rope_dim and v_head_dim",
			       origin);
	if (sparse && a->index_top_k < 1)
		return err_set(err, ERR_INPUT, "%s: mixers has S or T layers: expected index_top_k", origin);
	if (count_of(m->mixer_of, 'S') && (a->index_heads < 1 || a->index_dim < 1))
		return err_set(err, ERR_INPUT, "%s: mixers has S layers: expected index_heads and index_dim", origin);
	return true;
}

static bool check_recurrent(const struct model *m, const char *origin, struct err *err)
{
	const struct model_recurrent *r = &m->recurrent;
	bool mamba = r->kind == RECURRENT_MAMBA1 || r->kind == RECURRENT_MAMBA2;

	if (!count_of(m->mixer_of, 'R'))
		return true;
	if (r->kind == RECURRENT_NONE)
		return err_set(err, ERR_INPUT, "%s: mixers has R layers: expected recurrent kind", origin);
	if (mamba && (r->inner < 1 || r->state < 1 || (r->kind == RECURRENT_MAMBA2 && r->heads < 1)))
		return err_set(err, ERR_INPUT, "%s: mamba layers: expected inner, state and, for mamba2, heads",
			       origin);
	if (!mamba && (r->heads < 1 || r->head_dim < 1))
		return err_set(err, ERR_INPUT, "%s: recurrent layers: expected heads and head_dim", origin);
	if ((r->kind == RECURRENT_GDN || r->kind == RECURRENT_MLSTM) && r->key_dim < 1)
		return err_set(err, ERR_INPUT, "%s: recurrent layers: expected key_dim", origin);
	if ((r->kind == RECURRENT_RWKV6 || r->kind == RECURRENT_RWKV7) && r->heads * r->head_dim != m->shape.hidden)
		return err_set(err, ERR_INPUT, "%s: rwkv: heads * head_dim is %lld: expected hidden=%lld", origin,
			       (long long)(r->heads * r->head_dim), (long long)m->shape.hidden);
	return true;
}

static bool check_ffn(const struct model *m, const char *origin, struct err *err)
{
	const struct model_moe *e = &m->moe;

	if (count_of(m->ffn_of, 'E') &&
	    (e->experts < 1 || e->expert_intermediate < 1 || e->top_k < 1 || e->top_k > e->experts))
		return err_set(err, ERR_INPUT,
			       "%s: ffns has E layers: expected experts, expert_intermediate and top_k of 1 to experts",
			       origin);
	if (count_of(m->ffn_of, 'D') && m->mlp.intermediate < 1)
		return err_set(err, ERR_INPUT, "%s: ffns has D layers: expected mlp intermediate", origin);
	return true;
}

/* What follows from the rest when it is not said. */
static void fill(struct model *m)
{
	struct model_attention *a = &m->attention;
	struct model_recurrent *r = &m->recurrent;

	if (a->heads > 0 && a->kv_heads == 0)
		a->kv_heads = a->heads;
	if (a->kv_lora_rank > 0)
		a->head_dim = a->nope_dim + a->rope_dim;
	if (a->heads > 0 && a->head_dim == 0)
		a->head_dim = m->shape.hidden / a->heads;
	if (r->kind == RECURRENT_MAMBA2) {
		if (r->inner == 0)
			r->inner = r->heads * r->head_dim;
		if (r->heads == 0 && r->head_dim > 0)
			r->heads = r->inner / r->head_dim;
		if (r->groups == 0)
			r->groups = 1;
	}
	if (r->kind == RECURRENT_GDN && r->key_heads == 0)
		r->key_heads = r->heads;
	if (m->shape.position == POSITION_LEARNED && m->shape.position_rows == 0)
		m->shape.position_rows = m->shape.max_context;
	if (!m->shape.mixers)
		m->shape.mixers = a->heads > 0 ? "(A)" : r->kind != RECURRENT_NONE ? "(R)" : "(.)";
	if (!m->shape.ffns)
		m->shape.ffns = m->moe.experts > 0 ? "(E)" : m->mlp.intermediate > 0 ? "(D)" : "(.)";
}

/* Is `index` in "3,7-9"? Malformed lists hold nothing. */
static bool listed(const char *list, int64_t index)
{
	const char *p = list;

	while (p && *p) {
		int64_t first = 0, last;

		while (isdigit((unsigned char)*p))
			first = first * 10 + (*p++ - '0');
		last = first;
		if (*p == '-')
			for (last = 0, p++; isdigit((unsigned char)*p); p++)
				last = last * 10 + (*p - '0');
		if (index >= first && index <= last)
			return true;
		if (*p && *p != ',')
			return false;
		p += *p == ',';
	}
	return false;
}

static bool check_overrides(const struct model *m, const char *origin, struct err *err)
{
	for (size_t i = 0; i < m->override_count; i++) {
		const struct model_override *o = &m->overrides[i];
		bool any = false;

		for (int64_t k = 0; k < m->shape.layers; k++)
			any |= listed(o->layers, k);
		if (!any || strspn(o->layers, "0123456789,-") != strlen(o->layers))
			return err_set(
				err, ERR_INPUT,
				"%s: override layers=\"%s\": expected layer numbers of 0 to %lld, such as \"3,7-9\"",
				origin, o->layers, (long long)m->shape.layers - 1);
		if (o->kv_heads > 0 && m->attention.heads % o->kv_heads != 0)
			return err_set(err, ERR_INPUT,
				       "%s: override kv_heads=\"%lld\": expected a divisor of heads=\"%lld\"", origin,
				       (long long)o->kv_heads, (long long)m->attention.heads);
	}
	return true;
}

bool model_finish(struct model *m, const char *origin, struct arena *arena, struct err *err)
{
	fill(m);
	m->mixer_of = expand(m->shape.mixers, "AWSTR.", m->shape.layers, arena);
	if (!m->mixer_of)
		return err_set(err, ERR_INPUT,
			       "%s: mixers=\"%s\": expected letters of A W S T R . for %lld layers, such as \"(5WA)\"",
			       origin, m->shape.mixers, (long long)m->shape.layers);
	m->ffn_of = expand(m->shape.ffns, "DE.", m->shape.layers, arena);
	if (!m->ffn_of)
		return err_set(err, ERR_INPUT,
			       "%s: ffns=\"%s\": expected letters of D E . for %lld layers, such as \"3D(E)\"", origin,
			       m->shape.ffns, (long long)m->shape.layers);
	return check_attention(m, origin, err) && check_recurrent(m, origin, err) && check_ffn(m, origin, err) &&
	       check_overrides(m, origin, err);
}

static void attention_layer(const struct model *m, char letter, struct layer *out)
{
	const struct model_attention *a = &m->attention;
	bool global = letter == 'A';

	out->mixer = a->kv_lora_rank > 0 ? MIXER_MLA : MIXER_ATTENTION;
	out->heads = a->heads;
	out->kv_heads = global && a->global_kv_heads > 0 ? a->global_kv_heads : a->kv_heads;
	out->head_dim = global && a->global_head_dim > 0 ? a->global_head_dim : a->head_dim;
	out->v_head_dim = out->mixer == MIXER_MLA ? a->v_head_dim : out->head_dim;
	out->k_is_v = global && a->global_k_is_v;
	if (letter == 'W')
		out->window = a->window;
	if (letter == 'S' || letter == 'T') {
		out->window = a->index_top_k;
		out->index = letter == 'S' ? INDEX_OWN : INDEX_SHARED;
	}
}

void model_layer(const struct model *m, int64_t index, struct layer *out)
{
	char mixer = m->mixer_of[index], ffn = m->ffn_of[index];

	memset(out, 0, sizeof(*out));
	if (mixer == 'R')
		out->mixer = MIXER_RECURRENT;
	else if (mixer != '.')
		attention_layer(m, mixer, out);
	out->ffn = ffn == 'D' ? FFN_DENSE : ffn == 'E' ? FFN_EXPERTS : FFN_NONE;
	if (out->ffn == FFN_DENSE || (out->ffn == FFN_EXPERTS && m->moe.beside_dense))
		out->intermediate = m->mlp.intermediate;
	for (size_t i = 0; i < m->override_count; i++) {
		const struct model_override *o = &m->overrides[i];

		if (!listed(o->layers, index))
			continue;
		if (o->intermediate > 0 && out->intermediate > 0)
			out->intermediate = o->intermediate;
		if (o->kv_heads > 0 && out->mixer == MIXER_ATTENTION)
			out->kv_heads = o->kv_heads;
	}
}

bool layer_equal(const struct layer *a, const struct layer *b)
{
	return a->mixer == b->mixer && a->ffn == b->ffn && a->index == b->index && a->heads == b->heads &&
	       a->kv_heads == b->kv_heads && a->head_dim == b->head_dim && a->v_head_dim == b->v_head_dim &&
	       a->window == b->window && a->k_is_v == b->k_is_v && a->intermediate == b->intermediate;
}
