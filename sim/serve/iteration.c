#include "sim/serve/iteration.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sim/serve/grid.h"
#include "sim/serve/iteration_private.h"

static bool table_init(struct table *t, int64_t rows)
{
	t->rows = rows + 1;
	t->row = mem_calloc((size_t)t->rows, sizeof(*t->row));
	t->costs = mem_calloc((size_t)t->rows, sizeof(*t->costs));
	return t->row && t->costs;
}

static bool stage_init(struct stage *s, const struct iteration *it, int number, struct err *err)
{
	const struct iteration_options *o = &it->options;
	int64_t logits;
	int64_t tokens = o->max_tokens < TABLE_MOST ? o->max_tokens : TABLE_MOST, seqs = o->max_seqs < TABLE_MOST ? o->max_seqs : TABLE_MOST;

	logits = o->verified > 1 && seqs < TABLE_MOST / o->verified ? seqs * o->verified : seqs;
	if (!technique_graph(o->techniques, o->model, o->place, o->stack, o->device, number, &s->graph, it->arena, err))
		return false;
	s->max_seqs = seqs;
	s->chunk_rows = tokens + 1;
	s->chunk_first = mem_calloc((size_t)s->chunk_rows, sizeof(*s->chunk_first));
	s->chunk_grid = mem_calloc((size_t)GRID_CHUNKS * GRID_PRIORS, sizeof(*s->chunk_grid));
	s->decode = mem_calloc((size_t)seqs + 1, sizeof(*s->decode));
	if (!s->decode || !s->chunk_first || !s->chunk_grid || !table_init(&s->by[PER_TOKENS], tokens) || !table_init(&s->by[PER_EXPERT_TOKENS], tokens) ||
	    !table_init(&s->by[PER_PREFILL_TOKENS], tokens) || !table_init(&s->by[PER_DECODES], seqs) ||
	    !table_init(&s->by[PER_LOGITS], logits) || !table_init(&s->by[PER_STEP], 1))
		return err_memory(err);
	for (int w = 0; w < s->graph.window_count; w++) {
		s->context[w] = mem_calloc((size_t)(seqs + 1) * GRID_CONTEXTS, sizeof(*s->context[w]));
		if (!s->context[w])
			return err_memory(err);
	}
	for (size_t i = 0; i < s->graph.count; i++) {
		s->has[s->graph.nodes[i].scale] = true;
		s->nodes_of[s->graph.nodes[i].scale]++;
	}
	s->prefill_floor = -1;
	return true;
}

/* What belongs to one simulation is copied: the tables may outlive it (iteration_pool.h). */
static bool own_options(struct iteration *it, const struct iteration_options *o)
{
	struct placement *place = arena_alloc(it->arena, sizeof(*place));
	double *factor = o->op_factor ? arena_alloc(it->arena, OP_KIND_COUNT * sizeof(*factor)) : NULL;

	if (!place || (o->op_factor && !factor))
		return false;
	memcpy(place, o->place, sizeof(*place));
	if (factor)
		memcpy(factor, o->op_factor, OP_KIND_COUNT * sizeof(*factor));
	it->options.place = place;
	it->options.op_factor = factor;
	return true;
}

struct iteration *iteration_new(const struct iteration_options *options, struct err *err)
{
	struct iteration *it = mem_calloc(1, sizeof(*it));

	if (!it || !(it->arena = arena_new())) {
		err_memory(err);
		goto fail;
	}
	it->options = *options;
	if (!own_options(it, options)) {
		err_memory(err);
		goto fail;
	}
	it->stage_count = (int)options->place->pp;
	it->stages = mem_calloc((size_t)it->stage_count, sizeof(*it->stages));
	if (!it->stages) {
		err_memory(err);
		goto fail;
	}
	for (int i = 0; i < it->stage_count; i++)
		if (!stage_init(&it->stages[i], it, i, err))
			goto fail;
	return it;
fail:
	iteration_free(it);
	return NULL;
}

void iteration_free(struct iteration *it)
{
	if (!it)
		return;
	for (int i = 0; it->stages && i < it->stage_count; i++) {
		struct stage *s = &it->stages[i];

		for (int k = 0; k < NODE_SCALE_COUNT; k++) {
			mem_free(s->by[k].row);
			mem_free(s->by[k].costs);
		}
		for (int w = 0; w < GRAPH_WINDOWS; w++)
			mem_free(s->context[w]);
		mem_free(s->decode);
		mem_free(s->chunk_first);
		mem_free(s->chunk_grid);
	}
	mem_free(it->stages);
	arena_free(it->arena);
	mem_free(it);
}

