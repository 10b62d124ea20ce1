/* The table of hardware/devices/NAME.xml. */
#include "hardware/device.h"

#include "hardware/exec.h"

const char *const device_status_names[] = { "shipping", "cloud", "in-house", "eol", "announced", NULL };
const char *const device_kind_names[] = {
	"gpu", "tpu", "trainium", "lpu", "wafer", "dataflow", "bsp", "mesh", "mtia", "gaudi", "cpu", NULL
};
const char *const price_kind_names[] = { "on-demand", "reserved-3y", "own-hyperscaler", "own-neocloud", "buy", NULL };

#define TEXT(name, member, help) { name, FIELD_TEXT, AT(member), 0, 0, 0, false, NULL, NULL, help }
#define NUMBER(name, member, si, least, most, help) \
	{ name, FIELD_NUMBER, AT(member), si, least, most, false, NULL, NULL, help }
#define INTEGER(name, member, most, help) { name, FIELD_INT, AT(member), 0, 0, most, false, NULL, NULL, help }
#define FLAG(name, member, help) { name, FIELD_FLAG, AT(member), 0, 0, 0, false, "no", NULL, help }
#define SOURCE { "source", FIELD_TEXT, AT(source), 0, 0, 0, true, NULL, NULL, "where the figures come from" }
#define GIB 1073741824.0

#define AT(member) offsetof(struct device_peak, member)
#define PEAK(name, dtype, unit) NUMBER(name, flop_s[dtype], 1e12, 1e-3, 1e6, "dense " unit)
static const struct field peak_fields[] = {
	PEAK("fp64_tflops", DTYPE_FP64, "TFLOP/s"), PEAK("fp32_tflops", DTYPE_FP32, "TFLOP/s, vector units"),
	PEAK("tf32_tflops", DTYPE_TF32, "TFLOP/s"), PEAK("bf16_tflops", DTYPE_BF16, "TFLOP/s"),
	PEAK("fp16_tflops", DTYPE_FP16, "TFLOP/s; absent = as bf16"), PEAK("fp8_tflops", DTYPE_FP8, "TFLOP/s"),
	PEAK("int8_tops", DTYPE_INT8, "Tera-operations/s"), PEAK("int4_tops", DTYPE_INT4, "Tera-operations/s"),
	PEAK("fp6_tflops", DTYPE_FP6, "TFLOP/s"), PEAK("fp4_tflops", DTYPE_FP4, "TFLOP/s"),
	SOURCE, TEXT("note", note, "what to know about them"),
};
static const struct element peak_element = {
	.name = "peak", .fields = peak_fields, .field_count = COUNT_OF(peak_fields),
	.offset = offsetof(struct device, peak),
	.size = sizeof(struct device_peak), .help = "peak arithmetic rates; a missing format has no units",
};
#undef AT

#define AT(member) offsetof(struct device_memory, member)
static const struct field memory_fields[] = {
	TEXT("type", type, "HBM3, GDDR6, DDR5 ..."),
	NUMBER("gib", bytes, GIB, 1e-3, 1e7, "capacity on the data sheet"),
	NUMBER("visible_gib", visible_bytes, GIB, 1e-3, 1e7, "capacity that a program can allocate"),
	NUMBER("gb_s", bytes_s, 1e9, 1e-3, 1e8, "peak bandwidth"),
	SOURCE,
};
static const struct element memory_element = {
	.name = "memory", .fields = memory_fields, .field_count = COUNT_OF(memory_fields),
	.offset = offsetof(struct device, memory),
	.size = sizeof(struct device_memory), .help = "where weights and KV cache live",
};
static const struct element memory2_element = {
	.name = "memory2", .fields = memory_fields, .field_count = COUNT_OF(memory_fields),
	.offset = offsetof(struct device, memory2),
	.size = sizeof(struct device_memory), .help = "the next tier, at the rate the device reaches it",
};
#undef AT

#define AT(member) offsetof(struct device_sram, member)
static const struct field sram_fields[] = {
	NUMBER("mb", bytes, 1e6, 1e-3, 1e6, "caches and scratch memory on the chip"),
	NUMBER("gb_s", bytes_s, 1e9, 1e-3, 1e9, "their rate"),
	SOURCE, TEXT("note", note, "what it consists of"),
};
static const struct element sram_element = {
	.name = "sram", .fields = sram_fields, .field_count = COUNT_OF(sram_fields),
	.offset = offsetof(struct device, sram),
	.size = sizeof(struct device_sram), .help = "memory on the chip",
};
#undef AT

