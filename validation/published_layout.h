/* Parallel degrees as published rows write them: "tp8 ep8", "tp2,pp1", "attnDP4 ep4", "P 2x(tp4) / D 1x(tp1 attnDP8 ep8)". */
#ifndef VALIDATION_PUBLISHED_LAYOUT_H
#define VALIDATION_PUBLISHED_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

struct published_degrees {
	int64_t count, tp, pp, ep, dp, attention_dp;   /* 1 when not said; count: servers of the pool */
};
struct published_layout {
	bool stated, split;            /* split: prefill and decode pools apart */
	struct published_degrees decode, prefill;
};

/* False when the text holds a word that is none of these. */
bool published_layout_read(const char *text, struct published_layout *out);
/* The same in other words: "TP=8, EP 8", "tensor parallel 4", "8 GPUs TP8", "DPA8"; one pool only. False when none of its words is
 * a degree. */
bool published_layout_read_loosely(const char *text, struct published_layout *out);

#endif
