#include "workloads/workload.h"

#include <math.h>
#include <string.h>

#include "base/paths.h"
#include "base/str.h"
#include "workloads/trace.h"

#define AT(holder, member) offsetof(struct holder, member)
#define TEXT(attribute, holder, member, text)                                                                          \
	{                                                                                                              \
		.name = attribute, .type = FIELD_TEXT, .offset = AT(holder, member), .help = text                      \
	}
#define NUMBER(attribute, holder, member, from, to, absent, text)                                                      \
	{                                                                                                              \
		.name = attribute, .type = FIELD_NUMBER, .offset = AT(holder, member), .least = from, .most = to,      \
		.fallback = absent, .help = text                                                                       \
	}
#define INT(attribute, holder, member, from, to, absent, text)                                                         \
	{                                                                                                              \
		.name = attribute, .type = FIELD_INT, .offset = AT(holder, member), .least = from, .most = to,         \
		.fallback = absent, .help = text                                                                       \
	}
#define FLAG(attribute, holder, member, absent, text)                                                                  \
	{                                                                                                              \
		.name = attribute, .type = FIELD_FLAG, .offset = AT(holder, member), .fallback = absent, .help = text  \
	}
#define CHOICE(attribute, holder, member, names, text)                                                                 \
	{                                                                                                              \
		.name = attribute, .type = FIELD_CHOICE, .offset = AT(holder, member), .choices = names, .help = text  \
	}

const char *const spread_names[] = { "none",      "fixed", "uniform",   "lognormal", "exponential",
				     "geometric", "zipf",  "empirical", NULL };
const char *const arrival_names[] = { "auto",          "all-at-once", "poisson", "gamma", "weibull",
				      "deterministic", "mmpp",        "diurnal", "burst", "empirical",
				      "ramp",          "stages",      "profile", NULL };
static const char *const over_names[] = { "drop", "clip", NULL };

static const struct field spread_fields[] = {
	CHOICE("kind", spread, kind, spread_names, "family of the distribution"),
	NUMBER("value", spread, value, 0, 1e12, NULL, "fixed: the value"),
	NUMBER("mean", spread, mean, 0, 1e12, NULL, "exponential, geometric: the mean"),
	NUMBER("least", spread, least, 0, 1e12, NULL, "smallest value; draws below it become it"),
	NUMBER("most", spread, most, 0, 1e12, NULL, "largest value; draws above it become it"),
	NUMBER("mu", spread, mu, -100, 100, NULL, "lognormal: mean of the natural logarithm"),
	NUMBER("sigma", spread, sigma, 0, 20, NULL, "lognormal: standard deviation of the natural logarithm"),
	NUMBER("theta", spread, theta, 0, 20, NULL, "zipf: exponent"),
	TEXT("quantiles", spread, quantiles, "empirical: share:value pairs from share 0 to 1, linear between them"),
};
#define SPREAD(element, holder, member, text)                                                                          \
	{                                                                                                              \
		.name = element, .fields = spread_fields, .field_count = COUNT_OF(spread_fields),                      \
		.offset = AT(holder, member), .size = sizeof(struct spread), .help = text                              \
	}

static const struct element prompt_element = SPREAD("prompt_tokens", workload, prompt, "prompt lengths");
static const struct element output_element = SPREAD("output_tokens", workload, output, "answer lengths");
static const struct element total_element =
	SPREAD("total_tokens", workload, total, "prompt and answer together, split by prompt_share");
static const struct element gap_element = SPREAD("gap_s", arrivals, gap_s, "times between arrivals (kind empirical)");
static const struct element turns_element = SPREAD("turns", sessions, turns, "requests of one session");
static const struct element think_element =
	SPREAD("think_s", sessions, think_s, "time from an answer to the next question");
static const struct element overlap_element =
	SPREAD("overlap", prefixes, overlap, "repeated part, as a share of the prompt");
static const struct element distance_element =
	SPREAD("distance", prefixes, distance, "how many requests ago the repeated one came");
static const struct element class_prompt_element =
	SPREAD("prompt_tokens", workload_class, prompt, "prompt lengths of this class");
static const struct element class_output_element =
	SPREAD("output_tokens", workload_class, output, "answer lengths of this class");

