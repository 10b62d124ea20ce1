/* Where the device time went: the visits that the tables counted, priced once more operator by operator. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hardware/energy.h"
#include "sim/serve/iteration_private.h"

struct tally {
	const struct device *device;
	double cap_w;                  /* power cap of a device; infinite without one */
	struct operator_row *rows;
	size_t count, capacity;
	struct iteration_account *out;
};

static struct operator_row *row_for(struct tally *t, const struct node *n, const struct op_cost *cost)
{
	struct operator_row *r;

	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->rows[i].label, n->label) == 0 && t->rows[i].kind == op_kind_names[n->op.kind])
			return &t->rows[i];
	if (t->count == t->capacity)
		return NULL;           /* cannot be: one row a node was made */
	r = &t->rows[t->count++];
	*r = (struct operator_row){ .label = n->label, .kind = op_kind_names[n->op.kind], .bound = bound_names[cost->bound],
				    .provider = provider_names[cost->provider] };
	return r;
}

/* Power follows what the operator does to the device; waiting for others in a collective is neither. */
static double joules(const struct tally *t, const struct node *n, const struct op_cost *cost, double seconds, double share)
{
	double peak = device_peak(t->device, n->op.dtype, NULL), compute = 0, memory = 0;

	if (cost->bound != BOUND_NETWORK && cost->seconds > 0) {
		compute = share * cost->flops / (cost->seconds * peak);
		memory = share * cost->bytes / (cost->seconds * device_bandwidth(t->device));
	}
	return seconds * fmin(energy_busy_w(t->device, compute, memory), t->cap_w);
}

/* `seconds` is the visible time of all runs; the rest of `cost` is of one run, of which a device does `share`. */
static void tally_add(struct tally *t, const struct node *n, const struct op_cost *cost, double runs, double seconds, double share)
{
	struct operator_row *r = row_for(t, n, cost);

	if (!r)
		return;
	/* The row shows the bound and provider of the runs that took most of its time. */
	if (seconds > r->share) {
		r->share = seconds;
		r->bound = bound_names[cost->bound];
		r->provider = provider_names[cost->provider];
	}
	r->seconds += seconds;
	r->flops += share * runs * cost->flops;
	r->bytes += share * runs * cost->bytes;
	r->calls += runs;
	r->rel_error += seconds * cost->rel_error;
	t->out->provider_s[cost->provider] += seconds;
	t->out->error_s += seconds * cost->rel_error;
	t->out->device_s += seconds;
	t->out->busy_j += joules(t, n, cost, seconds, share);
	if (cost->extrapolated)
		t->out->extrapolated_s += seconds;
	if (cost->bound != BOUND_NETWORK) {
		t->out->flops += share * runs * cost->flops;
		t->out->bytes += share * runs * cost->bytes;
	}
}

/* `known`: as priced when the row was filled, or NULL. */
static void tally_visits(const struct iteration *it, const struct node *n, int64_t v, double visits, const struct op_cost *known,
			 struct tally *t)
{
	struct op_cost anew;
	struct extent x;
	struct op op;
	double runs;

	extent_for(n->scale, (double)v, &x);
	if (visits == 0 || !graph_op(n, &x, &op))
		return;
	if (!known) {
		iteration_cost(it, &op, &anew);
		known = &anew;
	}
	runs = visits * graph_runs(n, &x);
	tally_add(t, n, known, runs, runs * graph_seconds(n, &op, known, it->options.device), graph_device_share(it->options.place, n, &x, &op));
}

/* `place`: of the node among those of its class. */
static void tally_table(const struct iteration *it, const struct stage *s, const struct node *n, size_t place, struct tally *t)
{
	const struct table *table = &s->by[n->scale];

	for (int64_t v = 1; v < table->rows; v++)
		if (table->row[v].visits != 0)
			tally_visits(it, n, v, table->row[v].visits, table->costs[v] ? &table->costs[v][place] : NULL, t);
	if (table->beyond_visits)
		tally_visits(it, n, (int64_t)(table->beyond_sum / table->beyond_visits), table->beyond_visits, NULL, t);
}