static void forget_table(struct table *t)
{
	for (int64_t v = 0; v < t->rows; v++)
		t->row[v].visits = 0;
	t->beyond_visits = t->beyond_sum = 0;
}

static void forget_stage(struct stage *s)
{
	for (int k = 0; k < NODE_SCALE_COUNT; k++)
		forget_table(&s->by[k]);
	for (int64_t b = 0; b <= s->max_seqs; b++)
		s->decode[b].visits = 0;
	memset(s->decode_context, 0, sizeof(s->decode_context));
	s->decode_steps = s->decode_seqs = s->decode_attention_s = 0;
	s->chunk_count = s->chunk_tokens = s->chunk_prior = s->chunk_square = 0;
	s->prefill_batches = s->prefill_attention_s = 0;
}

void iteration_forget(struct iteration *it)
{
	for (int i = 0; i < it->stage_count; i++)
		forget_stage(&it->stages[i]);
}

int iteration_stages(const struct iteration *it)
{
	return it->stage_count;
}

const struct graph *iteration_graph(const struct iteration *it, int stage)
{
	return &it->stages[stage].graph;
}

void batch_shape_of(const struct batcher *b, int lane, struct batch_shape *out)
{
	const struct lane *l = &b->lanes[lane];
	const struct decode_group *g = &l->decoding;

	/* Field by field: this runs with every batch, and clearing the whole first costs more than filling it. */
	out->prefill_tokens = l->batch.prefill_tokens;
	out->prefills = (int64_t)l->batch.chunk_count;
	out->logits = l->batch.logits;
	out->chunks = l->batch.chunks;
	out->swap_tokens = l->batch.swap_tokens;
	out->tokens = out->prefill_tokens;
	out->decodes = 0;
	out->only_decodes = l->batch.decodes && out->prefills == 0;
	if (!l->batch.decodes) {
		for (int w = 0; w < g->window_count; w++)
			out->context[w] = out->below[w] = 0;
		return;
	}
	out->decodes = g->count;
	out->tokens += g->count;
	out->logits += g->count;
	out->context[0] = g->context[0];
	out->below[0] = g->count;
	for (int w = 1; w < g->window_count; w++) {
		out->context[w] = g->context[w];
		out->below[w] = g->below[w];
	}
}

void iteration_cost(const struct iteration *it, const struct op *op, struct op_cost *out)
{
	cost_op(it->options.costs, op, out);
	/* Host time as an operator is scaled where the stack's figures are read. */
	if (it->options.op_factor && op->kind != OP_HOST)
		out->seconds *= it->options.op_factor[op->kind];
}

/* Visible seconds of all nodes of one class for an extent: the slow path that fills the tables. */
double stage_seconds(const struct iteration *it, const struct stage *s, enum node_scale scale, int window, const struct extent *x)
{
	double sum = 0;

	for (size_t i = 0; i < s->graph.count; i++) {
		const struct node *n = &s->graph.nodes[i];
		struct op_cost cost;
		struct op op;

		if (n->scale != scale || (scale == PER_DECODE_CONTEXT && n->window_class != window) || !graph_op(n, x, &op))
			continue;
		iteration_cost(it, &op, &cost);
		sum += graph_runs(n, x) * graph_seconds(n, &op, &cost, it->options.device);
	}
	return sum;
}

void extent_for(enum node_scale scale, double v, struct extent *x)
{
	*x = (struct extent){ 0 };
	switch (scale) {
	case PER_TOKENS:
	case PER_EXPERT_TOKENS: x->tokens = v; break;
	case PER_PREFILL_TOKENS: x->prefill_tokens = v; break;
	case PER_DECODES: x->decodes = v; break;
	case PER_LOGITS: x->logits = v; break;
	default: break;
	}
}

/* Prices each node of a class once for a row; the account reads them again. Without memory for that it prices anew. */
static double fill_row(const struct iteration *it, const struct stage *s, enum node_scale scale, const struct extent *x,
		       struct op_cost *costs)
{
	double sum = 0;
	size_t k = 0;