static const struct field stage_fields[] = {
	{ .name = "duration_s",
	  .type = FIELD_NUMBER,
	  .offset = AT(stage, duration_s),
	  .least = 1e-6,
	  .most = 1e12,
	  .required = true,
	  .help = "length of the stage" },
	{ .name = "qps",
	  .type = FIELD_NUMBER,
	  .offset = AT(stage, qps),
	  .least = 0,
	  .most = 1e9,
	  .required = true,
	  .help = "mean rate in the stage" },
};
static const struct element stage_element = {
	.name = "stage",
	.fields = stage_fields,
	.field_count = COUNT_OF(stage_fields),
	.offset = AT(arrivals, stages),
	.size = sizeof(struct stage),
	.repeated = true,
	.count_offset = AT(arrivals, stage_count),
	.help = "one stage of kind stages",
};

static const struct field arrivals_fields[] = {
	CHOICE("kind", arrivals, kind, arrival_names, "how requests arrive; auto = as the trace says, else poisson"),
	NUMBER("cv", arrivals, cv, 0, 1000, "1",
	       "coefficient of variation of gaps (gamma, weibull, and under varying rates); 1 = Poisson"),
	FLAG("rescale", arrivals, rescale, "no",
	     "scale all gaps so that the last arrival is at requests / qps, as vLLM's benchmark does"),
	NUMBER("burst_ratio", arrivals, burst_ratio, 1, 1e6, NULL, "mmpp, burst: high rate over low rate"),
	NUMBER("burst_share", arrivals, burst_share, 0, 1, NULL, "mmpp: share of time at the high rate"),
	NUMBER("burst_s", arrivals, burst_s, 0, 1e9, NULL,
	       "mmpp: mean stay at the high rate; burst: length of a burst"),
	NUMBER("period_s", arrivals, period_s, 0, 1e12, NULL, "diurnal, burst: length of a cycle"),
	NUMBER("amplitude", arrivals, amplitude, 0, 1, "0.5", "diurnal: swing around the mean rate"),
	NUMBER("phase_s", arrivals, phase_s, -1e12, 1e12, "0", "diurnal: time of the upward crossing of the mean"),
	NUMBER("start_qps", arrivals, start_qps, 0, 1e9, NULL, "ramp: rate at time 0"),
	NUMBER("end_qps", arrivals, end_qps, 0, 1e9, NULL, "ramp: rate at ramp_s and after"),
	NUMBER("ramp_s", arrivals, ramp_s, 0, 1e12, NULL, "ramp: length of the ramp"),
	TEXT("profile", arrivals, profile,
	     "profile: rates of consecutive windows, repeated; with qps only their ratios count"),
	NUMBER("window_s", arrivals, window_s, 0, 1e12, NULL, "profile: length of one window"),
	NUMBER("quantum_s", arrivals, quantum_s, 0, 1e9, "0",
	       "arrivals are rounded down to multiples of this; 0 = exact"),
};
static const struct element arrivals_element = {
	.name = "arrivals",
	.fields = arrivals_fields,
	.field_count = COUNT_OF(arrivals_fields),
	.children = (const struct element *const[]){ &gap_element, &stage_element, NULL },
	.offset = AT(workload, arrivals),
	.size = sizeof(struct arrivals),
	.help = "when requests arrive",
};

static const struct field class_fields[] = {
	{ .name = "name",
	  .type = FIELD_TEXT,
	  .offset = AT(workload_class, name),
	  .required = true,
	  .help = "short name of the class" },
	NUMBER("share", workload_class, share, 0, 1e12, "1", "weight of the class among requests"),
	INT("priority", workload_class, priority, -1000000, 1000000, "0", "smaller = more urgent"),
	NUMBER("cv", workload_class, cv, 0, 1000, NULL,
	       "own arrival stream with gaps of this variation; absent: the common stream"),
};
static const struct element class_element = {
	.name = "class",
	.fields = class_fields,
	.field_count = COUNT_OF(class_fields),
	.children = (const struct element *const[]){ &class_prompt_element, &class_output_element, NULL },
	.offset = AT(workload, classes),
	.size = sizeof(struct workload_class),
	.repeated = true,
	.count_offset = AT(workload, class_count),
	.help = "one kind of request in a mix",
};

