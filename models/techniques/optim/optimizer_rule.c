/* models/techniques/optim/optimizer_rule.c -- another optimizer: its row of models/optimizer.h says what it keeps, moves and
 * computes. Tokens to the same loss stay as they are, unless the entry names a family that knows better. */
#include "models/technique.h"

static bool rule_training(const struct technique_use *use, struct training_change *t, struct err *err)
{
	(void)err;
	t->optimizer = technique_word(use, "optimizer");
	return true;
}

const struct technique_ops technique_optimizer_rule = {
	.name = "optimizer-rule", .help = "another optimizer: state, traffic and work of its row", .params = "optimizer", .training = rule_training,
};