	for (size_t i = 0; i < s->graph.count; i++) {
		const struct node *n = &s->graph.nodes[i];
		struct op op;

		if (n->scale != scale)
			continue;
		if (graph_op(n, x, &op)) {
			iteration_cost(it, &op, &costs[k]);
			sum += graph_runs(n, x) * graph_seconds(n, &op, &costs[k], it->options.device);
		}
		k++;
	}
	return sum;
}

static double fill(const struct iteration *it, struct stage *s, enum node_scale scale, int64_t v)
{
	struct table *t = &s->by[scale];
	struct op_cost *costs = v < t->rows ? arena_alloc(it->arena, s->nodes_of[scale] * sizeof(*costs)) : NULL;
	struct extent x;
	double seconds;

	extent_for(scale, (double)v, &x);
	seconds = costs ? fill_row(it, s, scale, &x, costs) : stage_seconds(it, s, scale, 0, &x);
	if (v < t->rows) {
		t->costs[v] = costs;
		t->row[v].seconds = seconds > 0 ? seconds : DBL_TRUE_MIN;      /* 0 means: not filled yet */
	}
	return seconds;
}

static inline double look_up(const struct iteration *it, struct stage *s, enum node_scale scale, int64_t v)
{
	const struct table *t = &s->by[scale];

	if (v <= 0 || !s->has[scale])
		return 0;
	if (LIKELY(v < t->rows && t->row[v].seconds != 0))
		return t->row[v].seconds;
	return fill(it, s, scale, v);
}

/* Decode attention of B sequences with S tokens in all: linear between the grid points of S. */
static double fill_context(const struct iteration *it, struct stage *s, int window, int64_t decodes, int64_t j)
{
	double *at = decodes <= s->max_seqs ? &s->context[window][decodes * GRID_CONTEXTS + j] : NULL, seconds;
	double least = (double)decodes, context = grid_value(j, GRID_CONTEXT_BITS);
	struct extent x = { .decodes = (double)decodes, .context = context < least ? least : context };

	seconds = stage_seconds(it, s, PER_DECODE_CONTEXT, window, &x);
	if (at)
		*at = seconds > 0 ? seconds : DBL_TRUE_MIN;
	return seconds;
}

static inline double context_point(const struct iteration *it, struct stage *s, int window, int64_t decodes, int64_t j)
{
	double seconds = decodes <= s->max_seqs ? s->context[window][decodes * GRID_CONTEXTS + j] : 0;

	return LIKELY(seconds != 0) ? seconds : fill_context(it, s, window, decodes, j);
}

static inline void price_context(const struct iteration *it, struct stage *s, const struct batch_shape *shape, struct step_time *out)
{
	for (int w = 0; w < s->graph.window_count; w++) {
		double context = (double)shape->context[w], left, right, low, high, slope;
		int64_t j, growth = shape->below[w];

		if (UNLIKELY(context < 1))
			continue;
		j = grid_index(context, GRID_CONTEXT_BITS);
		left = grid_value(j, GRID_CONTEXT_BITS);
		right = grid_value(j + 1, GRID_CONTEXT_BITS);
		low = context_point(it, s, w, shape->decodes, j);
		high = context_point(it, s, w, shape->decodes, j + 1);
		slope = (high - low) / (right - left);
		out->context_s += low + slope * (context - left);
		if (growth > 0) {
			int64_t left_tokens = (int64_t)right - shape->context[w];

			out->context_slope_s += slope * (double)growth;
			if ((double)growth * (double)out->steps > (double)left_tokens) {
				int64_t within = (left_tokens + growth - 1) / growth;

				out->steps = within < 1 ? 1 : within < out->steps ? within : out->steps;
			}
		}
	}
}

static double chunk_direct(const struct iteration *it, struct stage *s, double chunk, double prior)
{
	struct extent x = { .chunk = chunk, .prior = prior };

	return stage_seconds(it, s, PER_PREFILL_CHUNK, 0, &x);
}

static double chunk_point(const struct iteration *it, struct stage *s, int64_t jc, int64_t jp)
{
	double *at = &s->chunk_grid[jc * GRID_PRIORS + jp];

	if (*at == 0) {
		*at = chunk_direct(it, s, grid_value(jc, GRID_CHUNK_BITS), grid_value(jp, GRID_CHUNK_BITS));
		if (!(*at > 0))
			*at = DBL_TRUE_MIN;
	}
	return *at;
}

