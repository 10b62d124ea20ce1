#include "sim/step.h"

#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "hardware/energy.h"
#include "hardware/price.h"
#include "sim/compile.h"
#include "sim/money.h"

/* The extents that one class of operators sees in this batch. */
static bool extent_of(const struct node *n, const struct step_shape *s, double verified, struct extent *x, double *runs)
{
	double decodes = (double)s->decodes, prefill = (double)(s->prefills * s->prompt), context = (double)s->context;

	*x = (struct extent){ 0 };
	*runs = n->count;
	switch (n->scale) {
	case PER_STEP:
		break;
	case PER_TOKENS:
	case PER_EXPERT_TOKENS:
		x->tokens = decodes * verified + prefill;
		*runs = graph_runs(n, x);
		break;
	case PER_PREFILL_TOKENS:
		x->prefill_tokens = prefill;
		break;
	case PER_DECODES:
		x->decodes = decodes;
		break;
	case PER_LOGITS:
		x->logits = decodes * verified + (double)s->prefills;
		break;
	case PER_DECODE_CONTEXT:
		if (n->op.window > 0 && context > (double)n->op.window)
			context = (double)n->op.window;
		x->decodes = decodes;
		x->context = decodes * context;
		return s->decodes > 0;
	case PER_PREFILL_CHUNK:
		x->chunk = (double)s->prompt;
		x->prior = (double)s->prior;
		*runs = n->count * (double)s->prefills;
		return s->prefills > 0;
	default:
		return false;
	}
	return true;
}

/* Tokens of a decoding sequence that one pass runs. */
static double verified_of(const struct compiled *c)
{
	return c->acceptance.depth > 0 ? (double)c->acceptance.verified : 1;
}

/* Watts of a device while the operator runs. */
static double busy_w(const struct compiled *c, const struct step_row *row, double share)
{
	double compute = 0, memory = 0, cap = cost_model_power_cap_w(c->costs), watts;

	if (row->cost.bound != BOUND_NETWORK && row->cost.seconds > 0) {
		compute = share * row->cost.flops / (row->cost.seconds * device_peak(c->device, row->op.dtype, NULL));
		memory = share * row->cost.bytes / (row->cost.seconds * device_bandwidth(c->device));
	}
	watts = energy_busy_w(c->device, compute, memory);
	return cap > 0 ? fmin(watts, cap) : watts;
}

/* Stages of a pipeline take turns: a device idles while the others work. */
static void add_energy(const struct scenario *sc, const struct compiled *c, const struct placement *place, double busy_j, double device_s,
		       struct step_result *out)
{
	double stages = (double)place->pp, devices = (double)out->devices;
	double joules = busy_j / stages + energy_idle_w(c->device) * fmax(out->seconds - device_s / stages, 0);
	struct price_options none = { .pue = 1 };

	out->joules = devices * joules * sc->price.pue;
	out->system_power_w = devices * price_wall_w(c->system, &none, joules / out->seconds);
}

static bool price_stage(const struct step_shape *shape, const struct compiled *c, const struct placement *place, const struct graph *g,
			int stage, struct step_row *rows, struct step_result *out, double *busy_j)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct node *n = &g->nodes[i];
		struct step_row row = { .stage = stage, .label = n->label };
		struct extent x;

		if (!extent_of(n, shape, verified_of(c), &x, &row.count) || !graph_op(n, &x, &row.op))
			continue;
		cost_op(c->costs, &row.op, &row.cost);
		row.cost.seconds *= c->op_factor[row.op.kind];
		row.seconds = row.count * graph_seconds(n, &row.op, &row.cost, c->device);
		rows[out->row_count++] = row;
		*busy_j += row.seconds * busy_w(c, &row, graph_device_share(place, n, &x, &row.op));
		if (row.cost.bound != BOUND_NETWORK) {
			double share = row.count * graph_device_share(place, n, &x, &row.op);

			out->flops += share * row.cost.flops;
			out->bytes += share * row.cost.bytes;
		}
		out->expected_rel_error += row.seconds * row.cost.rel_error;
	}
	return true;
}

/* One iteration by the simulator's own tables: what `run` would charge for this batch. */
static bool price_whole(const struct scenario *sc, const struct compiled *c, const struct compiled_pool *pool, const struct step_shape *s,
			struct step_result *out, struct err *err)
{
	struct batch_shape shape = { .tokens = s->decodes + s->prefills * s->prompt, .prefill_tokens = s->prefills * s->prompt,
				     .decodes = s->decodes, .logits = s->decodes + s->prefills, .prefills = s->prefills };
	struct chunk *chunks = mem_calloc((size_t)s->prefills + 1, sizeof(*chunks));
	struct iteration *it = chunks ? compile_iteration(sc, c, pool, err) : NULL;

