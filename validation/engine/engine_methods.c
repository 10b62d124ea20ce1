#include "validation/engine/engine_methods.h"

#include "base/str.h"
#include "models/technique.h"

static bool take(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	const char *family = use->ops->name;

	if (text_equal(family, "engine"))
		return true;
	if (!text_equal(family, "weight-format"))
		return err_set(err, ERR_INPUT, "--with %s: the engine runs bitnet_b158_v1796 and vllm_v2_v1871; it has no %s", use->technique->id, family);
	if (technique_number(use, "activation_bits") > 8 || technique_number(use, "bits") > 2)
		return err_set(err, ERR_INPUT, "--with %s: the engine has weights of 2 bits with activations of 8", use->technique->id);
	m->ternary = true;
	return true;
}

bool engine_methods_of(const struct scenario *sc, struct engine_methods *out, struct arena *arena, struct err *err)
{
	struct technique_set set = { 0 };

	*out = (struct engine_methods){ 0 };
	for (size_t i = 0; i < sc->technique_count; i++)
		if (!technique_set_add(&set, sc->techniques[i].id, sc->techniques[i].params, arena, err))
			return false;
	if (!technique_set_finish(&set, err))
		return false;
	for (size_t i = 0; i < set.count; i++)
		if (!take(&set.uses[i], out, err))
			return false;
	return true;
}