/* Prefill attention of one chunk. The first chunk of a prompt has a table of its own; later ones interpolate. */
static double chunk_seconds(const struct iteration *it, struct stage *s, int64_t chunk, int64_t prior)
{
	double c = (double)chunk, p = (double)prior, c0, p0, fc, fp, a, b;
	int64_t jc, jp;

	if (prior == 0) {
		if (chunk >= s->chunk_rows)
			return chunk_direct(it, s, c, p);
		if (s->chunk_first[chunk] == 0) {
			s->chunk_first[chunk] = chunk_direct(it, s, c, p);
			if (!(s->chunk_first[chunk] > 0))
				s->chunk_first[chunk] = DBL_TRUE_MIN;
		}
		return s->chunk_first[chunk];
	}
	jc = grid_index(c, GRID_CHUNK_BITS);
	jp = grid_index(p, GRID_CHUNK_BITS);
	if (jc + 1 >= GRID_CHUNKS || jp + 1 >= GRID_PRIORS)
		return chunk_direct(it, s, c, p);
	c0 = grid_value(jc, GRID_CHUNK_BITS);
	p0 = grid_value(jp, GRID_CHUNK_BITS);
	fc = (c - c0) / (grid_value(jc + 1, GRID_CHUNK_BITS) - c0);
	fp = (p - p0) / (grid_value(jp + 1, GRID_CHUNK_BITS) - p0);
	a = chunk_point(it, s, jc, jp);
	a += fp * (chunk_point(it, s, jc, jp + 1) - a);
	if (fc == 0)
		return a;
	b = chunk_point(it, s, jc + 1, jp);
	b += fp * (chunk_point(it, s, jc + 1, jp + 1) - b);
	return a + fc * (b - a);
}

/* All chunks run in one kernel a layer: its fixed cost, that of a one-token prompt, is paid once. */
static double prefill_seconds(const struct iteration *it, struct stage *s, const struct batch_shape *shape)
{
	double sum;

	if (shape->prefills == 0 || !s->has[PER_PREFILL_CHUNK])
		return 0;
	if (s->prefill_floor < 0)
		s->prefill_floor = chunk_direct(it, s, 1, 0);
	sum = chunk_seconds(it, s, shape->chunks[0].tokens, shape->chunks[0].prior);
	for (int64_t i = 1; i < shape->prefills; i++) {
		double more = chunk_seconds(it, s, shape->chunks[i].tokens, shape->chunks[i].prior) - s->prefill_floor;

		sum += more > 0 ? more : 0;
	}
	return sum;
}

static inline int64_t of_rank(const struct host_time *h, int64_t n)
{
	return h->ranks > 1 ? (n + h->ranks - 1) / h->ranks : n;
}

/* Captured graphs run at their captured size: 1, 2, 4, then multiples of the granularity (TensorRT-LLM: up to 128 tokens, then
 * powers of two up to the largest, tensorrt_llm/llmapi/llm_args.py, _generate_cuda_graph_batch_sizes); every attention rank its
 * own. Ranks without a sequence do no work that counts. */
static int64_t captured_size(const struct host_time *h, int64_t own)
{
	int64_t g = h->graph_granularity, size;

	if (own <= 4 && g > 4)
		return 4;
	if (h->graph_fine_tokens > 0 && own > h->graph_fine_tokens) {
		for (size = h->graph_fine_tokens; size < own; size *= 2)
			;
		return size < h->graph_max_tokens ? size : h->graph_max_tokens;
	}
	return (g & (g - 1)) == 0 ? (own + g - 1) & ~(g - 1) : (own + g - 1) / g * g;
}

int64_t host_padded(const struct host_time *h, int64_t tokens)
{
	int64_t own = of_rank(h, tokens), size;

	if (own > h->graph_max_tokens || h->graph_granularity <= 1 || own <= 2 || tokens <= h->ranks)
		return tokens;
	size = captured_size(h, own);
	return h->ranks > 1 ? size * h->ranks : size;
}

/* Runs as a captured graph, whose kernels the host need not launch one by one. */
static bool captured(const struct host_time *h, const struct batch_shape *shape)
{
	return of_rank(h, shape->tokens) <= h->graph_max_tokens && (shape->prefills == 0 || h->graph_prefill);
}

/* Device time is never below what launching its kernels one by one takes, nor, with asynchronous scheduling, below the
 * host's own work; without it the host's work comes on top. */
