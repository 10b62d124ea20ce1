/* The training software: how its kernels are fused, what its host side costs and what it hides. One XML file each. */
#ifndef HARDWARE_TRAINING_STACK_H
#define HARDWARE_TRAINING_STACK_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"

struct training_stack {
	const char *name, *title, *aliases, *source;
	double dispatch_s;             /* host time of one operator: Python, dispatch, its kernels; the device cannot be faster */
	double step_s;                 /* once a step: data, logging, loss scaling, optimizer's own launches */
	bool eager_attention;          /* products, softmax and mask as kernels of their own */
	bool eager_sinks;              /* attention with learned sinks has no fused kernel */
	bool fused;                    /* norms, activations and masks are one kernel each */
	bool streaming;                /* they run at the rate of memory, not at that measured in serving engines */
	bool fused_experts;            /* a product of all experts is one kernel, with activation and casts; tokens are sorted by the exchange */
	bool separate_casts;           /* 8- and 4-bit products have their operands cast by kernels of their own */
	bool narrow_dispatch;          /* tokens travel to 8-bit experts in 8 bits */
	bool dropout;
	bool selective_half;           /* selective recomputation remakes every second product and what lies between (torch's policy) */
	double logit_bytes;            /* memory of one logit: logits in 16 and 32 bits, their gradients unless computed in place */
	bool once_a_node;              /* expert exchanges send a token to each node once */
	double attention_backward;     /* backward over forward time of FlashAttention */
	double tp_overlap;             /* share of tensor collectives hidden behind products */
	double ep_overlap;             /* share of expert exchanges that hides behind another micro-batch, where they overlap */
	double dp_overlap;             /* share of gradient and weight traffic that may hide behind arithmetic, where there is some */
	bool ring_even;                /* context parallel: ranks have equal shares of causal attention (zigzag) */
	double contention;             /* slowdown of arithmetic while a collective runs beside it */
	double attention_flop_s_most, gemm_flop_s_most;        /* what its attention kernels and matrix products reach on any device; 0 = as measured */
	double gemm_share, attention_share, elementwise_share, comm_share;     /* of the rates that single operators were measured at */
	double grad_bytes;             /* of one gradient as it is kept and reduced */
	double grad_sweeps;            /* times that the step's end reads or writes every gradient: unscale, norm, clip, zero */
	double message_s;              /* host time of a pipeline message that both ends wait for; 0: messages go beside arithmetic */
	bool messages_wait;            /* so do both ends where chunks are not interleaved, without that host time */
	bool keeps_outputs;            /* the last stage of a pipeline keeps the logits of all micro-batches of a step */
	bool keeps_edges;              /* a pipeline's chunks keep what they receive, send and its gradients for all micro-batches of a step */
	bool keeps_gathered;           /* sequence parallelism: inputs of products are kept as gathered for the weights' gradients */
	bool sharded_masters;          /* ZeRO-3: what lies sharded are the 32-bit weights of the optimizer, copies are made as they are gathered (FSDP) */
	bool narrow_gather;            /* ZeRO-3: weights of 8-bit products travel and are held gathered in 8 bits */
	double straggler_sigma;        /* spread of a device's step time over its mean */
};
extern const struct element training_stack_element;
MUST_USE const struct training_stack *training_stack_load(const char *name_or_path, struct arena *arena, struct err *err);

#endif
