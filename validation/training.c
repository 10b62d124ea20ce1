#include "validation/training.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "sim/train/layout.h"
#include "sim/train/train.h"
#include "validation/row_errors.h"

enum { PARTS_MOST = 256 };

/* What jobs share is loaded once: catalog entries and operator tables. */
struct shelf {
	struct {
		const char *key;
		struct train_parts parts;
	} at[PARTS_MOST];
	size_t count;
};

static const char *source_name(const char *source, struct arena *arena)
{
	return arena_printf(arena, "%.*s", (int)strcspn(source, " "), source);
}

static const char *metric_kind(const char *metric)
{
	if (strstr(metric, "memory"))
		return "memory";
	if (strstr(metric, "energy") || strstr(metric, "power"))
		return "energy";
	return metric;
}

static const struct train_parts *parts_of(struct shelf *shelf, const struct job *job, struct arena *arena, struct err *err)
{
	const struct job_hardware *h = &job->hardware;
	const char *key = arena_printf(arena, "%s|%s|%s|%s|%s", job->model.name, h->device ? h->device : "", h->system ? h->system : "", h->stack,
				       job->optimizer.name);

	for (size_t i = 0; i < shelf->count; i++)
		if (strcmp(shelf->at[i].key, key) == 0)
			return &shelf->at[i].parts;
	if (shelf->count == PARTS_MOST) {
		err_set(err, ERR_INTERNAL, "more than %d combinations of model and hardware", PARTS_MOST);
		return NULL;
	}
	if (!train_parts_load(job, &shelf->at[shelf->count].parts, arena, err)) {
		train_parts_release(&shelf->at[shelf->count].parts);
		return NULL;
	}
	shelf->at[shelf->count].key = key;
	return &shelf->at[shelf->count++].parts;
}

struct tuning {
	struct job *job;
	const struct train_parts *parts;
	struct train_wishes wishes;
	struct arena *arena;
	double step_s;                 /* of the best; INFINITY: none fits */
	int64_t micro, vp;             /* of it */
	int recompute;
};

static void try_setting(struct tuning *t, int64_t micro, int64_t vp, struct train_result *r)
{
	struct err own = { 0 };

	t->job->batch.micro = micro, t->job->layout.vp = vp;
	/* Memory is known to some 5 %. */
	if (train_layout_run(t->job, t->parts, &t->wishes, r, t->arena, &own) && r->memory.peak_bytes <= 1.05 * r->memory.capacity_bytes && r->step_s < t->step_s)
		t->step_s = r->step_s, t->micro = micro, t->vp = vp, t->recompute = t->job->layout.recompute;
}

static bool even_chunks(const struct train_parts *parts, int64_t chunks)
{
	int64_t layers = parts->model->shape.layers;

	return layers % chunks == 0 || (layers + 2) % chunks == 0;
}

/* What a row leaves open its authors have tuned: the fastest micro-batch, number of chunks and recomputation that fit; for a
 * micro-batch that is stated, as little recomputation as memory asks for. The first setting when none fits. */
static bool tuned(struct job *job, const struct training_case *c, const struct train_parts *parts, struct train_result *r, struct arena *arena,
		  struct err *err)
{
	struct tuning t = { .job = job, .parts = parts, .wishes = { .any_memory = true }, .arena = arena, .step_s = INFINITY };
	int64_t first = job->batch.micro, most = c->free_micro ? 32 : first, vp = job->layout.vp, vp_most = c->free_chunks ? 16 : vp;
	const struct training_stack *k = parts->stack;
	bool stated = strstr(c->settings, "layout.recompute") != NULL;
	/* From little to much; norms and activations alone: Megatron-Core and compilers. */
	const int levels[] = { RECOMPUTE_NONE, k->fused && !k->eager_attention && !k->selective_half ? RECOMPUTE_ELEMENTWISE : RECOMPUTE_NONE,
			       RECOMPUTE_SELECTIVE, RECOMPUTE_FULL };

	for (size_t level = 0; level < (stated ? 1 : COUNT_OF(levels)) && (c->free_micro || isinf(t.step_s)); level++) {
		if (level > 0 && levels[level] == levels[level - 1])
			continue;
		if (!stated)
			job->layout.recompute = levels[level];
		for (int64_t micro = first; micro <= most; micro *= 2)
			for (int64_t v = vp; v <= vp_most; v++)
				if (v == vp || even_chunks(parts, v * job->layout.pp))
					try_setting(&t, micro, v, r);
	}
	job->batch.micro = first, job->layout.vp = vp;
	if (isfinite(t.step_s))
		job->batch.micro = t.micro, job->layout.vp = t.vp, job->layout.recompute = t.recompute;
	return train_layout_run(job, parts, &t.wishes, r, arena, err);
}