static void host_terms(const struct iteration *it, const struct stage *s, int stage, const struct batch_shape *shape, double *floor_s,
		       double *host_s)
{
	const struct host_time *h = &it->options.host;
	double host = 0;

	*floor_s = h->launch_s * s->graph.launches * (!captured(h, shape) ? 1 : shape->prefills > 0 ? h->beside_graph : 0);
	if (stage == 0)
		host = h->step_s + h->seq_s * (double)of_rank(h, shape->decodes + shape->prefills) +
		       h->prefill_seq_s * (double)of_rank(h, shape->prefills) + h->token_s * (double)of_rank(h, shape->tokens);
	if (h->overlap && host > *floor_s)
		*floor_s = host;
	*host_s = h->overlap ? (stage == 0 ? h->visible_s : 0) : host;
}

static inline void add_host(struct step_time *out, double floor_s, double host_s)
{
	if (out->base_s < floor_s) {
		if (out->slope_s > 0) {
			double until = floor((floor_s - out->base_s) / out->slope_s) + 1;

			if (until < (double)out->steps)
				out->steps = (int64_t)until;
		}
		out->base_s = floor_s;
		out->slope_s = 0;
	}
	out->base_s += host_s;
}

static inline bool has_row(const struct stage *s, const struct batch_shape *shape)
{
	return shape->only_decodes && LIKELY(shape->decodes <= s->max_seqs);
}

static void fill_decode(struct iteration *it, struct stage *s, int stage, const struct batch_shape *shape, struct decode_row *row)
{
	row->padded_tokens = host_padded(&it->options.host, shape->tokens);
	row->base_s = look_up(it, s, PER_TOKENS, row->padded_tokens) + look_up(it, s, PER_LOGITS, shape->logits) + look_up(it, s, PER_STEP, 1);
	row->base_s += look_up(it, s, PER_EXPERT_TOKENS, row->padded_tokens) + look_up(it, s, PER_DECODES, shape->decodes);
	host_terms(it, s, stage, shape, &row->floor_s, &row->host_s);
	if (!(row->base_s > 0))
		row->base_s = DBL_TRUE_MIN;
}

/* Prompts fill the chain of an SRAM pipeline: micro-batches of as many tokens as a stage holds at once follow each other, and
 * the last of m begins after m - 1 stage times. Decoding sequences come round again as they leave, without a gap. */
static double fill_share(const struct iteration *it, const struct batch_shape *shape)
{
	double stages = (double)it->options.place->stages, at_once;

	if (stages <= 1 || shape->prefill_tokens <= 0)
		return 1;
	at_once = ceil((double)shape->tokens / stages);
	return 1 + (ceil((double)shape->prefill_tokens / at_once) - 1) / stages;
}

static inline void add_swapping(const struct iteration *it, const struct batch_shape *shape, struct step_time *out)
{
	if (UNLIKELY(shape->swap_tokens))
		out->base_s += (double)shape->swap_tokens * it->options.swap_s_per_token;
}

/* Decodes alone, from their row. */
static inline void price_row(struct iteration *it, int stage, const struct batch_shape *shape, int64_t most, struct step_time *out)
{
	struct stage *s = &it->stages[stage];
	struct decode_row *row = &s->decode[shape->decodes];
	struct step_time t = { .steps = most };

	if (UNLIKELY(row->base_s == 0))
		fill_decode(it, s, stage, shape, row);
	t.padded_tokens = row->padded_tokens;
	price_context(it, s, shape, &t);
	t.base_s = row->base_s + t.context_s;
	t.slope_s = t.context_slope_s;
	add_host(&t, row->floor_s, row->host_s);
	add_swapping(it, shape, &t);
	*out = t;
}

/*
 * Prompts are whole on one attention rank, and the others wait for the one that has the most: fewer prompts than ranks leave ranks
 * without, more are dealt out evenly. Experts see what there is, unless the step runs captured: then every rank has as many tokens
 * as the fullest (vllm/v1/worker/dp_utils.py).
 */
struct spread_tokens {
	int64_t ranks, experts;        /* tokens of a batch whose ranks all have as many; that the experts see */
	double attention;              /* how much longer than the mean of the ranks the busiest one attends to its prompts */
};

static struct spread_tokens spread_over(const struct host_time *h, const struct batch_shape *shape)
{
	bool captures = shape->prefills == 0 || h->graph_prefill;
	int64_t padded = captures ? host_padded(h, shape->tokens) : shape->tokens, each, longest = 0, most;
	struct spread_tokens out = { padded, padded, 1 };

