#include "reports/chrome_trace.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "reports/decimal.h"
#include "reports/outfile.h"
#include "reports/utf8.h"

struct chrome_trace {
	struct outfile *file;
	bool begun;                    /* an event was written: the next one needs a comma */
};

static void add(struct chrome_trace *t, const char *text)
{
	outfile_add(t->file, text, strlen(text));
}

static void add_int(struct chrome_trace *t, const char *key, int64_t value)
{
	char buf[DECIMAL_MOST];

	add(t, key);
	outfile_add(t->file, buf, (size_t)(decimal_int(buf, value) - buf));
}

static void add_number(struct chrome_trace *t, const char *key, double value)
{
	char buf[DECIMAL_MOST];

	add(t, key);
	if (isfinite(value))
		outfile_add(t->file, buf, (size_t)(decimal_number(buf, value) - buf));
	else
		add(t, "null");
}

static void add_text(struct chrome_trace *t, const char *key, const char *text)
{
	add(t, key);
	add(t, "\"");
	for (size_t n; text && *text; text += n) {
		uint32_t c = utf8_next(text, &n);

		if (c == '"' || c == '\\')
			add(t, "\\");
		if (c < 0x20 || c == 0x7f)
			add(t, " ");
		else if (c == 0xfffd)
			add(t, "\xef\xbf\xbd");
		else
			outfile_add(t->file, text, n);
	}
	add(t, "\"");
}

static void begin(struct chrome_trace *t, const char *phase, const char *name, int64_t pid)
{
	add(t, t->begun ? ",\n{\"ph\":\"" : "\n{\"ph\":\"");
	t->begun = true;
	add(t, phase);
	add_text(t, "\",\"name\":", name);
	add_int(t, ",\"pid\":", pid);
}

static void end(struct chrome_trace *t, const struct trace_arg *args, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_text(t, i ? "," : ",\"args\":{", args[i].key);
		if (args[i].text)
			add_text(t, ":", args[i].text);
		else
			add_number(t, ":", args[i].number);
	}
	add(t, count ? "}}" : "}");
}

struct chrome_trace *chrome_trace_open(const char *path, struct err *err)
{
	struct chrome_trace *t = mem_calloc(1, sizeof(*t));

	if (!t) {
		err_memory(err);
		return NULL;
	}
	t->file = outfile_open(path, err);
	if (!t->file) {
		mem_free(t);
		return NULL;
	}
	add(t, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	return t;
}

void chrome_trace_process(struct chrome_trace *t, int64_t pid, const char *name)
{
	begin(t, "M", "process_name", pid);
	end(t, &(struct trace_arg){ .key = "name", .text = name }, 1);
	begin(t, "M", "process_sort_index", pid);
	end(t, &(struct trace_arg){ .key = "sort_index", .number = (double)pid }, 1);
}

void chrome_trace_thread(struct chrome_trace *t, int64_t pid, int64_t tid, const char *name)
{
	begin(t, "M", "thread_name", pid);
	add_int(t, ",\"tid\":", tid);
	end(t, &(struct trace_arg){ .key = "name", .text = name }, 1);
	begin(t, "M", "thread_sort_index", pid);
	add_int(t, ",\"tid\":", tid);
	end(t, &(struct trace_arg){ .key = "sort_index", .number = (double)tid }, 1);
}

void chrome_trace_complete(struct chrome_trace *t, int64_t pid, int64_t tid, const char *name, const char *category,
			   double start_s, double duration_s, const struct trace_arg *args, size_t arg_count)
{
	begin(t, "X", name, pid);
	add_int(t, ",\"tid\":", tid);
	add_text(t, ",\"cat\":", category);
	add_number(t, ",\"ts\":", start_s * 1e6);
	add_number(t, ",\"dur\":", duration_s * 1e6);
	end(t, args, arg_count);
}

void chrome_trace_span(struct chrome_trace *t, int64_t pid, int64_t id, const char *name, const char *category,
		       double start_s, double duration_s, const struct trace_arg *args, size_t arg_count)
{
	for (int last = 0; last < 2; last++) {
		begin(t, last ? "e" : "b", name, pid);
		add_int(t, ",\"tid\":0,\"id\":\"", id);
		add_text(t, "\",\"cat\":", category);
		add_number(t, ",\"ts\":", (start_s + (last ? duration_s : 0)) * 1e6);
		end(t, args, last ? 0 : arg_count);
	}
}

void chrome_trace_instant(struct chrome_trace *t, int64_t pid, int64_t tid, const char *name, double at_s,
			  const struct trace_arg *args, size_t arg_count)
{
	begin(t, "i", name, pid);
	add_int(t, ",\"tid\":", tid);
	add_number(t, ",\"s\":\"t\",\"ts\":", at_s * 1e6);
	end(t, args, arg_count);
}

void chrome_trace_counter(struct chrome_trace *t, int64_t pid, const char *name, double at_s,
			  const struct trace_arg *args, size_t arg_count)
{
	begin(t, "C", name, pid);
	add_number(t, ",\"ts\":", at_s * 1e6);
	end(t, args, arg_count);
}

bool chrome_trace_close(struct chrome_trace *t, struct err *err)
{
	bool ok;

	add(t, "\n]}\n");
	ok = outfile_close(t->file, err);
	mem_free(t);
	return ok;
}

void chrome_trace_abandon(struct chrome_trace *t)
{
	if (!t)
		return;
	outfile_abandon(t->file);
	mem_free(t);
}
