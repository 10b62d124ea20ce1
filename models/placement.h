/* How a model lies on devices: parallel degrees and number formats. Plain data. */
#ifndef MODELS_PLACEMENT_H
#define MODELS_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "hardware/operator.h"

struct placement {
	int64_t tp, pp, ep, cp;        /* tensor, pipeline, expert, context parallel degrees (>= 1) */
	int64_t dp_attention;          /* attention data-parallel ranks inside one replica (1 = off); experts span them all */
	enum dtype weights;            /* GEMM weights (and arithmetic) */
	enum dtype gate_up;            /* gate and up projections of dense feed-forward parts; NONE = weights */
	enum dtype experts;            /* routed experts; NONE = weights */
	enum dtype attention;          /* attention projections; NONE = weights */
	enum dtype recurrent;          /* projections of recurrent mixers; NONE = weights */
	enum dtype router;             /* the router's product; NONE = activations */
	enum dtype head;               /* embedding and LM head; NONE = bf16 */
	enum dtype kv;                 /* KV cache; NONE = activations */
	enum dtype activations;        /* between operators, collectives; NONE = bf16 */
	double expert_imbalance;       /* hottest rank's tokens over the mean; 0 = derived from the routing model */
	bool wide_dispatch;            /* tokens travel to their experts in the activations' format, whatever the experts compute in */
	double routing_skew;           /* power-law exponent of expert popularity, 0 = uniform */
	int devices_per_node;          /* scale-up domain */
	bool sequence_parallel;

	/* Chips that hold their weights in SRAM form one long pipeline with many tokens in it at once. */
	int64_t chain;                 /* devices (tp groups) in a row; 1 = no such pipeline */
	int64_t stages;                /* stages of it, each with a token or more: the devices, or regions on them; 0 = chain */
	double weights_near, weights_far;      /* shares of the weights kept in SRAM, and streamed from the next memory tier */
	bool bare_ends;                /* the first and the last stage may hold nothing but embedding and LM head */
	bool heavy_end;                /* behind the last stage's layers stands more than the head: see placement_layers */
};

/* Devices of one replica: tp * pp * chain * cp * dp_attention (ep lies inside tp * dp_attention). */
int64_t placement_devices(const struct placement *p);

struct model;
/* The placement with every number format said: NONE becomes what the checkpoint has (struct model_format), then the
 * defaults above; degrees below 1 become 1. */
void placement_resolve(const struct model *model, const struct placement *p, struct placement *out);

/* Refuses (ERR_INPUT) what no engine can run: pp above the layers, ep that does not divide tp * dp_attention or the
 * experts, more tensor ranks than heads. Takes a resolved placement. */
MUST_USE bool placement_check(const struct model *model, const struct placement *p, struct err *err);

/* Layers of a pipeline stage: as even as can be, and what is left over goes to the stages before the last, which has
 * the LM head already (as vLLM deals them out). With a heavy end those before it are filled to the mean rounded up and the last
 * one takes the rest, possibly none (Megatron-Bridge's layouts of DeepSeek-V3 with multi-token prediction: 61 = 15 x 4 + 1). */
void placement_layers(const struct model *model, const struct placement *p, int stage, int64_t *first, int64_t *count);

/* Tokens of the hottest expert-parallel rank over the mean when expert popularity follows rank^-skew and experts lie on
 * ranks in no particular order: mean over many orders, the same on every call. 1 when ep = 1 or skew = 0. */
double routing_imbalance(int64_t experts, int64_t top_k, int64_t ep, double skew);

#endif