/* Products a token with the gates' matrices. */
static double gates(const struct model *m)
{
	double h = (double)m->shape.hidden, sum = 0;

	for (int64_t i = 0; m->mlp.gated && i < m->shape.layers; i++) {
		const struct model_moe *e = &m->moe;
		struct layer l;

		model_layer(m, i, &l);
		sum += h * (double)l.intermediate;
		if (l.ffn == FFN_EXPERTS)
			sum += h * (double)(e->top_k * e->expert_intermediate + (e->shared_intermediate > 0 ? e->shared_intermediate : e->shared_experts * e->expert_intermediate));
	}
	return sum;
}

/* Twice the products a token that windows leave out of causal attention. */
static double windowed_off(const struct model *m, double sequence)
{
	double sum = 0;

	for (int64_t i = 0; i < m->shape.layers; i++) {
		struct layer l;
		double w;

		model_layer(m, i, &l);
		w = (double)l.window;
		if (l.mixer == MIXER_ATTENTION && l.window > 0 && w < sequence)
			sum += (double)(l.heads * (l.head_dim + l.v_head_dim)) * (sequence / 2 - w + w * w / (2 * sequence));
	}
	return sum;
}

/* Megatron-Bridge's count (flop_utils) before release 26.06, whose pull requests 3029 and 3947 mended it: gates where
 * activation_func == silu, windows as full attention. Its two columns of gpt-oss, whose gates are clamped, say 27.2 GFLOP a token. */
static void count_as_bridge(const struct training_case *c, const struct job *job, const struct model *m, struct train_result *r)
{
	double per_s = r->tokens_per_s_device / 1e12, more = 6 * windowed_off(m, (double)job->batch.sequence) * per_s;
	double less = m->mlp.activation && strcmp(m->mlp.activation, "silu") != 0 ? 6 * gates(m) * per_s : 0;

	if (!c->bridge_count)
		return;
	r->tflops_per_device += more - less, r->tflops_full += 2 * more - less, r->tflops_6n -= less;
}

/* Rows without a stated layout stand for somebody's best one. */
static bool simulate(struct shelf *shelf, const struct training_case *c, struct train_result *r, struct arena *arena, struct err *err)
{
	struct train_wishes wishes = { .any_memory = true };
	struct job *job = training_case_job(c, arena, err);
	const struct train_parts *parts = job ? parts_of(shelf, job, arena, err) : NULL;

	if (!parts)
		return false;
	if (c->search) {
		struct layout_search search = { .objective = LAYOUT_STEP };

		if (!layout_best(job, parts, &search, err))
			return false;
		*job = search.best;
	}
	if (!(c->search ? train_layout_run(job, parts, &wishes, r, arena, err) : tuned(job, c, parts, r, arena, err)))
		return false;
	count_as_bridge(c, job, parts->model, r);
	if (job->batch.tokens > 0) {
		r->tokens = job->batch.tokens;
		r->device_hours = r->tokens / r->tokens_per_s / 3600 * (double)r->devices;
	}
	return true;
}

struct done {
	const char *key;
	struct train_result *result;   /* NULL: refused */
	const char *why;
};

static const struct done *run_once(struct done *all, size_t *count, struct shelf *shelf, const struct training_case *c, struct arena *arena)
{
	struct err err = { 0 };
	struct done *d;

	for (size_t i = 0; i < *count; i++)
		if (strcmp(all[i].key, c->settings) == 0)
			return &all[i];
	d = &all[(*count)++];
	d->key = c->settings;
	d->result = arena_alloc(arena, sizeof(*d->result));
	if (!d->result || !simulate(shelf, c, d->result, arena, &err)) {
		d->result = NULL;
		d->why = arena_strdup(arena, err.text);
	}
	return d;
}