	if (shape->prefills == 0 || h->ranks <= 1)
		return out;
	each = (shape->prefills + h->ranks - 1) / h->ranks;
	for (int64_t i = 0; i < shape->prefills; i++)
		longest = shape->chunks[i].tokens > longest ? shape->chunks[i].tokens : longest;
	most = (each * shape->prefill_tokens + shape->prefills - 1) / shape->prefills;
	most = most > longest ? most : longest;
	out.ranks = h->ranks * (most + of_rank(h, shape->tokens - shape->prefill_tokens));
	if (h->graph_prefill && out.ranks <= h->ranks * h->graph_max_tokens)
		out.ranks = out.experts = host_padded(h, out.ranks);
	out.attention = (double)(h->ranks * each) / (double)shape->prefills;
	return out;
}

static void price_mixed(struct iteration *it, int stage, const struct batch_shape *shape, int64_t most, struct step_time *out)
{
	struct stage *s = &it->stages[stage];
	struct step_time t = { .steps = most };
	struct spread_tokens spread = spread_over(&it->options.host, shape);
	double floor_s, host_s;

	t.padded_tokens = spread.ranks;
	t.expert_tokens = spread.experts;
	if (shape->prefills > 0) {
		t.prefill_s = prefill_seconds(it, s, shape) * spread.attention;
		t.base_s = t.prefill_s + look_up(it, s, PER_PREFILL_TOKENS, shape->prefill_tokens);
	}
	t.base_s += look_up(it, s, PER_TOKENS, t.padded_tokens) + look_up(it, s, PER_EXPERT_TOKENS, t.expert_tokens);
	t.base_s += look_up(it, s, PER_LOGITS, shape->logits) + look_up(it, s, PER_STEP, 1);
	if (shape->decodes > 0) {
		t.base_s += look_up(it, s, PER_DECODES, shape->decodes);
		price_context(it, s, shape, &t);
		t.base_s += t.context_s;
		t.slope_s = t.context_slope_s;
	}
	t.base_s *= fill_share(it, shape);
	host_terms(it, s, stage, shape, &floor_s, &host_s);
	add_host(&t, floor_s, host_s);
	add_swapping(it, shape, &t);
	*out = t;
}

static inline void price_pass(struct iteration *it, int stage, const struct batch_shape *shape, int64_t most, struct step_time *out)
{
	if (has_row(&it->stages[stage], shape))
		price_row(it, stage, shape, most, out);
	else
		price_mixed(it, stage, shape, most, out);
}

/* The batch with all tokens that verification runs, and its decoding part alone. */
static void speculative_shape(const struct iteration *it, const struct batch_shape *shape, bool alone, struct batch_shape *out)
{
	int64_t tokens = shape->decodes * it->options.verified;

	*out = *shape;
	out->only_decodes = alone || shape->prefills == 0;     /* then every row is of verified tokens */
	out->tokens = tokens + (alone ? 0 : shape->prefill_tokens);
	out->logits = tokens + (alone ? 0 : shape->logits - shape->decodes);
	if (alone) {
		out->prefill_tokens = out->prefills = out->swap_tokens = 0;
		out->chunks = NULL;
	}
}

static bool speculates(const struct iteration *it, const struct batch_shape *shape)
{
	return it->options.verified > 1 && shape->decodes > 0;
}

static void share_of_pass(struct step_time *t, double share)
{
	t->base_s *= share;
	t->slope_s *= share;
	t->context_s *= share;
	t->context_slope_s *= share;
}

/* A step of the simulation is one token of every sequence: 1 / tokens_per_pass of a pass. Prompts in the same batch are
 * charged in full, as what they add to it. */
static void price_speculative(struct iteration *it, int stage, const struct batch_shape *shape, int64_t most, struct step_time *out)
{
	double share = 1 / it->options.tokens_per_pass, least;
	struct batch_shape whole, alone;
	struct step_time decodes;

	speculative_shape(it, shape, false, &whole);
	price_pass(it, stage, &whole, most, out);
	if (shape->prefills == 0) {
		share_of_pass(out, share);
		return;
	}
	speculative_shape(it, shape, true, &alone);
	price_pass(it, stage, &alone, 1, &decodes);
	least = out->base_s * share;
	out->base_s -= decodes.base_s * (1 - share);
	out->context_s *= share;
	out->context_slope_s *= share;
	out->slope_s *= share;
	if (out->base_s < least)
		out->base_s = least;
}

