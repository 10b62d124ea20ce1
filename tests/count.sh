#!/usr/bin/env bash
# Runs a command as one test: name, command ...; leaves its verdict in build/results.
name=$1; shift
mkdir -p build/results
if "$@"; then echo "1 0" >"build/results/$name.count"; else echo "0 1" >"build/results/$name.count"; exit 1; fi
