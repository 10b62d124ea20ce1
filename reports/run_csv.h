/* One CSV line a request, written while requests complete: --requests-csv. */
#ifndef REPORTS_RUN_CSV_H
#define REPORTS_RUN_CSV_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "reports/result.h"

/*
 * Columns: request_id,arrival_s,prompt_tokens,output_tokens,queue_s,ttft_s,tpot_s,e2e_s,replica,preemptions. Times have
 * 15 significant digits; tpot_s is empty for outputs of one token. "-" is standard output, a name ending in ".gz" is
 * compressed, any other file is there whole or not at all.
 */
struct run_csv;
MUST_USE struct run_csv *run_csv_open(const char *path, struct err *err);
void run_csv_row(struct run_csv *csv, const struct request_record *record);         /* failures show at close */
MUST_USE bool run_csv_close(struct run_csv *csv, struct err *err);                  /* frees csv also on failure */
void run_csv_abandon(struct run_csv *csv);                                          /* leaves no file; NULL is fine */

/* All records that a result kept. */
MUST_USE bool run_csv_write(const char *path, const struct result *r, struct err *err);

#endif
