#include "models/optimizer.h"

#include <string.h>

#include "base/str.h"

static double two_moments(double rows, double cols)
{
	return 8 * rows * cols;
}

static double one_moment(double rows, double cols)
{
	return 4 * rows * cols;
}

static double two_bytes(double rows, double cols)
{
	/* One byte a moment, and an fp32 scale for each block of 2048 (Dettmers et al. 2022, arXiv 2110.02861). */
	return rows * cols * (2 + 2 * 4.0 / 2048);
}

static double no_state(double rows, double cols)
{
	(void)rows, (void)cols;
	return 0;
}

/* Row and column means of the squares only (Shazeer and Stern 2018, arXiv 1804.04235, algorithm 4); a vector keeps all. */
static double factored(double rows, double cols)
{
	return rows > 1 ? 4 * (rows + cols) : 4 * cols;
}

static const struct optimizer_ops adamw = {
	.name = "adamw", .help = "two fp32 moments (Loshchilov and Hutter 2019)", .source = "arXiv 1711.05101",
	.state_bytes = two_moments, .master = true, .flops = 14,
};
static const struct optimizer_ops adamw8bit = {
	.name = "adamw-8bit", .help = "two 8-bit moments in blocks of 2048", .source = "arXiv 2110.02861",
	.state_bytes = two_bytes, .master = true, .flops = 20,
};
static const struct optimizer_ops sgd = {
	.name = "sgd", .help = "plain gradient descent", .source = "textbook", .state_bytes = no_state, .master = true, .flops = 2,
};
static const struct optimizer_ops momentum = {
	.name = "sgd-momentum", .help = "one fp32 moment", .source = "textbook", .state_bytes = one_moment, .master = true, .flops = 4,
};
static const struct optimizer_ops adafactor = {
	.name = "adafactor", .help = "second moment by its row and column means, no first moment", .source = "arXiv 1804.04235",
	.state_bytes = factored, .master = true, .traffic_bytes = 4, .flops = 16,
};

/* Orthogonalised updates for hidden matrices (Jordan et al. 2024; Liu et al. 2025, arXiv 2502.16982): one moment. What is
 * not a hidden matrix -- vectors, and tables of words, known by their proportions -- stays with AdamW. */
static bool is_hidden(double rows, double cols)
{
	return rows > 1 && cols > 1 && rows < 12 * cols && cols < 12 * rows;
}

static double one_or_two_moments(double rows, double cols)
{
	return (is_hidden(rows, cols) ? 4 : 8) * rows * cols;
}

/* Five iterations of X (a + b XX' + c (XX')^2), the short side s first: XX' and the product with X are 2 s s l each, the
 * square 2 s^3. */
static double newton_schulz(double rows, double cols)
{
	double s = rows < cols ? rows : cols, l = rows < cols ? cols : rows;

	return is_hidden(rows, cols) ? 5 * (4 * s * s * l + 2 * s * s * s) : 0;
}

static const struct optimizer_ops muon = {
	.name = "muon", .help = "one moment, updates orthogonalised by Newton-Schulz; AdamW for embeddings and vectors", .source = "arXiv 2502.16982",
	.state_bytes = one_or_two_moments, .master = true, .traffic_bytes = 4, .flops = 6, .matrix_flops = newton_schulz,
};

/* One second moment a block (a head, a neuron, a row of the embedding): it is lost beside the first (arXiv 2406.16793). */
static const struct optimizer_ops adam_mini = {
	.name = "adam-mini", .help = "one fp32 moment, the second by blocks", .source = "arXiv 2406.16793", .state_bytes = one_moment, .master = true,
	.flops = 12,
};

/* A first moment, and two factored seconds: of the update and of its instability (arXiv 2307.02047). */
static double moment_and_factors(double rows, double cols)
{
	return one_moment(rows, cols) + 2 * factored(rows, cols);
}

static const struct optimizer_ops came = {
	.name = "came", .help = "one moment and two factored ones", .source = "arXiv 2307.02047", .state_bytes = moment_and_factors, .master = true,
	.traffic_bytes = 4, .flops = 22,
};

const struct optimizer_ops *const optimizers[] = { &adamw, &adamw8bit, &sgd, &momentum, &adafactor, &muon, &adam_mini, &came, NULL };

const struct optimizer_ops *optimizer_require(const char *name, struct err *err)
{
	const char *names[64], *near;
	size_t n = 0;

	for (; optimizers[n] && n < COUNT_OF(names); n++) {
		if (text_equal_fold(optimizers[n]->name, name))
			return optimizers[n];
		names[n] = optimizers[n]->name;
	}
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "optimizer '%s': expected one of adamw, adamw-8bit, sgd, sgd-momentum, adafactor, muon, adam-mini, came%s%s", name,
		near ? "; did you mean " : "", near ? near : "");
	return NULL;
}

double optimizer_step_bytes(const struct optimizer_ops *o, double rows, double cols, double grad_bytes, double weight_bytes)
{
	double n = rows * cols, kept = o->state_bytes(rows, cols) + (o->master ? 4 * n : 0);

	return 2 * kept + n * (grad_bytes + weight_bytes * (o->master ? 1 : 2) + o->traffic_bytes);
}
