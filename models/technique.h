/* One module of the technology tree: an XML entry (parameters, sources, what it composes with) bound to a mechanism
 * family in C. A family changes the scenario being compiled, as plain data; it never sees a result, and no entry holds a
 * speed-up. */
#ifndef MODELS_TECHNIQUE_H
#define MODELS_TECHNIQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "models/graph.h"
#include "models/memory.h"
#include "models/model.h"
#include "models/placement.h"
#include "models/technique_data.h"

/* Folder of the entry, and the order in which techniques act within a hook: hardware first, serving last. */
enum technique_area {
	AREA_HARDWARE, AREA_ARCH, AREA_COMPILER, AREA_OPTIM, AREA_DATA, AREA_LORA, AREA_KV, AREA_SPEC, AREA_SERVING, AREA_COUNT
};
extern const char *const technique_area_names[];        /* "hardware" "arch" ... NULL-terminated */

struct technique_paper {
	const char *title, *authors, *ref;              /* ref: "arXiv 2402.02750", "ICML 2024" */
	int64_t year;
};

/* A number within least..most, or one of the blank-separated words of `choices`, or (neither) a name. */
struct technique_param {
	const char *name, *fallback, *choices, *unit, *source, *help;
	double least, most;                             /* both NAN: a name */
};

struct technique_line { const char *text, *source; };   /* a formula, a quality cost as reported, a pitfall */
struct technique_exclude { const char *what, *reason; };        /* another module's id, family or slot */

struct technique {
	const char *id, *family, *title, *aliases, *idea;
	int area;
	const char *kernel;                             /* name of a kernel family; NULL: none yet */
	const char *slot;                               /* at most one module of a slot at a time: "kv-eviction", "device" */
	const char *composes;                           /* what it is known to go with, for people */
	struct technique_paper *papers;
	size_t paper_count;
	struct technique_param *params;
	size_t param_count;
	struct technique_line *formulas, *costs, *pitfalls;
	size_t formula_count, cost_count, pitfall_count;
	struct technique_exclude *excludes;
	size_t exclude_count;
	const char *path;                               /* not part of the XML */
};
extern const struct element technique_element;

/* One module with its parameters settled. */
struct technique_ops;
struct technique_use {
	const struct technique *technique;
	const struct technique_ops *ops;
	double *numbers;                                /* by parameter; NAN for words */
	const char **words;                             /* by parameter: as text; numbers, too */
	bool *given;                                    /* by the user */
};
/* The value of a parameter that the family names in `params` (so that every entry has it). */
double technique_number(const struct technique_use *use, const char *name);
const char *technique_word(const struct technique_use *use, const char *name);
/* An optional parameter: `otherwise` when the entry does not define it. */
double technique_number_or(const struct technique_use *use, const char *name, double otherwise);

/* A mechanism family: one file models/techniques/AREA/FAMILY.c, one line in technique_families.c. Hooks run in this
 * order, each over all techniques (by area, then family, then id), so that the order of --with does not matter.
 * Operators include collectives: a hook changes or adds nodes with their bytes, never times. */
struct technique_ops {
	const char *name, *help;
	const char *params;                             /* blank-separated: every entry defines these */
	bool (*hardware)(const struct technique_use *use, struct hardware_change *hw, struct err *err);
	bool (*model)(const struct technique_use *use, struct model_change *model, struct err *err);
	bool (*schedule)(const struct technique_use *use, struct policy_change *policy, struct err *err);
	bool (*acceptance)(const struct technique_use *use, struct acceptance *acceptance, struct err *err);
	bool (*operators)(const struct technique_use *use, struct graph_change *graph, struct err *err);
	bool (*memory)(const struct technique_use *use, struct memory_change *memory, struct err *err);
	bool (*training)(const struct technique_use *use, struct training_change *training, struct err *err);
	bool (*convergence)(const struct technique_use *use, struct convergence_change *convergence, struct err *err);
};
extern const struct technique_ops *const technique_families[];  /* NULL-terminated */
const struct technique_ops *technique_family(const char *name);  /* NULL when unknown */

/* Reads an entry by id ("kivi_v1821"), id without version ("kivi"), alias or path; letter case and hyphens for underscores
 * do not matter. NULL with err (the nearest name) when unknown. */
MUST_USE const struct technique *technique_load(const char *name_or_path, struct arena *arena, struct err *err);
/* Ids of all entries, sorted, NULL-terminated. */
MUST_USE const char *const *technique_names(size_t *count, struct arena *arena, struct err *err);
/* Path of the entry's XML file. */
MUST_USE const char *technique_path(const char *name, struct arena *arena, struct err *err);

/* The techniques of one scenario, in the order in which they act. All of it lives in the arena it was built with. */
struct technique_set {
	struct technique_use *uses;
	size_t count;
};

/* Adds a technique with parameters "bits=2,group=32" (NULL: defaults). "none" adds nothing. */
MUST_USE bool technique_set_add(struct technique_set *set, const char *name, const char *params, struct arena *arena, struct err *err);
/* Sorts, and refuses (ERR_INPUT, with the reason) what cannot go together. Call once all are added. */
MUST_USE bool technique_set_finish(struct technique_set *set, struct err *err);
/* The use of a module by id, NULL when it is not in the set. */
const struct technique_use *technique_set_find(const struct technique_set *set, const char *id);

/* Each walks its hook over the set; a NULL or empty set changes nothing. */
MUST_USE bool technique_hardware(const struct technique_set *set, struct hardware_change *hw, struct err *err);
MUST_USE bool technique_model(const struct technique_set *set, struct model_change *model, struct err *err);
MUST_USE bool technique_schedule(const struct technique_set *set, struct policy_change *policy, struct err *err);
MUST_USE bool technique_acceptance(const struct technique_set *set, struct acceptance *acceptance, struct err *err);
MUST_USE bool technique_operators(const struct technique_set *set, struct graph_change *graph, struct err *err);
MUST_USE bool technique_memory(const struct technique_set *set, struct memory_change *memory, struct err *err);
MUST_USE bool technique_training(const struct technique_set *set, struct training_change *training, struct err *err);
MUST_USE bool technique_convergence(const struct technique_set *set, struct convergence_change *convergence, struct err *err);

/* Replace what is pointed to by changed copies in the arena; nothing happens when no technique asks for it. */
MUST_USE bool technique_changed_hardware(const struct technique_set *set, const struct device **device, const struct system **system,
					 struct arena *arena, struct err *err);
MUST_USE bool technique_changed_model(const struct technique_set *set, const struct model **model, struct arena *arena, struct err *err);

/* graph_build and then the operators hook: what the simulator runs. `device` may be NULL (the graph alone is wanted). */
MUST_USE bool technique_graph(const struct technique_set *set, const struct model *model, const struct placement *place,
			      const struct stack *stack, const struct device *device, int stage, struct graph *out, struct arena *arena,
			      struct err *err);

/* The operators hook over a forward graph that is to be trained. */
MUST_USE bool technique_training_graph(const struct technique_set *set, const struct model *model, const struct placement *place, int stage,
				       struct graph *graph, struct arena *arena, struct err *err);

#endif
