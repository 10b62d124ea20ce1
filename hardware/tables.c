/* The tables of one device: which files are read, and which of them answers first. */
#include "hardware/tables.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "hardware/tables_file.h"

enum { STACKS_MOST = 16 };

struct tables {
	struct tables_limits limits;
	struct tables_transfer how;
	struct table_reading *reading; /* apart: files are read through tables that are constant to who asks */
	struct table_file *all[STACKS_MOST * OP_KIND_COUNT];
	size_t count;
	struct table_file *by_kind[OP_KIND_COUNT][STACKS_MOST]; /* in order of preference, NULL-terminated */
};

struct stacks {
	const char *name[STACKS_MOST];
	bool extra[STACKS_MOST]; /* not asked for: nccl, oneccl */
	int count;
};

static bool stack_listed(const struct stacks *s, const char *name)
{
	for (int i = 0; i < s->count; i++)
		if (text_equal(s->name[i], name))
			return true;
	return false;
}

static void stack_add(struct stacks *s, const char *name, bool extra)
{
	if (s->count < STACKS_MOST - 1 && !stack_listed(s, name)) {
		s->name[s->count] = name;
		s->extra[s->count++] = extra;
	}
}

static bool stacks_choose(const char *folder, const char *names, struct stacks *s, struct arena *arena, struct err *err)
{
	static const char *const usual[] = { "vllm", "trtllm", "sglang", "nccl", "oneccl", "vidur" };
	char *text = arena_strdup(arena, names ? names : ""), *rest = NULL;

	if (!text)
		return err_memory(err);
	for (char *word = strtok_r(text, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest))
		stack_add(s, word, false);
	if (s->count == 0) {
		size_t n;
		const char *const *found = paths_list(folder, "", &n, arena, err);

		if (!found)
			return false;
		for (size_t i = 0; i < COUNT_OF(usual); i++)
			stack_add(s, usual[i], false);
		for (size_t i = 0; i < n; i++)
			stack_add(s, found[i], false);
	} else if (!(s->count == 1 && text_equal(s->name[0], "vidur"))) {
		stack_add(s, "nccl", true);
		stack_add(s, "oneccl", true);
	}
	return true;
}

/* Collectives of the vendor's library (NCCL, oneCCL) serve every stack. Vidur's element-wise kernels serve nobody else:
 * they are eager PyTorch ones of 2023, two to three times slower than the fused kernels inside a captured graph that
 * today's stacks run. */
static bool extra_serves(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

static bool find_stack(struct tables *t, const char *folder, const char *stack, bool extra,
		       const struct tables_transfer *how, struct arena *arena, struct err *err)
{
	const char *inside = arena_printf(arena, "%s/%s", folder, stack);

	if (!inside)
		return err_memory(err);
	if (!paths_is_folder(inside))
		return true;
	for (int kind = 0; kind < OP_KIND_COUNT; kind++) {
		struct table_file *file;
		const char *path;
		int i = 0;

		if (!table_shape((enum op_kind)kind) || (extra && !extra_serves((enum op_kind)kind)) ||
		    (how && !how->wanted[kind]))
			continue;
		while (t->by_kind[kind][i])
			i++;
		path = arena_printf(arena, "%s/%s.csv", inside, op_kind_names[kind]);
		if (!path)
			return err_memory(err);
		if (!paths_is_file(path))
			continue;
		file = table_file_new(path, stack, (enum op_kind)kind, err);
		if (!file)
			return false;
		t->all[t->count++] = file;
		t->by_kind[kind][i] = file;
	}
	return true;
}

static bool share_reading(struct tables *t, const struct tables_transfer *how, struct err *err)
{
	struct table_reading *r = mem_calloc(1, sizeof(*r));

	if (!r)
		return err_memory(err);
	if (how)
		t->how = *how;
	r->limits = &t->limits;
	r->how = how ? &t->how : NULL;
	pthread_mutex_init(&r->lock, NULL);
	t->reading = r;
	return true;
}

static struct tables *find_folder(const char *folder, const char *stacks, const struct tables_limits *limits,
				  const struct tables_transfer *how, struct err *err)
{
	struct tables *t = NULL;
	struct stacks chosen = { .count = 0 };
	struct arena *arena = NULL;
	bool ok = false;

	if (!paths_is_folder(folder))
		return NULL;
	arena = arena_new();
	t = mem_calloc(1, sizeof(*t));
	if (!arena || !t) {
		err_memory(err);
		goto out;
	}
	t->limits = *limits;
	if (!share_reading(t, how, err) || !stacks_choose(folder, stacks, &chosen, arena, err))
		goto out;
	for (int i = 0; i < chosen.count; i++)
		if (!find_stack(t, folder, chosen.name[i], chosen.extra[i], how, arena, err))
			goto out;
	ok = t->count > 0;
out:
	arena_free(arena);
	if (!ok) {
		tables_free(t);
		t = NULL;
	}
	return t;
}

bool tables_sound(const struct tables *t, struct err *err)
{
	struct err fault;

	pthread_mutex_lock(&t->reading->lock);
	fault = t->reading->fault;
	pthread_mutex_unlock(&t->reading->lock);
	return fault.kind == ERR_NONE || err_set(err, fault.kind, "%s", fault.text);
}

/* NULL when one of them is malformed. */
static struct tables *read_all(struct tables *t, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && t && i < t->count; i++)
		ok = table_file_get(t->all[i], t->reading) || tables_sound(t, err);
	if (ok)
		return t;
	tables_free(t);
	return NULL;
}

