# The ready workflow files: their compare step, taken out of the file and run in a repository as the README describes it.
set -eu
mkdir bin scenarios
ln -s "$VIBEE" bin/vibee-sim
export PATH="$PWD/bin:$PATH" BASELINE=scenarios/baseline.json SCENARIOS=scenarios CI_PROJECT_DIR=$PWD
echo '<scenario><workload name="chat" requests="50" qps="1"/></scenario>' >scenarios/chat.xml

# The lines below "name: compare" / "script:", up to the next key; the installed program's folder is this test's.
github=$(awk '/- name: compare$/ { on = 1; next } on && /run: \|/ { take = 1; next } take && /^      - / { exit } take' "$ROOT/.ci/workflows/github-actions.yml")
gitlab=$(awk '/^  script:/ { take = 1; next } take && /^  [a-z_]+:/ { exit } take { sub(/^ *- /, ""); print }' "$ROOT/.ci/workflows/gitlab-ci.yml")
for step in github gitlab; do
	case $step in github) text=$github ;; *) text=$gitlab ;; esac
	echo "$text" | grep -q 'vibee-sim compare' || { echo "$step: no compare step found"; exit 1; }
	rm -f serving.* "$BASELINE"
	bash -ec "$text" >out 2>&1 && { echo "$step: passed without a baseline"; exit 1; }
	grep -q "$BASELINE: no such file" out
	vibee-sim compare scenarios --save "$BASELINE"
	bash -ec "$text" >out 2>&1 || { cat out; exit 1; }
	xmllint --noout --relaxng "$ROOT/tests/data/junit.rng" serving.xml
	grep -q 'no difference' serving.md
	grep -q '</html>' serving.html
	sed -i.kept 's/<workload/<hardware host_overhead="0.05"\/>&/' scenarios/chat.xml
	bash -ec "$text" >out 2>&1 && { echo "$step: a regression passed"; exit 1; }
	head -1 serving.md | grep -q '^<!-- vibee-sim compare -->$'
	[ $step = gitlab ] || grep -q '^::error file=scenarios/chat.xml,' out
	mv scenarios/chat.xml.kept scenarios/chat.xml
done