/* Attention: the time is the sum that the simulation paid; FLOPs, bytes and error are those of the mean step. */
static double attention_extent(const struct stage *s, const struct node *n, struct extent *x, double *runs)
{
	*x = (struct extent){ 0 };
	if (n->scale == PER_DECODE_CONTEXT) {
		if (s->decode_steps <= 0)
			return 0;
		x->decodes = s->decode_seqs / s->decode_steps;
		x->context = fmax(s->decode_context[n->window_class] / s->decode_steps, x->decodes);
		*runs = s->decode_steps;
		return s->decode_attention_s;
	}
	if (s->chunk_count <= 0)
		return 0;
	/* A chunk whose square is the token-weighted mean has the same causal work a token. */
	x->chunk = s->chunk_square / s->chunk_tokens;
	x->prior = s->chunk_prior / s->chunk_tokens;
	*runs = s->chunk_tokens / x->chunk;
	return s->prefill_attention_s;
}

static void tally_attention(const struct iteration *it, const struct stage *s, enum node_scale scale, struct tally *t)
{
	double share_of = 0, total = 0, runs = 0;
	struct op_cost cost;
	struct extent x;
	struct op op;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < s->graph.count; i++) {
			const struct node *n = &s->graph.nodes[i];
			double seconds;

			if (n->scale != scale)
				continue;
			total = attention_extent(s, n, &x, &runs);
			if (total <= 0 || !graph_op(n, &x, &op))
				continue;
			iteration_cost(it, &op, &cost);
			seconds = graph_seconds(n, &op, &cost, it->options.device) * n->count;
			if (pass == 0)
				share_of += seconds;
			else
				tally_add(t, n, &cost, runs * n->count, total * seconds / share_of,
					  graph_device_share(it->options.place, n, &x, &op));
		}
}

static int largest_first(const void *a, const void *b)
{
	const struct operator_row *x = a, *y = b;

	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? 1 : -1;
	return strcmp(x->label, y->label);
}

bool iteration_account(struct iteration *it, struct iteration_account *out, struct arena *arena, struct err *err)
{
	struct tally t = { .out = out, .device = cost_model_device(it->options.costs), .cap_w = INFINITY };

	if (cost_model_power_cap_w(it->options.costs) > 0)
		t.cap_w = cost_model_power_cap_w(it->options.costs);
	*out = (struct iteration_account){ 0 };
	for (int k = 0; k < it->stage_count; k++)
		t.capacity += it->stages[k].graph.count;
	t.rows = arena_alloc(arena, (t.capacity + 1) * sizeof(*t.rows));
	if (!t.rows)
		return err_memory(err);
	for (int k = 0; k < it->stage_count; k++) {
		struct stage *s = &it->stages[k];
		size_t place[NODE_SCALE_COUNT] = { 0 };

		stage_settle(s);
		for (size_t i = 0; i < s->graph.count; i++) {
			enum node_scale scale = s->graph.nodes[i].scale;

			if (scale != PER_DECODE_CONTEXT && scale != PER_PREFILL_CHUNK)
				tally_table(it, s, &s->graph.nodes[i], place[scale]++, &t);
		}
		tally_attention(it, s, PER_DECODE_CONTEXT, &t);
		tally_attention(it, s, PER_PREFILL_CHUNK, &t);
	}
	for (size_t i = 0; i < t.count; i++) {
		struct operator_row *r = &t.rows[i];

		r->rel_error = r->seconds > 0 ? r->rel_error / r->seconds : 0;
		r->share = out->device_s > 0 ? r->seconds / out->device_s : 0;
	}
	qsort(t.rows, t.count, sizeof(*t.rows), largest_first);
	out->rows = t.rows;
	out->row_count = t.count;
	return true;
}