#define AT(member) offsetof(struct device_units, member)
static const struct field units_fields[] = {
	TEXT("name", name, "SM, CU, MXU, core ..."),
	INTEGER("count", count, 1e7, "units that work on tiles of their own"),
	NUMBER("clock_mhz", clock_hz, 1e6, 1, 1e5, "clock of the peak figures"),
	INTEGER("tile_m", tile_m, 65536, "rows that a matrix unit works on at once"),
	INTEGER("tile_n", tile_n, 65536, "columns"),
	INTEGER("tile_k", tile_k, 65536, "depth"),
	NUMBER("exp_per_clock", exp_per_clock, 1, 0.01, 1e6, "exponentials of a unit in a clock"),
	NUMBER("cast8_ops", cast8_ops, 1, 0.01, 1e4, "vector instructions a lane to widen an 8-bit float that the matrix units do not take"),
	INTEGER("decode_blocks", decode_blocks, 1024, "blocks of decode attention that a unit holds at once"),
	INTEGER("cast8_rows", cast8_rows, 65536, "queries of attention that share a widened key"),
	SOURCE,
};
static const struct element units_element = {
	.name = "units", .fields = units_fields, .field_count = COUNT_OF(units_fields),
	.offset = offsetof(struct device, units),
	.size = sizeof(struct device_units), .help = "what tiles of a matrix product are handed to",
};
#undef AT

#define AT(member) offsetof(struct device_submission, member)
static const struct field submission_fields[] = {
	{ "kernel_us", FIELD_NUMBER, AT(kernel_s), 1e-6, 0, 1e6, true, NULL, NULL, "host time of one kernel" },
	SOURCE,
};
static const struct element submission_element = {
	.name = "submission", .fields = submission_fields, .field_count = COUNT_OF(submission_fields),
	.offset = offsetof(struct device, submission),
	.size = sizeof(struct device_submission), .help = "how kernels reach the device, where software captures no graphs",
};
#undef AT

#define AT(member) (offsetof(struct execution, member))
static const struct field execution_fields[] = {
	{ "kind", FIELD_CHOICE, AT(kind), 0, 0, 0, true, NULL, exec_kind_names, "the execution model" },
	{ "fusion", FIELD_CHOICE, AT(fusion), 0, 0, 0, false, "none", fusion_names, "operators that are joined into one kernel" },
	{ "cached_weights", FIELD_CHOICE, AT(cached_weights), 0, 0, 0, false, "no", cached_weights_names,
	  "whether weights stay in the SRAM between steps" },
	FLAG("activations_on_chip", activations_on_chip, "activations stay in the SRAM between kernels"),
	FLAG("streams", streams, "devices form a pipeline of tokens, each with its own weights"),
	FLAG("regions", regions, "layers on one device do so, too, each in a part of it"),
	FLAG("together", together, "the devices of a system serve one replica unless told otherwise"),
	FLAG("spills", spills, "weights that do not fit stream from memory2"),
	INTEGER("bucket_tokens", bucket_tokens, 1 << 20, "compiled shapes: rows padded to powers of two, at least these"),
	INTEGER("bucket_context", bucket_context, 1 << 20, "the same of cached tokens"),
	INTEGER("block_context", block_context, 1 << 20, "cached tokens are padded to multiples of this"),
	INTEGER("ranks", ranks, 4096, "cores that take a tensor rank each"),
	NUMBER("load_gb_s", load_bytes_s, 1e9, 1e-3, 1e9, "weights enter the matrix units at most this fast, all together"),
	INTEGER("bank_cores", bank_cores, 4096, "cores beside memory banks, which alone work on products of one tile of rows"),
	NUMBER("interleaved", interleaved, 1, 0.01, 1, "share of the memory's rate for products dealt over all cores"),
	INTEGER("shared_exponent", shared_exponent, 4096, "8-bit floats are blocks of so many values with one exponent, a byte"),
	INTEGER("load_rows", load_rows, 65536, "loading a tile of weights takes as long as streaming so many rows"),
	NUMBER("noc_gb_s", noc_bytes_s, 1e9, 1e-3, 1e9, "network on the chip, all units together"),
	NUMBER("hop_ns", hop_s, 1e-9, 0, 1e6, "from a unit to its neighbour"),
	NUMBER("add_ns", add_s, 1e-9, 0, 1e6, "a unit adds its part to a sum that passes by"),
	NUMBER("depth_ns", depth_s, 1e-9, 0, 1e6, "latency of one dependent operator inside a kernel"),
	NUMBER("sync_ns", sync_s, 1e-9, 0, 1e6, "barrier over all units"),
	NUMBER("reserved_mb", reserved_bytes, 1e6, 0, 1e5, "programs and buffers; absent = as serving software on GPUs"),
	NUMBER("rel_error", rel_error, 1, 0.001, 10, "median error against published runs of such devices"),
	TEXT("stack", stack, "whose host time counts when no stack is asked for"),
	SOURCE, TEXT("note", note, "what to know about them"),
};
static const struct element execution_element = {
	.name = "execution", .fields = execution_fields, .field_count = COUNT_OF(execution_fields),
	.offset = offsetof(struct device, execution),
	.size = sizeof(struct execution), .help = "how the device executes operators, where not as a GPU",
};
#undef AT