static const struct field sessions_fields[] = {
	FLAG("grows", sessions, grows, "yes", "a turn's prompt holds the whole conversation before it"),
	INT("users", sessions, users, 0, 100000000, "0",
	    "this many sessions take turns at the arrivals; 0 = by think time"),
	FLAG("waits", sessions, waits, "no", "a user's next request waits for the answer to the one before (needs users)"),
	FLAG("repeats", sessions, repeats, "no", "each user sends one and the same prompt at every turn (needs users, grows=no)"),
	INT("max_context", sessions, max_context, 0, 1000000000, "0",
	    "a session ends before its context passes this many tokens; 0 = no limit"),
};
static const struct element sessions_element = {
	.name = "sessions",
	.fields = sessions_fields,
	.field_count = COUNT_OF(sessions_fields),
	.children = (const struct element *const[]){ &turns_element, &think_element, NULL },
	.offset = AT(workload, sessions),
	.size = sizeof(struct sessions),
	.help = "conversations: requests that follow each other",
};

static const struct field prefixes_fields[] = {
	INT("block_tokens", prefixes, block_tokens, 1, 1048576, "16", "tokens of one block of prompt identity"),
	NUMBER("shared_tokens", prefixes, shared_tokens, 0, 1e9, "0", "tokens of a system prompt"),
	INT("shared_prompts", prefixes, shared_prompts, 1, 10000000, "1", "number of different system prompts"),
	NUMBER("shared_zipf", prefixes, shared_zipf, 0, 20, "0",
	       "popularity exponent among system prompts; 0 = all alike"),
	NUMBER("shared_share", prefixes, shared_share, 0, 1, "1",
	       "share of requests (of sessions, if any) that begin with a system prompt"),
	FLAG("shared_added", prefixes, shared_added, "yes",
	     "the system prompt is added to the drawn prompt length; no: it is part of it"),
	NUMBER("reuse_share", prefixes, reuse_share, 0, 1, "0",
	       "share of requests that repeat the start of an earlier one"),
};
static const struct element prefixes_element = {
	.name = "prefixes",
	.fields = prefixes_fields,
	.field_count = COUNT_OF(prefixes_fields),
	.children = (const struct element *const[]){ &overlap_element, &distance_element, NULL },
	.offset = AT(workload, prefixes),
	.size = sizeof(struct prefixes),
	.help = "what prompts have in common",
};

#define RECORD(attribute, member, text) NUMBER(attribute, fit_record, member, 0, 0, NULL, text)
static const struct field fit_fields[] = {
	TEXT("trace", fit_record, trace, "the trace that was fitted"),
	TEXT("licence", fit_record, licence, "its licence"),
	TEXT("source", fit_record, source, "where it comes from"),
	TEXT("method", fit_record, method, "how the figures below were computed"),
	INT("rows", fit_record, rows, 0, INT64_C(1000000000000), "0", "requests of the trace"),
	RECORD("prompt_ks", prompt_ks, "Kolmogorov-Smirnov distance of prompt lengths, generated against trace"),
	RECORD("output_ks", output_ks, "same for answer lengths"),
	RECORD("gap_ks", gap_ks, "same for times between arrivals"),
	RECORD("prompt_mean_error", prompt_mean_error, "relative error of the mean prompt"),
	RECORD("output_mean_error", output_mean_error, "relative error of the mean answer"),
	RECORD("prompt_p95_error", prompt_p95_error, "relative error of the 95th percentile of prompts"),
	RECORD("output_p95_error", output_p95_error, "relative error of the 95th percentile of answers"),
	RECORD("gap_cv_trace", gap_cv_trace, "coefficient of variation of gaps in the trace"),
	RECORD("gap_cv_fit", gap_cv_fit, "same, generated"),
	RECORD("window_cv_trace", window_cv_trace, "coefficient of variation of arrivals in windows of 10 s, trace"),
	RECORD("window_cv_fit", window_cv_fit, "same, generated"),
	RECORD("correlation_trace", correlation_trace, "rank correlation of prompt and answer lengths, trace"),
	RECORD("correlation_fit", correlation_fit, "same, generated"),
	RECORD("hit_share_trace", hit_share_trace, "share of prompt tokens found in an unbounded prefix cache, trace"),
	RECORD("hit_share_fit", hit_share_fit, "same, generated"),
};
static const struct element fit_element = {
	.name = "fit",
	.fields = fit_fields,
	.field_count = COUNT_OF(fit_fields),
	.offset = AT(workload, fit),
	.size = sizeof(struct fit_record),
	.help = "distance between this generator and the trace it was fitted to",
};

