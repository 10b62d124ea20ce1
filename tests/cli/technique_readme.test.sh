#!/usr/bin/env bash
# The example of models/techniques/README.md, followed: prints what went wrong.
set -eu
file=$(mktemp -d)/window_v9999.xml
sed -n '/<technique id="window_v9999"/,/<\/technique>/p' "$VIBEE_SIM_HOME/models/techniques/README.md" | sed 's/^    //' > "$file"
"$VIBEE" catalog check "$file" > /dev/null || { echo "catalog check refuses the example"; exit 1; }
plain=$("$VIBEE" step --model llama-2-7b --device a100 --decodes 16 --context 8192 --json - | sed -n 's/.*"seconds": *\([0-9.]*\).*/\1/p' | head -1)
window=$("$VIBEE" step --model llama-2-7b --device a100 --decodes 16 --context 8192 --with "$file" --json - | sed -n 's/.*"seconds": *\([0-9.]*\).*/\1/p' | head -1)
awk -v p="$plain" -v w="$window" 'BEGIN { exit !(w > 0 && w < p / 1.5) }' || { echo "the window brings nothing: $plain -> $window"; exit 1; }