struct tables *tables_load_folder(const char *folder, const char *stacks, const struct tables_limits *limits,
				  struct err *err)
{
	return read_all(find_folder(folder, stacks, limits, NULL, err), err);
}

static struct tables *find_named(const char *device_name, const char *stacks, const struct tables_limits *limits,
				 const struct tables_transfer *how, struct err *err)
{
	struct arena *arena = arena_new();
	const char *relative, *folder;
	struct tables *t = NULL;

	if (!arena || !(relative = arena_printf(arena, "hardware/tables/%s", device_name))) {
		err_memory(err);
		goto out;
	}
	folder = paths_data(relative, arena, err);
	if (folder)
		t = find_folder(folder, stacks, limits, how, err);
out:
	arena_free(arena);
	return t;
}

struct tables *tables_load(const char *device_name, const char *stacks, const struct tables_limits *limits,
			   struct err *err)
{
	return read_all(find_named(device_name, stacks, limits, NULL, err), err);
}

struct tables *tables_open(const char *device_name, const char *stacks, const struct tables_limits *limits, struct err *err)
{
	return find_named(device_name, stacks, limits, NULL, err);
}

struct tables *tables_open_restated(const char *device_name, const char *stacks, const struct tables_limits *limits,
				    const struct tables_transfer *how, struct err *err)
{
	return find_named(device_name, stacks, limits, how, err);
}

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

static enum dtype sixteen(int t)
{
	return t == DTYPE_FP16 ? DTYPE_BF16 : (enum dtype)t;
}

size_t tables_rows(const struct tables *t, const struct op *op)
{
	size_t rows = 0;

	for (size_t i = 0; t->by_kind[op->kind][i]; i++) {
		const struct table *table = table_file_get(t->by_kind[op->kind][i], t->reading);

		for (int d = 0; table && d < DTYPE_COUNT; d++)
			if (is_collective(op->kind) || sixteen(d) == sixteen((int)op->dtype))
				rows += table->rows_of[d];
	}
	return rows;
}

size_t tables_rows_of_format(const struct tables *t, enum op_kind kind, enum dtype dtype)
{
	size_t rows = 0;

	for (size_t i = 0; t->by_kind[kind][i]; i++)
		rows += table_file_rows(t->by_kind[kind][i], dtype);
	return rows;
}

bool tables_have(const struct tables *t, enum op_kind kind)
{
	return t->by_kind[kind][0] != NULL;
}

void tables_free(struct tables *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		table_file_free(t->all[i]);
	if (t->reading)
		pthread_mutex_destroy(&t->reading->lock);
	mem_free(t->reading);
	mem_free(t);
}

/* Two runs of one kernel on one device differ by about a percent, which no table can undercut. */
static double grade_error(const struct table *t, enum grade grade, enum dtype dtype)
{
	enum dtype twin = dtype == DTYPE_FP16 ? DTYPE_BF16 : dtype == DTYPE_BF16 ? DTYPE_FP16 : dtype;
	double site = t->error_site_of[dtype] > 0 ? t->error_site_of[dtype] : t->error_site_of[twin];
	double outside = t->error_outside_of[dtype] > 0 ? t->error_outside_of[dtype] : t->error_outside_of[twin];

	switch (grade) {
	case GRADE_EXACT:
		return fmax(t->error_exact, 0.01);
	case GRADE_BETWEEN:
		return fmax(t->error_between, 0.01);
	case GRADE_SITE:
		return site > 0 ? site : t->error_site;
	case GRADE_OUTSIDE:
		break;
	}
	return outside > 0 ? outside : t->error_outside;
}