static const struct field workload_fields[] = {
	TEXT("name", workload, name, "short lower-case name"),
	TEXT("title", workload, title, "one line for people"),
	TEXT("source", workload, source, "where the figures come from"),
	NUMBER("qps", workload, qps, 1e-9, 1e9, NULL,
	       "mean arrival rate, requests/s; a trace is stretched or squeezed to it"),
	INT("requests", workload, requests, 0, INT64_C(1000000000000), "0",
	    "at most this many requests; 0 = all of a trace"),
	INT("concurrency", workload, concurrency, 0, 100000000, "0",
	    "closed loop: this many requests in flight; 0 = open loop"),
	FLAG("paced", workload, paced, "no", "closed loop: requests also wait for their arrival time"),
	NUMBER("duration_s", workload, duration_s, 0, 1e12, NULL, "no arrivals after this time"),
	TEXT("trace", workload, trace, "trace file, or a folder of ServeGen clients"),
	CHOICE("trace_format", workload, trace_format, trace_format_names,
	       "format of the trace; auto = told by its content"),
	NUMBER("time_scale", workload, time_scale, 1e-9, 1e9, "1", "arrival times of a trace are multiplied by this"),
	NUMBER("prompt_scale", workload, prompt_scale, 1e-6, 1e6, "1", "prompt lengths are multiplied by this"),
	NUMBER("output_scale", workload, output_scale, 1e-6, 1e6, "1", "answer lengths are multiplied by this"),
	NUMBER("from_s", workload, from_s, 0, 1e12, "0", "skip the part of a trace before this time"),
	INT("max_model_len", workload, max_model_len, 0, 1000000000, "0",
	    "prompt + answer at most, tokens; 0 = no limit"),
	CHOICE("over_length", workload, over_length, over_names, "what happens to requests over max_model_len"),
	FLAG("repeat", workload, repeat, "no", "start the trace again at its end"),
	NUMBER("chars_per_token", workload, chars_per_token, 0.1, 100, "4",
	       "bytes of text per token where a trace has text only"),
	NUMBER("prompt_share", workload, prompt_share, 0, 1, "0.5", "part of total_tokens that is prompt"),
	NUMBER("correlation", workload, correlation, -1, 1, "0",
	       "of the normal scores of prompt and answer lengths (Gaussian copula)"),
	INT("adapters", workload, adapters, 0, 1000000, "0", "number of LoRA adapters; 0 = none"),
	NUMBER("adapter_zipf", workload, adapter_zipf, 0, 20, "0", "popularity exponent among adapters; 0 = all alike"),
};
const struct element workload_element = {
	.name = "workload",
	.fields = workload_fields,
	.field_count = COUNT_OF(workload_fields),
	.children = (const struct element *const[]){ &arrivals_element, &prompt_element, &output_element,
						     &total_element, &class_element, &sessions_element,
						     &prefixes_element, &fit_element, NULL },
	.size = sizeof(struct workload),
	.help = "traffic: a trace or a generator of requests",
};

bool workload_defaults(struct workload *w, struct arena *arena, struct err *err)
{
	return schema_defaults(&workload_element, w, arena, err);
}

const char *const *workload_names(size_t *count, struct arena *arena, struct err *err)
{
	const char *folder = paths_data("workloads/catalog", arena, err);

	*count = 0;
	return folder ? paths_list(folder, ".xml", count, arena, err) : NULL;
}

static const char *catalog_path(const char *name, struct arena *arena, struct err *err)
{
	const char *const *names, *near, *path;
	size_t count;

	path = paths_data("workloads/catalog", arena, err);
	if (!path)
		return NULL;
	names = paths_list(path, ".xml", &count, arena, err);
	if (!names)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (text_equal_fold(names[i], name))
			return arena_printf(arena, "%s/%s.xml", path, names[i]);
	near = text_nearest(name, names, count);
	err_set(err, ERR_INPUT, "no workload '%s'%s%s%s", name,
		near ? "; did you mean '" : "; see 'vibee-sim workload list'", near ? near : "", near ? "'?" : "");
	return NULL;
}

struct workload *workload_load(const char *name, struct arena *arena, struct err *err)
{
	struct workload *w = arena_alloc(arena, sizeof(*w));
	const char *path = name, *slash;
	char *folder;

	if (!w) {
		err_memory(err);
		return NULL;
	}
	if (!strchr(name, '/') && !text_ends(name, ".xml"))
		path = catalog_path(name, arena, err);
	if (!path || !schema_load(path, &workload_element, w, arena, err))
		return NULL;
	slash = strrchr(path, '/');
	folder = arena_strdup(arena, slash ? path : ".");
	if (!folder) {
		err_memory(err);
		return NULL;
	}
	if (slash)
		folder[slash - path] = '\0';
	w->folder = folder;
	return w;
}