	if (!it) {
		mem_free(chunks);
		return chunks ? false : err_memory(err);
	}
	for (int64_t i = 0; i < s->prefills; i++)
		chunks[i] = (struct chunk){ .tokens = (int32_t)s->prompt, .prior = (int32_t)s->prior, .last = true };
	shape.chunks = chunks;
	for (int k = 0; k < iteration_stages(it); k++) {
		const struct graph *g = iteration_graph(it, k);
		struct step_time time;

		for (int w = 0; w < g->window_count; w++) {
			int64_t context = w > 0 && s->context > g->windows[w] ? g->windows[w] : s->context;

			shape.context[w] = s->decodes * context;
		}
		iteration_price(it, k, &shape, 1, &time);
		out->seconds += time.base_s;
		out->stage_s = fmax(out->stage_s, time.base_s);
	}
	release_iteration(c, it);
	mem_free(chunks);
	return true;
}

bool step_price(const struct scenario *sc, const struct step_shape *shape, struct step_result *out, struct arena *arena, struct err *err)
{
	return step_price_cached(sc, shape, NULL, out, arena, err);
}

bool step_price_cached(const struct scenario *asked, const struct step_shape *shape, struct catalog_cache *cache, struct step_result *out,
		       struct arena *arena, struct err *err)
{
	const struct scenario *sc;
	struct compiled c;
	struct compiled_pool pool;
	struct step_row *rows = NULL;
	struct graph graphs[LANES_MOST];
	size_t capacity = 0;
	double device_s = 0, busy_j = 0;
	struct money money;
	bool ok = false;

	*out = (struct step_result){ 0 };
	if (shape->decodes < 0 || shape->prefills < 0 || shape->prompt < 0 || shape->prior < 0 || shape->context < 0 ||
	    (shape->prefills > 0 && shape->prompt == 0) || shape->decodes > 1000000 || shape->prefills > 1000000 || shape->prompt > 100000000)
		return err_set(err, ERR_INPUT, "batch of %lld decodes and %lld prompts of %lld tokens: expected counts from 0 to 1e6 and prompts "
					       "of 1 to 1e8 tokens",
			       (long long)shape->decodes, (long long)shape->prefills, (long long)shape->prompt);
	if (shape->decodes == 0 && shape->prefills == 0)
		return err_set(err, ERR_INPUT, "an empty batch: expected --decodes or --prefills");
	if (!compile_scenario_cached(asked, cache, &c, arena, err))
		goto out;
	sc = c.scenario;
	c.whole_passes = true;
	out->tokens_per_pass = acceptance_tokens(&c.acceptance);
	out->verified = c.acceptance.depth > 0 ? c.acceptance.verified : 1;
	if (!compile_pool(sc, &c, false, &pool, err))
		goto out;
	for (int64_t k = 0; k < pool.place.pp; k++) {
		if (!technique_graph(&c.techniques, c.model, &pool.place, c.stack, c.device, (int)k, &graphs[k], arena, err))
			goto out;
		capacity += graphs[k].count;
	}
	rows = arena_alloc(arena, (capacity + 1) * sizeof(*rows));
	if (!rows) {
		err_memory(err);
		goto out;
	}
	for (int64_t k = 0; k < pool.place.pp; k++)
		price_stage(shape, &c, &pool.place, &graphs[k], (int)k, rows, out, &busy_j);
	for (size_t i = 0; i < out->row_count; i++)
		device_s += rows[i].seconds;
	if (!price_whole(sc, &c, &pool, shape, out, err))
		goto out;
	if (!cost_model_sound(c.costs, err))
		goto out;
	out->rows = rows;
	out->visible_host_s = fmax(0, out->seconds - device_s);
	out->expected_rel_error = device_s > 0 ? out->expected_rel_error / device_s : 0;
	out->memory = pool.memory;
	out->device = c.device;
	out->system = c.system;
	out->stack = c.stack;
	out->devices = pool.devices;
	out->tp = pool.place.tp;
	out->chain = pool.place.chain;
	/* Stages work one after the other on one batch: a device is busy for its own stage only. */
	out->flops /= (double)pool.place.pp;
	out->bytes /= (double)pool.place.pp;
	out->mfu = out->flops / (out->seconds * device_peak(c.device, pool.place.weights, NULL));
	out->mbu = out->bytes / (out->seconds * device_bandwidth(c.device));
	add_energy(sc, &c, &pool.place, busy_j, device_s, out);
	money_per_hour(sc, c.system, (double)out->devices, &money, arena);
	out->usd_per_hour = money.usd_per_hour;
	out->price_kind = money.kind;
	ok = true;
out:
	compiled_release(&c);
	return ok;
}