void iteration_price(struct iteration *it, int stage, const struct batch_shape *shape, int64_t most, struct step_time *out)
{
	if (UNLIKELY(speculates(it, shape)))
		price_speculative(it, stage, shape, most, out);
	else
		price_pass(it, stage, shape, most, out);
}

static void visit(struct stage *s, enum node_scale scale, int64_t v, double steps)
{
	struct table *t = &s->by[scale];

	if (v <= 0 || !s->has[scale])
		return;
	if (LIKELY(v < t->rows)) {
		t->row[v].visits += steps;
	} else {                       /* beyond the table: rare; kept as a sum over a representative size */
		t->beyond_visits += steps;
		t->beyond_sum += (double)v * steps;
	}
}

static void visit_classes(struct stage *s, const struct batch_shape *shape, int64_t padded_tokens, int64_t expert_tokens, double passes)
{
	visit(s, PER_TOKENS, padded_tokens, passes);
	visit(s, PER_EXPERT_TOKENS, expert_tokens, passes);
	visit(s, PER_PREFILL_TOKENS, shape->prefill_tokens, passes);
	visit(s, PER_DECODES, shape->decodes, passes);
	visit(s, PER_LOGITS, shape->logits, passes);
	visit(s, PER_STEP, 1, passes);
}

/* As priced: a share of a pass; with prompts, the whole pass less what its decoding part is not charged. */
static void visit_speculative(const struct iteration *it, struct stage *s, const struct batch_shape *shape, double steps)
{
	double share = 1 / it->options.tokens_per_pass;
	struct batch_shape whole, alone;
	struct spread_tokens spread;

	speculative_shape(it, shape, false, &whole);
	spread = spread_over(&it->options.host, &whole);
	visit_classes(s, &whole, spread.ranks, spread.experts, shape->prefills ? steps : steps * share);
	if (shape->prefills == 0)
		return;
	speculative_shape(it, shape, true, &alone);
	spread = spread_over(&it->options.host, &alone);
	visit_classes(s, &alone, spread.ranks, spread.experts, -steps * (1 - share));
}

void stage_settle(struct stage *s)
{
	for (int64_t b = 1; b <= s->max_seqs; b++) {
		struct decode_row *row = &s->decode[b];
		double visits = (double)row->visits;

		if (row->visits == 0)
			continue;
		visit(s, PER_TOKENS, row->padded_tokens, visits);
		visit(s, PER_EXPERT_TOKENS, row->padded_tokens, visits);
		visit(s, PER_DECODES, b, visits);
		visit(s, PER_LOGITS, b, visits);
		visit(s, PER_STEP, 1, visits);
		row->visits = 0;
	}
}

void iteration_count(struct iteration *it, int stage, const struct batch_shape *shape, const struct step_time *time, int64_t steps)
{
	struct stage *s = &it->stages[stage];
	double k = (double)steps, share = 1;

	if (UNLIKELY(speculates(it, shape))) {
		share = 1 / it->options.tokens_per_pass;
		visit_speculative(it, s, shape, k);
	} else if (has_row(s, shape)) {
		s->decode[shape->decodes].visits += steps;
	} else {
		visit_classes(s, shape, time->padded_tokens, time->expert_tokens, k);
	}
	if (shape->decodes > 0) {
		s->decode_steps += k * share;
		s->decode_attention_s += k * time->context_s + time->context_slope_s * k * (k - 1) / 2;
		s->decode_seqs += k * share * (double)shape->decodes;
		for (int w = 0; w < s->graph.window_count; w++)
			s->decode_context[w] += share * (k * (double)shape->context[w] + (double)shape->below[w] * k * (k - 1) / 2);
	}
	for (int64_t i = 0; i < shape->prefills; i++) {
		double c = shape->chunks[i].tokens, p = shape->chunks[i].prior;

		s->chunk_count += 1;
		s->chunk_tokens += c;
		s->chunk_prior += p * c;       /* token-weighted: the account prices a mean chunk */
		s->chunk_square += c * c;
	}
	if (shape->prefills) {
		s->prefill_batches += 1;
		s->prefill_attention_s += time->prefill_s;
	}
}
