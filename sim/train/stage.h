/* What one micro-batch costs on each chunk of the model: the operators priced, collectives and host time beside them. */
#ifndef SIM_TRAIN_STAGE_H
#define SIM_TRAIN_STAGE_H

#include "sim/train/pipeline.h"
#include "sim/train/setup.h"

/* Sums over a pass or a rank. */
struct train_account {
	double part_s[PHASE_COUNT][PART_COUNT];        /* device time; collectives: what is not hidden */
	double host_s;                 /* that the launches add to it */
	double gather_s;               /* ZeRO-3: weights that had to be waited for */
	double offload_s;              /* weights and activations of host memory that had to be waited for */
	double flops, bytes;           /* of one device */
	double provider_s[PROVIDER_COUNT], error_s;
};

/* One micro-batch on part of a chunk, before it is known what it shares its passes with: parts add up. */
struct train_raw {
	double device_s[PHASE_COUNT], open_s[PHASE_COUNT], launches[PHASE_COUNT];      /* open: collectives that nothing hides */
	double tail_s, tail_launches;  /* of the forward pass: LM head and loss, after all layers */
	struct train_account account;
};

struct train_chunk {
	struct chunk_time time;
	double idle_s[PASS_COUNT];     /* of each pass that the device waits for the host to launch */
	struct train_account account;  /* one micro-batch through all passes */
	double gather_step_s;          /* ZeRO 1, 2: weights gathered after the optimizer, once a step */
};

/* Prices all chunks; chunks that are alike are priced once. out: s->pp * s->vp entries (two copies: pp). */
MUST_USE bool train_price_chunks(const struct train_setup *s, struct train_chunk *out, struct arena *arena, struct err *err);

/* The steps of it: operators of one chunk; the time of the passes they make; what its gradients and weights cost to move
 * between data ranks, and to and from host memory (activations: bytes of a micro-batch). */
MUST_USE bool train_price_arithmetic(const struct train_setup *s, int chunk, struct train_raw *out, struct arena *arena, struct err *err);
void train_raw_add(struct train_raw *sum, const struct train_raw *part);
void train_price_passes(const struct train_setup *s, const struct train_raw *raw, struct train_chunk *out);
double train_price_send(const struct train_setup *s);
void train_price_traffic(const struct train_setup *s, const struct training_parameters *n, int64_t layers, struct train_chunk *out);
void train_price_host(const struct train_setup *s, const struct training_parameters *n, double activations, struct train_chunk *out);
/* Bytes a second of a device's link to its host. */
double train_host_rate(const struct train_setup *s);

#endif
