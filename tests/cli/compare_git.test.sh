# compare git:REVISION in a small repository whose "program" is a script: what is built, asked, cleaned up and refused.
set -eu
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null TMPDIR=$PWD/tmp
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
mkdir tmp repo set
cd repo
git init -q -b main .

refused() { # what it says, arguments ...
	local says=$1 got=0
	shift
	"$VIBEE" compare "$@" >out 2>err || got=$?
	[ $got = 2 ] || { echo "$*: exit status $got, expected 2"; cat err; exit 1; }
	grep -v '^building' err >one || true
	[ "$(wc -l <one)" = 1 ] || { echo "$*: not one line"; cat err; exit 1; }
	grep -qF "$says" one || { echo "$*: does not say: $says"; cat one; exit 1; }
	[ -z "$(ls "$TMPDIR")" ] || { echo "$*: left $(ls "$TMPDIR")"; exit 1; }
}

# The program of a revision: writes a run of vibee.run/1 with the throughput of this revision; knows no compare --save.
program() { # throughput
	cat >program.sh <<-EOS
		#!/bin/sh
		[ "\$1" = run ] || { echo "unknown" >&2; exit 2; }
		[ -z "\${VIBEE_SIM_HOME:-}" ] || exit 3
		while [ "\$1" != --json ]; do shift; done
		echo '{"schema":"vibee.run/1","title":"x","scenario":{},"metrics":{"output_throughput":$1}}' >"\$2"
	EOS
	printf 'build/plain/vibee-sim: program.sh\n\tmkdir -p build/plain; cp program.sh $@; chmod +x $@\n' >Makefile
	git add -A
	git commit -qm "$1"
}
echo '<scenario/>' >../set/one.xml
echo '<scenario/>' >../set/two.xml
program 100
git tag old
program 90

"$VIBEE" compare git:old git:main --set ../set >out 2>err && { echo "a lower throughput passed"; exit 1; } || [ $? = 1 ]
grep -q '2 cases compared: 0 better, 2 worse' out
grep -q 'revision old' out
"$VIBEE" compare git:main git:old --set ../set >out 2>err
grep -q '2 better, 0 worse' out
[ -z "$(ls "$TMPDIR")" ]
[ "$(git worktree list | wc -l)" = 1 ]

refused 'git:nix: no such revision' git:nix git:old --set ../set
refused 'git:--help: no such revision' git:--help git:old --set ../set
refused 'no *.xml in it' git:old git:main --set "$TMPDIR"
printf 'build/plain/vibee-sim:\n\t@echo "x.c:1: error: expected ;"; exit 1\n' >Makefile
git commit -qam broken
refused 'does not build: x.c:1: error: expected ;' git:HEAD git:old --set ../set
cp "$VIBEE" ./sim
mkdir ../bin
for tool in sh rm make; do ln -s "$(command -v $tool)" ../bin/$tool; done
got=0
PATH=$PWD/../bin ./sim compare git:old --set ../set 2>err || got=$?
[ $got = 2 ] && grep -q 'git is not installed' err