#define LINK_ELEMENT(id, title, text) \
	static const struct element id##_element = { \
		.name = title, .fields = link_fields, .field_count = LINK_FIELD_COUNT, \
		.offset = offsetof(struct device, id), .size = sizeof(struct link), .help = text }
LINK_ELEMENT(scale_up, "scale_up", "links inside the node, rack or pod");
LINK_ELEMENT(scale_out, "scale_out", "network between nodes, this device's share");
LINK_ELEMENT(host, "host", "link to the host's memory");

#define AT(member) offsetof(struct device_power, member)
static const struct field power_fields[] = {
	NUMBER("tdp_w", tdp_w, 1, 0.1, 1e6, "board power limit"),
	NUMBER("idle_w", idle_w, 1, 0, 1e6, "drawn with nothing to do"),
	NUMBER("busy_w", busy_w, 1, 0, 1e6, "fitted: while kernels run that move and compute nothing"),
	NUMBER("memory_w", memory_w, 1, 0, 1e6, "fitted: added when memory runs at its peak"),
	NUMBER("compute_w", compute_w, 1, 0, 1e6, "fitted: added at peak arithmetic; grows with the square root"),
	NUMBER("allin_w", allin_w, 1, 0.1, 1e6, "with its share of host, network and facility"),
	SOURCE,
};
static const struct element power_element = {
	.name = "power", .fields = power_fields, .field_count = COUNT_OF(power_fields),
	.offset = offsetof(struct device, power),
	.size = sizeof(struct device_power), .help = "electrical power",
};
#undef AT

#define AT(member) offsetof(struct device_price, member)
static const struct field price_fields[] = {
	{ "kind", FIELD_CHOICE, AT(kind), 0, 0, 0, true, NULL, price_kind_names, "how the device is paid for" },
	NUMBER("usd", usd, 1, 0, 1e9, "of one device, when bought"),
	NUMBER("usd_per_h", usd_per_h, 1, 0, 1e6, "of one device"),
	TEXT("date", date, "when this price was seen"),
	SOURCE,
};
static const struct element price_element = {
	.name = "price", .fields = price_fields, .field_count = COUNT_OF(price_fields),
	.offset = offsetof(struct device, prices),
	.size = sizeof(struct device_price), .repeated = true, .count_offset = offsetof(struct device, price_count),
	.help = "what one device costs",
};
#undef AT

#define AT(member) offsetof(struct device_efficiency, member)
static const struct field efficiency_fields[] = {
	{ "dtype", FIELD_CHOICE, AT(dtype), 0, 0, 0, false, "none", dtype_names, "the format it holds for; none = all" },
	NUMBER("gemm", gemm, 1, 0.001, 1, "share of peak of large matrix products"),
	NUMBER("attention_prefill", attention_prefill, 1, 0.001, 1, "share of peak of prefill attention"),
	NUMBER("attention_decode", attention_decode, 1, 0.001, 1, "share of bandwidth of decode attention"),
	NUMBER("memory", memory, 1, 0.001, 1, "share of bandwidth when streaming"),
	NUMBER("launch_us", launch_s, 1e-6, 0, 1e6, "fixed time of one kernel"),
	SOURCE,
};
static const struct element efficiency_element = {
	.name = "efficiency", .fields = efficiency_fields, .field_count = COUNT_OF(efficiency_fields),
	.offset = offsetof(struct device, efficiencies), .size = sizeof(struct device_efficiency), .repeated = true,
	.count_offset = offsetof(struct device, efficiency_count), .help = "what software was measured to reach",
};
#undef AT

#define AT(member) offsetof(struct device, member)
static const struct field device_fields[] = {
	{ "name", FIELD_TEXT, AT(name), 0, 0, 0, true, NULL, NULL, "a short lower-case name, as the file's" },
	TEXT("title", title, "what its vendor calls it"),
	TEXT("aliases", aliases, "other names, separated by blanks"),
	TEXT("vendor", vendor, "who makes it"),
	TEXT("generation", generation, "architecture"),
	INTEGER("year", year, 2100, "of first shipment, or announced"),
	{ "status", FIELD_CHOICE, AT(status), 0, 0, 0, false, "shipping", device_status_names, "can one get it?" },
	{ "kind", FIELD_CHOICE, AT(kind), 0, 0, 0, false, "gpu", device_kind_names, "execution model" },
	TEXT("fits_of", fits_of, "measured devices that answer where this one was not, nearest first"),
	TEXT("note", note, "what to know about the figures"),
	TEXT("source", source, "where the entry as a whole comes from"),
};
static const struct element *const device_children[] = {
	&peak_element, &memory_element, &memory2_element, &sram_element, &units_element, &submission_element, &execution_element, &scale_up_element,
	&scale_out_element, &host_element, &power_element, &price_element, &efficiency_element, NULL
};
const struct element device_element = {
	.name = "device", .fields = device_fields, .field_count = COUNT_OF(device_fields), .children = device_children,
	.size = sizeof(struct device), .help = "one accelerator, or one host that computes with its CPUs",
};