/* Where the time goes, as far as a measured total can tell: less than half explained by either side of the roofline
 * means fixed costs rule. */
static enum bound bound_of(const struct tables_limits *limits, const struct op *op, const struct op_cost *c)
{
	double peak = limits->peak_flop_s[op->dtype];
	double compute = peak > 0 && !isnan(peak) ? c->flops / peak : 0;
	double memory = limits->bandwidth_bytes_s > 0 ? c->bytes / limits->bandwidth_bytes_s : 0;

	if (is_collective(op->kind))
		return BOUND_NETWORK;
	if (fmax(compute, memory) < 0.25 * c->seconds)
		return BOUND_LATENCY;
	return compute > memory ? BOUND_COMPUTE : BOUND_MEMORY;
}

/* An answer of one table as a cost. */
static void fill_cost(const struct tables *t, const struct table *from, const struct op *op, double seconds,
		      enum grade grade, struct op_cost *out)
{
	*out = (struct op_cost){ .seconds = seconds,
				 .flops = op_flops(op),
				 .bytes = op_bytes(op),
				 .provider = PROVIDER_MEASURED,
				 .extrapolated = grade == GRADE_OUTSIDE,
				 .rel_error = hypot(grade_error(from, grade, op->dtype), from->error_transfer) };
	if (from->error_transfer > 0)
		out->provider = PROVIDER_FITTED;
	/* Only what was measured may beat the data sheet (caches do). */
	if ((out->extrapolated || from->error_transfer > 0) && !is_collective(op->kind))
		out->seconds = fmax(seconds, roofline_seconds(&t->limits, op));
	out->bound = bound_of(&t->limits, op, out);
}

bool tables_op(const struct tables *t, const struct op *op, struct op_cost *out)
{
	struct table_file *const *candidates = t->by_kind[op->kind];
	const struct table *from = NULL;
	double seconds = 0;
	enum grade grade = GRADE_EXACT;

	if (op->kind == OP_REDUCE_SCATTER && !candidates[0])
		candidates = t->by_kind[OP_ALL_GATHER];
	for (; *candidates; candidates++) {
		struct question q = { table_file_get(*candidates, t->reading), &t->limits, op, -1, NULL };
		enum grade g;
		double s;

		if (!q.table || !table_answer(&q, &s, &g) || (from && s >= seconds))
			continue;
		from = q.table;
		seconds = s;
		grade = g;
		if (op->kind != OP_ALL_REDUCE)
			break;
	}
	if (!from)
		return false;
	if (from->shape->kind != op->kind && grade < GRADE_SITE)
		grade = GRADE_SITE;
	fill_cost(t, from, op, seconds, grade, out);
	return true;
}

bool tables_held_out(const struct tables *t, size_t i, const struct tables_point *point, struct op_cost *out)
{
	struct question q = { table_file_get(t->all[i], t->reading), &t->limits, &point->op, (int64_t)point->site, NULL };
	enum grade grade;
	double seconds;

	if (!q.table || !table_answer(&q, &seconds, &grade))
		return false;
	fill_cost(t, q.table, &point->op, seconds, grade, out);
	return true;
}

void tables_points(const struct tables *t, size_t i, struct tables_point *out)
{
	table_points(table_file_get(t->all[i], t->reading), out);
}

size_t tables_count(const struct tables *t)
{
	return t->count;
}

void tables_info(const struct tables *t, size_t i, struct tables_info *out)
{
	const struct table *table = table_file_get(t->all[i], t->reading);

	*out = (struct tables_info){ .path = table->path,
				     .stack = table->stack,
				     .op = op_kind_names[table->shape->kind],
				     .source = table->source ? table->source : "",
				     .licence = table->licence ? table->licence : "",
				     .rows = table->point_count,
				     .sites = table->site_count,
				     .error_exact = table->error_exact,
				     .error_between = table->error_between,
				     .error_site = table->error_site,
				     .error_outside = table->error_outside };
}
