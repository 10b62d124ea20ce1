#include "reports/run_csv.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "reports/decimal.h"
#include "reports/outfile.h"

struct run_csv {
	struct outfile *file;
};

static const char header[] =
	"request_id,arrival_s,prompt_tokens,output_tokens,queue_s,ttft_s,tpot_s,e2e_s,replica,preemptions\n";

struct run_csv *run_csv_open(const char *path, struct err *err)
{
	struct run_csv *csv = mem_calloc(1, sizeof(*csv));

	if (!csv) {
		err_memory(err);
		return NULL;
	}
	csv->file = outfile_open(path, err);
	if (!csv->file) {
		mem_free(csv);
		return NULL;
	}
	outfile_add(csv->file, header, strlen(header));
	return csv;
}

void run_csv_row(struct run_csv *csv, const struct request_record *r)
{
	char *start = outfile_room(csv->file, 11 * (DECIMAL_MOST + 1)), *p = start;

	p = decimal_int(p, r->id);
	*p++ = ',';
	p = decimal_number(p, r->arrival_s);
	*p++ = ',';
	p = decimal_int(p, r->prompt_tokens);
	*p++ = ',';
	p = decimal_int(p, r->output_tokens);
	*p++ = ',';
	p = decimal_number(p, r->queue_s);
	*p++ = ',';
	p = decimal_number(p, r->ttft_s);
	*p++ = ',';
	p = decimal_number(p, r->output_tokens > 1 ? r->tpot_s : NAN);
	*p++ = ',';
	p = decimal_number(p, r->e2e_s);
	*p++ = ',';
	p = decimal_int(p, r->replica);
	*p++ = ',';
	p = decimal_int(p, r->preemptions);
	*p++ = '\n';
	outfile_advance(csv->file, (size_t)(p - start));
}

bool run_csv_close(struct run_csv *csv, struct err *err)
{
	bool ok = outfile_close(csv->file, err);

	mem_free(csv);
	return ok;
}

void run_csv_abandon(struct run_csv *csv)
{
	if (!csv)
		return;
	outfile_abandon(csv->file);
	mem_free(csv);
}

bool run_csv_write(const char *path, const struct result *r, struct err *err)
{
	struct run_csv *csv = run_csv_open(path, err);

	if (!csv)
		return false;
	for (size_t i = 0; i < r->record_count; i++)
		run_csv_row(csv, &r->records[i]);
	return run_csv_close(csv, err);
}