static bool run_all(struct training_study *s, const struct training_filter *f, struct err *err)
{
	struct done *done = mem_calloc(s->rows.count + 1, sizeof(*done));
	struct shelf *shelf = mem_calloc(1, sizeof(*shelf));
	bool ok = done && shelf;

	for (size_t i = 0; ok && i < s->rows.count; i++) {
		struct training_outcome *o = &s->outcomes[i];

		if (!o->set.why) {
			const struct done *d = run_once(done, &s->simulations, shelf, &o->set, s->arena);

			if (d->result) {
				o->predicted = training_predict(&o->set, d->result);
				o->error = o->predicted / o->row->value - 1;
			} else {
				o->set.why = "the job is refused", o->set.detail = d->why;
			}
		}
		if (f->progress)
			f->progress(f->ctx, (double)(i + 1) / (double)s->rows.count);
	}
	for (size_t i = 0; shelf && i < shelf->count; i++)
		train_parts_release(&shelf->at[i].parts);
	mem_free(done), mem_free(shelf);
	return ok || err_memory(err);
}

static bool read_rows(struct training_study *s, const struct training_filter *f, struct err *err)
{
	size_t n = 0;

	if (!published_rows_load(f->path, &s->rows, s->arena, err))
		return false;
	s->outcomes = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(*s->outcomes));
	if (!s->outcomes)
		return err_memory(err);
	for (size_t i = 0; i < s->rows.count; i++) {
		struct training_outcome *o = &s->outcomes[n];

		if (!row_wanted(&s->rows.at[i], f->source, f->accelerator, f->model))
			continue;
		*o = (struct training_outcome){ .row = &s->rows.at[i], .predicted = NAN, .error = NAN };
		o->source = source_name(o->row->source, s->arena), o->metric = metric_kind(o->row->metric);
		if (!o->source || !training_case(&s->rows, i, &o->set, s->arena, err))
			return o->source ? false : err_memory(err);
		/* Coefficients of the training stacks may be fitted to the other half. */
		o->held_out = row_held_out(o->row, o->source), o->compared = o->held_out != f->fitted_rows;
		n++;
	}
	s->rows.count = n;
	return true;
}

static const char *const kinds[] = { "all", "source", "accelerator", "model", "metric" };

static const char *name_by(const struct training_outcome *o, const char *by)
{
	switch (by[0]) {
	case 'a':
		return strcmp(by, "all") == 0 ? "all" : o->row->accelerator;
	case 's':
		return o->source;
	default:
		return strcmp(by, "model") == 0 ? o->row->model : o->metric;
	}
}

static void measure(const struct training_study *s, struct training_group *g, double *errors)
{
	struct row_errors e;

	for (size_t i = 0; i < s->rows.count; i++) {
		const struct training_outcome *o = &s->outcomes[i];

		if (strcmp(name_by(o, g->by), g->name) != 0)
			continue;
		g->rows++;
		if (isnan(o->error) || !o->compared)
			continue;
		errors[g->simulated++] = o->error;
	}
	row_errors(errors, g->simulated, &e);
	g->over = e.over, g->median = e.median, g->p90 = e.p90, g->bias = e.bias;
}

static bool group(struct training_study *s, struct err *err)
{
	double *errors = mem_calloc(s->rows.count + 1, sizeof(*errors));

	s->groups = arena_alloc(s->arena, (COUNT_OF(kinds) * s->rows.count + 1) * sizeof(*s->groups));
	if (!errors || !s->groups) {
		mem_free(errors);
		return err_memory(err);
	}
	for (size_t k = 0; k < COUNT_OF(kinds); k++)
		for (size_t i = 0; i < s->rows.count; i++) {
			const char *name = name_by(&s->outcomes[i], kinds[k]);
			bool seen = false;

			for (size_t g = 0; g < s->group_count && !seen; g++)
				seen = s->groups[g].by == kinds[k] && strcmp(s->groups[g].name, name) == 0;
			if (seen)
				continue;
			s->groups[s->group_count] = (struct training_group){ .by = kinds[k], .name = name };
			measure(s, &s->groups[s->group_count++], errors);
		}
	mem_free(errors);
	return true;
}

struct training_study *training_validate(const struct training_filter *f, struct err *err)
{
	struct arena *arena = arena_new();
	struct training_study *s = arena ? arena_alloc(arena, sizeof(*s)) : NULL;
	double began = now_s();

	if (!s) {
		arena_free(arena);
		err_memory(err);
		return NULL;
	}
	s->arena = arena, s->fitted_rows = f->fitted_rows;
	if (!read_rows(s, f, err) || !run_all(s, f, err) || !group(s, err)) {
		training_study_free(s);
		return NULL;
	}
	s->wall_s = now_s() - began;
	return s;
}

void training_study_free(struct training_study *s)
{
	if (s)
		arena_free(s->arena);
}
