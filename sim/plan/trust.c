#include "sim/plan/trust.h"

#include <math.h>

#include "base/str.h"

const char *const verdict_names[] = { "", "within the error", "likely", "certain", NULL };

static const double MEDIAN_OF_NORMAL = 0.6744897501960817;
static const double LIKELY = 0.8, CERTAIN = 0.99;

bool trust_matters(const struct outcome *o, int kind)
{
	return o->status == OUTCOME_DONE && o->kind_share[kind] * o->kind_error[kind] > 0.001f;
}

double trust_sigma(const struct outcome *o, int kind)
{
	return fmin((double)o->kind_error[kind] / MEDIAN_OF_NORMAL, 0.9);
}

const struct scenario *trust_scaled(const struct scenario *sc, int kind, double factor, struct arena *arena, struct err *err)
{
	struct scenario *out = arena_alloc(arena, sizeof(*out));
	const char *before = sc->hardware.op_scale;

	if (out) {
		*out = *sc;
		out->hardware.op_scale = arena_printf(arena, "%s%s%s=%.9g", before ? before : "", before ? "," : "", op_kind_names[kind], factor);
	}
	if (!out || !out->hardware.op_scale) {
		err_memory(err);
		return NULL;
	}
	return out;
}

/* Whether both scenarios price the kind from the same tables or law. */
static bool common(const struct scenario *a, const struct scenario *b, int kind)
{
	bool weights = kind == OP_GEMM || kind == OP_MOE;
	bool attention = kind == OP_ATTENTION_PREFILL || kind == OP_ATTENTION_DECODE || kind == OP_MLA_PREFILL || kind == OP_MLA_DECODE;

	if (!text_equal(a->hardware.device, b->hardware.device) || !text_equal(a->hardware.system, b->hardware.system) ||
	    !text_equal(a->hardware.stack, b->hardware.stack) || !text_equal(a->hardware.provider, b->hardware.provider))
		return false;
	if (weights)
		return a->model.dtype == b->model.dtype && a->model.expert_dtype == b->model.expert_dtype;
	return !attention || a->model.kv_dtype == b->model.kv_dtype;
}

static double effect(const struct trusted *t, int figure, int kind)
{
	double moved = t->trial->run[kind] ? t->trial->slower[kind].value[figure] - t->outcome->value[figure] : 0;

	return isnan(moved) ? 0 : moved;
}

void trust_difference(const struct trusted *a, const struct trusted *b, int figure, struct certainty *out)
{
	double difference = a->outcome->value[figure] - b->outcome->value[figure], variance = 0;

	*out = (struct certainty){ .sigma = NAN, .probability = NAN };
	if (isnan(difference) || difference == 0 || !a->trial || !b->trial)
		return;
	for (int k = 0; k < OP_KIND_COUNT; k++) {
		double ea = effect(a, figure, k), eb = effect(b, figure, k);

		variance += common(a->scenario, b->scenario, k) ? (ea - eb) * (ea - eb) : ea * ea + eb * eb;
	}
	out->sigma = sqrt(variance);
	out->probability = out->sigma > 0 ? 0.5 * erfc(-fabs(difference) / out->sigma / sqrt(2)) : 1;
	out->verdict = out->probability >= CERTAIN ? VERDICT_CERTAIN : out->probability >= LIKELY ? VERDICT_LIKELY : VERDICT_WITHIN_ERROR;
}
