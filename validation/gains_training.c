/* Comparisons whose work is a training step. */
#include <stddef.h>

#include "models/optimizer.h"
#include "validation/gains_parts.h"

static bool add_kernel(struct gain_part *p)
{
	p->priced = true;
	return gain_kernel(&p->op, &p->family, &p->shape);
}

static bool add_product(struct gain_part *parts, size_t *count, const char *label, double runs, int64_t m, int64_t n, int64_t k, struct err *err)
{
	struct gain_part *p = gain_part_add(parts, count, label, runs, err);

	if (!p)
		return false;
	p->op = (struct op){ .kind = OP_GEMM, .dtype = DTYPE_FP32, .m = m, .n = n, .k = k };
	return add_kernel(p);
}

/* Forward, and backward for inputs and weights: 6 FLOPs a weight and token. */
static bool add_training(struct gain_part *parts, size_t *count, int64_t tokens, int64_t n, int64_t k, struct err *err)
{
	return add_product(parts, count, "forward", 1, tokens, n, k, err) && add_product(parts, count, "backward_inputs", 1, tokens, k, n, err) &&
	       add_product(parts, count, "backward_weights", 1, n, k, tokens, err);
}

/* ---- Muon: one matrix ---- */

enum { ROWS = 384, COLUMNS = 1024, TOKENS = 2000 };

/* What an optimizer moves, as a stream of the same bytes; what its kernel does, as it is. */
static bool add_update(struct gain_part *parts, size_t *count, const char *optimizer, const char *kernel, struct err *err)
{
	const struct optimizer_ops *o = optimizer_require(optimizer, err);
	struct gain_part *p = o ? gain_part_add(parts, count, "update", 1, err) : NULL;

	if (!p)
		return false;
	p->priced = true;
	p->op = (struct op){ .kind = OP_COPY, .dtype = DTYPE_FP32, .bytes = optimizer_step_bytes(o, ROWS, COLUMNS, 4, 2) / 2 };
	p->family = kernel_family_find(kernel);
	p->shape = (struct shape){ .m = ROWS, .n = COLUMNS };
	return p->family || err_set(err, ERR_INTERNAL, "no kernel '%s'", kernel);
}

/* Five iterations: XX', its square, the product with X; one kernel does them all. */
static bool add_newton_schulz(struct gain_part *parts, size_t *count, struct err *err)
{
	static const struct { const char *label; int64_t n, k; } products[] = { { "gram", ROWS, COLUMNS }, { "square", ROWS, ROWS }, { "apply", COLUMNS, ROWS } };
	struct gain_part *p;

	for (size_t i = 0; i < COUNT_OF(products); i++) {
		p = gain_part_add(parts, count, products[i].label, 5, err);
		if (!p)
			return false;
		p->priced = true;
		p->op = (struct op){ .kind = OP_GEMM, .dtype = DTYPE_FP32, .m = ROWS, .n = products[i].n, .k = products[i].k };
	}
	p = gain_part_add(parts, count, "newton_schulz", 1, err);
	if (!p)
		return false;
	p->family = kernel_family_find("newton_schulz");
	p->shape = (struct shape){ .m = ROWS, .n = COLUMNS };
	return p->family != NULL;
}

bool gain_muon(enum gain_side side, struct gain_part *parts, size_t *count, struct err *err)
{
	if (!add_training(parts, count, TOKENS, ROWS, COLUMNS, err))
		return false;
	if (side == GAIN_PLAIN)
		return add_update(parts, count, "adamw", "adamw_update", err);
	return add_update(parts, count, "muon", "muon_update", err) && add_newton_schulz(parts, count, err);
}

/* ---- DoReMi: the proxy's step ---- */

enum { PROXY_TOKENS = 500, PROXY_HIDDEN = 384, PROXY_WIDTH = 1536, PROXY_LAYERS = 2, DOMAINS = 22 };

/* The proxy trains as any model does, and a frozen reference of the same size runs forward for the excess losses: 8 FLOPs a weight
 * and token instead of 6. Then the domains' weights move. */
bool gain_doremi(enum gain_side side, struct gain_part *parts, size_t *count, struct err *err)
{
	struct gain_part *p;

	for (int layer = 0; layer < PROXY_LAYERS; layer++)
		if (!add_training(parts, count, PROXY_TOKENS, PROXY_WIDTH, PROXY_HIDDEN, err) || !add_training(parts, count, PROXY_TOKENS, PROXY_HIDDEN, PROXY_WIDTH, err))
			return false;
	if (side == GAIN_PLAIN)
		return true;
	if (!add_product(parts, count, "reference_forward", PROXY_LAYERS, PROXY_TOKENS, PROXY_WIDTH, PROXY_HIDDEN, err) ||
	    !add_product(parts, count, "reference_forward", PROXY_LAYERS, PROXY_TOKENS, PROXY_HIDDEN, PROXY_WIDTH, err))
		return false;
	p = gain_part_add(parts, count, "domain_weights", 1, err);
	if (!p)
		return false;
	p->family = kernel_family_find("group_dro");
	p->shape = (struct shape){ .m = 1, .k = DOMAINS, .extra = { 100 } };
	return p->family != NULL;
}
