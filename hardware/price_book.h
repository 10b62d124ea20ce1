/* Operators that were priced before, and their prices: what a search of many like deployments asks again and again. Any
 * number of threads may use one book; whoever finds nothing prices the operator and writes it down. Since a price depends on
 * the operator alone, it does not matter who was first. */
#ifndef HARDWARE_PRICE_BOOK_H
#define HARDWARE_PRICE_BOOK_H

#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"

struct price_book;
MUST_USE struct price_book *price_book_new(struct err *err);
void price_book_free(struct price_book *book);                 /* NULL is fine */

/* The price written down for an operator of these figures (without a law of its own). False: none is. */
bool price_book_find(struct price_book *book, const struct op *op, struct op_cost *out);

/* Writes it down; not when the book is full or memory is out, which only means that it will be priced again. */
void price_book_put(struct price_book *book, const struct op *op, const struct op_cost *cost);

#endif
