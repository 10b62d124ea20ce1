# A catalog whose table is broken: said in one line by what needs it, of no matter to what does not.
set -eu
root=$VIBEE_SIM_HOME
mkdir -p home/hardware/tables/h100/vllm home/sim home/workloads home/models
ln -s "$root"/models/* home/models/ && ln -s "$root"/workloads/* home/workloads/ && ln -s "$root"/sim/* home/sim/
for folder in "$root"/hardware/*/; do
	[ "$(basename "$folder")" = tables ] || ln -s "$folder" home/hardware/
done
ln -s "$root"/hardware/tables/h100/vllm/attention_*.csv home/hardware/tables/h100/vllm/
sed '/^bf16/{s/,/,x/;:a;n;ba}' "$root"/hardware/tables/h100/vllm/gemm.csv >home/hardware/tables/h100/vllm/gemm.csv
export VIBEE_SIM_HOME=$PWD/home

"$VIBEE" op attention_decode --heads 32 --kv-heads 8 --head-dim 128 --batch 4 --kv-len 1000 --device h100 >out.txt
for command in "op gemm --m 64 --n 4096 --k 4096 --device h100" "run --requests 5 --no-store" "step" "train gpt2-124m --device h100 --no-store"; do
	status=0
	"$VIBEE" $command >out.txt 2>err.txt || status=$?
	[ $status = 2 ] || { echo "$command: exit status $status"; cat err.txt; exit 1; }
	grep -q 'tables/h100/vllm/gemm.csv:[0-9]*: .*expected a number' err.txt || { echo "$command:"; cat err.txt; exit 1; }
	[ "$(wc -l <err.txt)" = 1 ]
done
