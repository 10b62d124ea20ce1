/* The serving software whose kernels and host overhead are modelled: vllm, sglang, trtllm at named versions. */
#ifndef HARDWARE_STACK_H
#define HARDWARE_STACK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"

/* hardware/stacks/NAME.xml. Host seconds that one iteration adds to the device's work:
 *     host_s = step_s + seq_s * sequences + prefill_seq_s * prefill sequences + token_s * batch tokens
 *            + (launch_s * launches of operators when the batch runs outside a captured graph)
 * and, with overlap (asynchronous scheduling), only what exceeds the device's time is visible, plus visible_s. */
struct stack {
	const char *name, *title, *aliases, *source;
	const char *tables;                    /* names of measured-table stacks to use, in order: "vllm trtllm" */
	const char *contained;                 /* operators that the stack's tables of others hold: "rope kv_append" */
	const char *beside;                    /* parts of a layer that run on a second stream or inside another kernel: "shared_experts" (beside
	                                        * the routed ones), "kv_a_norm" (beside q_a_norm), "reduce_norm" (in the all-reduce before it) */
	int64_t beside_tokens;                 /* in batches of so many tokens at most */
	const char *extra;                     /* kernels of its own that a layer has there: "shared_add" (shared and routed experts are added by one) */
	double step_s, seq_s, prefill_seq_s, token_s, launch_s, visible_s;
	double logit_s;                        /* more of each sequence, for every word of the vocabulary: logits that the host reads back and compares */
	double tp_step_s;                      /* added when tp > 1 (broadcast of inputs, gather of results) */
	double request_s;                      /* once a request, before its first schedule: HTTP, tokenise, enqueue (adds to TTFT) */
	double prompt_token_s;                 /* and for each token of a prompt that comes as text: its tokeniser */
	double handover_s;                     /* from a prefill pool to a decode pool, beside the bytes: router, rendezvous, polling */
	double first_token_s;                  /* detokenise and send: visible to the client on every first token */
	double message_s;                      /* of the one process that sends answers, for each message of a stream (scheduler.stream_interval
	                                        * tokens); what it is behind with, clients wait for. 0 = it never is */
	double rank_wait_s;                    /* in each all-reduce: until the last rank is there (benchmarks of it start all ranks at once) */
	double norm_share;                     /* of a stream's rate that its norms reach on a GPU; 0: what kernels of 2023 did (roofline.c) */
	bool separate_add;                     /* residual additions are kernels of their own, not part of the norms */
	double expert_share;                   /* of the rate that tables of other software show, what its 4-bit experts reach; 0 = all */
	bool narrow_streams;                   /* decode attention reads 8-bit caches as fast as 16-bit ones (XQA); tables of other software are asked so */
	bool narrow_operands;                  /* norms, activations and attention write what the next product reads: it quantises nothing itself */
	bool gathers;                          /* requests of one instant are all seen before a batch is formed */
	bool overlap;                          /* asynchronous scheduling hides host time behind device time */
	int64_t graph_max_tokens;              /* batches up to this many tokens run as a captured graph (padded), 0 = none */
	bool graph_prefill;                    /* also batches with prompts run captured (but for attention) */
	double graph_launch_share;             /* of the kernels of such a batch with prompts, those that the host launches beside the graph */
	int64_t graph_granularity;             /* captured sizes: 1, 2, 4, then multiples of this */
	int64_t graph_fine_tokens;             /* up to so many tokens; larger sizes double up to the largest. 0: multiples throughout */
};
extern const struct element stack_element;
MUST_USE const struct stack *stack_load(const char *name_or_path, struct arena *arena, struct err *err);

#endif
