# AIConfigurator's tables of whole MLA modules to validation/modules/mla.csv: a coarse grid of DeepSeek-V3's, columns as there.
#   LC_ALL=C awk -f validation/modules/mla.awk SYSTEM/mla_*_module_perf__*.csv ... | LC_ALL=C sort -t, -k1,1 -k2,2 -k3,3 -k4,4 -k5,5 -k6n -k7n -k8n -k9n
BEGIN {
	FS = OFS = ","
	split("a100_sxm a100 h100_sxm h100 h200_sxm h200 b200_sxm b200 gb200 gb200 gb300 gb300 rtx_pro_6000_server rtx-pro-6000", pair, " ")
	for (i = 1; i in pair; i += 2)
		device[pair[i]] = pair[i + 1]
	format["bfloat16"] = "bf16"; format["fp8"] = "fp8"; format["fp8_block"] = "fp8_block"; format["nvfp4"] = "fp4"
	split("8 16 32 64 128", list, " ")
	for (i in list)
		heads[list[i]]
}
# Powers of four and the largest batch: neighbours say little more.
function on_grid(n)
{
	for (; n > 1 && n % 4 == 0; n /= 4);
	return n == 1
}
FNR == 1 {
	n = split(FILENAME, path, "/")
	split(path[n], name, "__")
	split(name[2], version, "_")
	decode = name[1] ~ /generation/
	delete at
	for (i = 1; i <= NF; i++)
		at[$i] = i
	next
}
{
	kv = "kv_cache_dtype" in at ? $at["kv_cache_dtype"] : "bfloat16"
	new = decode ? 1 : $at["isl"]
	cached = decode ? $at["step"] : 0
	if (("model" in at && $at["model"] != "deepseek-ai/DeepSeek-V3") || ("mla_dtype" in at && $at["mla_dtype"] != "bfloat16") ||
	    !($at["num_heads"] in heads) || !on_grid($at["batch_size"]) || !on_grid(new) || (decode ? !on_grid(cached) || cached < 16 : new < 16))
		next
	print device[path[n - 1]], version[1], decode ? "decode" : "prefill", format[$at["gemm_type"]], format[kv], $at["num_heads"],
		$at["batch_size"], new, cached, $at["latency_us"]
}
