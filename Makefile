# vibee-sim: `make run` and `make test` need nothing before them; everything else is in `make help`.
SHELL := /bin/bash
comma := ,
.DEFAULT_GOAL := all
SAN   ?=
B     := build/$(or $(subst $(comma),-,$(SAN)),plain)
CC    ?= gcc
PREFIX ?= /usr/local
PKGS  := libxml-2.0 sqlite3 jansson zlib libxxhash gsl hwloc OpenCL libmicrohttpd
AREAS := base hardware workloads kernels reports models sim validation
WARN  := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Werror
# What an optimiser leaves undone, as under sanitizers, is no mistake.
WARN  += $(if $(findstring clang,$(CC)),-Wno-pass-failed)
OPT   ?= -O2 -g
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CFLAGS_ALL := -std=c17 -D_POSIX_C_SOURCE=200809L -I. -I$(B) $(WARN) -MMD -MP -ffp-contract=off -fno-math-errno -pthread $(OPT) $(PKG_CFLAGS)
CFLAGS_ALL += -DVIBEE_SHARE='"$(PREFIX)/share/vibee-sim"'
CFLAGS_ALL += $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
LIBS  := -Wl,--as-needed $(PKG_LIBS) -lpapi $(if $(findstring clang,$(CC)),-fopenmp,-lgomp) -lpthread -lm
LDSAN := $(if $(SAN),-fsanitize=$(SAN))
# The event loop crosses many small modules: the program is optimised as a whole when it is linked. Objects hold plain
# code as well, so that tests link fast.
LTO   := $(if $(SAN)$(findstring clang,$(CC)),,-flto=auto)
HOT_OPT := -O3
# The event loop, and what prices an operator.
HOT   := base/% workloads/% sim/% models/graph% $(patsubst %,hardware/%.c,cost device energy fitted operator roofline tables \
	 tables_attention tables_choice tables_cross tables_curve tables_file tables_neighbours tables_read tables_site)

SRC   := $(sort $(wildcard $(addsuffix /*.c,$(AREAS)) $(addsuffix /*/*.c,$(AREAS)) $(addsuffix /*/*/*.c,$(AREAS))))
LIB   := $(SRC:%.c=$(B)/%.o)
CLI   := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard cli/*.c cli/serve/*.c)))
CLI_PARTS := $(filter-out $(B)/cli/main.o,$(CLI))
UNIT  := $(sort $(wildcard tests/unit/test_*.c))
PROP  := $(sort $(wildcard tests/prop/test_*.c))
FUZZ  := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
STRICT := address,undefined
# MPI is a part of its own, opened only under mpirun; without its headers the program works on one machine.
MPI_FLAGS := $(shell pkg-config --cflags --libs ompi-c 2>/dev/null)
MPI_PART  := $(if $(MPI_FLAGS),$(B)/vibee-mpi.so)
COMMIT := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

.PHONY: FORCE release all help deps lib run test check check-long baseline baseline-check bench install uninstall layers unit prop test-san cli-tests browser-test fuzz fuzz-replay golden clean format lint _test _check _run
all: $(B)/vibee-sim $(MPI_PART)
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make run         install what is missing, build, simulate the default scenario, write a report
run:
	@.ci/deps
	@$(MAKE) --no-print-directory _run
_run: $(B)/vibee-sim
	@$< run --report report.html $(ARGS)

## make test        everything CI runs; ends with "N passed, N failed"
test:
	@.ci/deps
	@$(MAKE) --no-print-directory _test
_test:
	@rm -rf build/results; mkdir -p build/results
	@tests/count.sh build $(MAKE) --no-print-directory -k -j$$(nproc) $(B)/vibee-sim $(B)/tests/unit-tests $(B)/tests/prop-tests $(FUZZ); \
	 $(MAKE) --no-print-directory -k lint baseline-check unit prop cli-tests fuzz-replay; \
	 $(MAKE) --no-print-directory browser-test; \
	 $(MAKE) --no-print-directory -k test-san; \
	 STAGES="build layers catalog baseline baseline-libm unit prop cli fuzz browser unit$(STRICT) prop$(STRICT) fuzz$(STRICT)" tests/summary.sh build/results

## make check       the inner loop: -Werror build, unit suites, layers and catalog lint
check:
	@.ci/deps
	@rm -rf build/results; mkdir -p build/results
	@tests/count.sh build $(MAKE) --no-print-directory -k -j$$(nproc) $(B)/vibee-sim $(B)/tests/unit-tests; \
	 $(MAKE) --no-print-directory -k lint unit; STAGES="build layers catalog unit" tests/summary.sh build/results

## make check-long  the long checks: fuzzing, valgrind, clang, a million requests, exactness over many seeds
check-long:
	@.ci/deps long
	@FUZZ_SECONDS=$(or $(SECONDS),300) tests/check-long.sh

## make fuzz TARGET=xml SECONDS=60   search for inputs that break a reader (clang); findings go to build/findings
FUZZ_SAN := fuzzer-no-link,address,undefined
fuzz:
	@test -f tests/fuzz/fuzz_$(TARGET).c || { echo "TARGET=$(TARGET): expected one of $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))" >&2; exit 2; }
	@$(MAKE) --no-print-directory CC=clang SAN=$(FUZZ_SAN) OPT="-O1 -g" build/$(subst $(comma),-,$(FUZZ_SAN))/fuzzers/fuzz_$(TARGET)
	@mkdir -p build/corpus/$(TARGET) build/findings tests/corpus/$(TARGET)
	@build/$(subst $(comma),-,$(FUZZ_SAN))/fuzzers/fuzz_$(TARGET) -max_total_time=$(or $(SECONDS),60) -timeout=20 -rss_limit_mb=3000 \
		-print_final_stats=1 -artifact_prefix=build/findings/$(TARGET)- $(FUZZ_ARGS) build/corpus/$(TARGET) tests/corpus/$(TARGET)

## make bench       speed of the simulator, stored and compared as samples; then of the kernels
bench:
	@.ci/deps
	@$(MAKE) --no-print-directory release
	@$(RELEASE)/vibee-sim bench $(ARGS)
	@$(RELEASE)/vibee-sim bench kernels

## make release     the program as it is installed and timed: the event loop is laid out after a training run (gcc; twice the build)
RELEASE := build/release
TRAINED := $(RELEASE)/trained
HOT_RELEASE := $(patsubst %,$(RELEASE)/%,base workloads models hardware sim)
PROFILE_USE := -fprofile-use -fprofile-partial-training -Wno-missing-profile -Wno-coverage-mismatch -Wno-array-bounds -Wno-maybe-uninitialized
in_release = $(MAKE) --no-print-directory B=$(RELEASE) PROFILE="$(1)" $(RELEASE)/vibee-sim $(if $(MPI_PART),$(RELEASE)/vibee-mpi.so)
release: $(TRAINED)
$(TRAINED): $(SRC) $(wildcard cli/*.c cli/serve/*.c) $(wildcard $(addsuffix /*.h,$(AREAS) cli) $(addsuffix /*/*.h,$(AREAS))) $(wildcard $(addsuffix /*/*.inc,$(AREAS))) Makefile tests/train.sh
	@mkdir -p $(RELEASE); rm -f $@ $(RELEASE)/vibee-sim $(RELEASE)/libvibee.a; find $(RELEASE) -name '*.gcda' -delete
ifneq ($(LTO),)
	@rm -rf $(HOT_RELEASE)
	+@{ $(call in_release,-fprofile-generate -fprofile-update=single) && tests/train.sh $(RELEASE)/vibee-sim; } || \
		echo "release: no training run here; built without"
	@rm -f $(RELEASE)/vibee-sim $(RELEASE)/libvibee.a; find $(HOT_RELEASE) -name '*.o' -delete
endif
	+@$(call in_release,$(if $(LTO),$(PROFILE_USE)))
	@touch $@

## make install     release program, catalogs, man page and bash completion under PREFIX (default /usr/local)
install: release $(MPI_PART)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/vibee-sim $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(RELEASE)/vibee-sim $(DESTDIR)$(PREFIX)/bin/vibee-sim
	$(if $(MPI_PART),install -D -m 755 $(MPI_PART) $(DESTDIR)$(PREFIX)/lib/vibee-sim/vibee-mpi.so)
	for d in $(DATA_FOLDERS); do mkdir -p $(DESTDIR)$(PREFIX)/share/vibee-sim/$$d && cp -r $$d/. $(DESTDIR)$(PREFIX)/share/vibee-sim/$$d/; done
	$(RELEASE)/vibee-sim help --man > $(DESTDIR)$(PREFIX)/share/man/man1/vibee-sim.1
	$(RELEASE)/vibee-sim help --completion > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vibee-sim
DATA_FOLDERS := hardware/devices hardware/systems hardware/stacks hardware/training_stacks hardware/tables $(wildcard hardware/fits) models/llm models/techniques workloads/catalog sim/scenarios sim/jobs reports/templates validation/published validation/collectives validation/modules
uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/bin/vibee-sim $(DESTDIR)$(PREFIX)/lib/vibee-sim $(DESTDIR)$(PREFIX)/share/vibee-sim $(DESTDIR)$(PREFIX)/share/man/man1/vibee-sim.1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vibee-sim

deps:
	@.ci/deps

## make layers      refuse an include that the architecture does not allow
layers:
	@tests/layers.sh

lint: $(B)/vibee-sim
	@tests/count.sh layers tests/layers.sh
	@tests/count.sh catalog $(B)/vibee-sim catalog check

# What a fixed set of scenarios gives, against what it gave when that was last changed on purpose; then again with the library
# functions of a processor without AVX2 and FMA, which round differently: the same to 1e-9.
OTHER_LIBM := GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA
BASELINE := tests/baseline/figures.json
baseline-check: $(B)/vibee-sim
	@tests/count.sh baseline $(B)/vibee-sim compare $(BASELINE) tests/baseline --exact
	@tests/count.sh baseline-libm env $(OTHER_LIBM) $(B)/vibee-sim compare tests/baseline $(BASELINE) --exact --quiet

## make baseline    keep what the fixed scenarios of tests/baseline give now (the commit says why it changed)
baseline: $(B)/vibee-sim
	@$(B)/vibee-sim compare $(BASELINE) tests/baseline || true
	@$(B)/vibee-sim compare tests/baseline --save $(BASELINE)

lib: $(LIB)
$(B)/libvibee.a: $(LIB)
	@rm -f $@; $(if $(LTO),gcc-ar,ar) rcs $@ $^
$(B)/vibee-sim: $(CLI) $(B)/libvibee.a
	@$(CC) $(LDSAN) $(if $(LTO),$(LTO) $(OPT) $(PROFILE)) -o $@ $(CLI) $(B)/libvibee.a $(LIBS)
$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(CFLAGS_ALL) $(if $(LTO),$(if $(filter $(HOT),$<),$(HOT_OPT) $(PROFILE) -flto -ffat-lto-objects)) -c -o $@ $<
# Kernels choose their own instruction sets; which variant runs is decided at run time.
$(B)/kernels/%_avx512.o: CFLAGS_ALL += -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma -mf16c -ffp-contract=fast -O3
$(B)/kernels/%_avx2.o: CFLAGS_ALL += -mavx2 -mfma -mf16c -ffp-contract=fast -O3
$(B)/kernels/%.o: CFLAGS_ALL += -fopenmp
# The texts of OpenCL kernels are part of the object that takes them in.
$(B)/kernels/core/cl_sources.o: $(wildcard kernels/core/*.cl)
$(B)/vibee-mpi.so: cli/mpi/transport_mpi.c sim/plan/team.h
	@mkdir -p $(@D); $(CC) -std=c17 -D_POSIX_C_SOURCE=200809L -I. $(WARN) $(OPT) -fPIC -shared -o $@ $< $(MPI_FLAGS)
# What was built is what a run says it was made by: another commit, another object.
$(B)/cli/version.o: CFLAGS_ALL += -DVIBEE_COMMIT='"$(COMMIT)"'
$(B)/cli/version.o: $(B)/commit
$(B)/commit: FORCE
	@mkdir -p $(@D); echo '$(COMMIT)' > $@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The unit runner lists every tests/unit/test_NAME.c as suite_NAME.
suite_list = ( for f in $(1); do n=$$(basename $$f .c); echo "X($${n\#test_})"; done )
$(B)/tests/unit/suites.h $(B)/tests/prop/suites.h: $(B)/tests/%/suites.h: FORCE
	@mkdir -p $(@D); $(call suite_list,$(sort $(wildcard tests/$*/test_*.c))) > $@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/tests/unit/runner.o $(B)/tests/prop/runner.o: $(B)/tests/%/runner.o: tests/unit/runner.c $(B)/tests/%/suites.h
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS_ALL) -I$(B)/tests/$* -c -o $@ $<
$(B)/tests/unit-tests: $(UNIT:%.c=$(B)/%.o) $(B)/tests/unit/runner.o $(CLI_PARTS) $(B)/libvibee.a
	@$(CC) $(LDSAN) -fno-lto -o $@ $^ -lcunit $(LIBS)
$(B)/tests/prop-tests: $(PROP:%.c=$(B)/%.o) $(B)/tests/prop/runner.o $(B)/libvibee.a
	@$(CC) $(LDSAN) -fno-lto -o $@ $^ -lcunit $(LIBS)
unit: $(B)/tests/unit-tests
	@mkdir -p build/results; $< build/results/unit$(SAN).count $(SUITE)
prop: $(B)/tests/prop-tests
	@mkdir -p build/results; $< build/results/prop$(SAN).count $(SUITE)
test-san:
	@$(MAKE) --no-print-directory -k -j$$(nproc) SAN=$(STRICT) OPT="-O1 -g" FAIL_ALLOCATIONS=30 unit prop fuzz-replay
cli-tests: $(B)/vibee-sim $(MPI_PART)
	@mkdir -p build/results; VIBEE=$(CURDIR)/$(B)/vibee-sim tests/cli/run.sh build/results/cli.count
browser-test: $(B)/vibee-sim
	@mkdir -p build/results; VIBEE=$(CURDIR)/$(B)/vibee-sim tests/browser.sh build/results/browser.count quick
fuzz-replay: $(FUZZ)
	@mkdir -p build/results; FAIL_ALLOCATIONS=$(FAIL_ALLOCATIONS) tests/fuzz/replay.sh $(B)/fuzz build/results/fuzz$(SAN).count
$(B)/fuzzers/%: $(B)/tests/fuzz/%.o $(CLI_PARTS) $(B)/libvibee.a
	@mkdir -p $(@D); $(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/driver.o $(CLI_PARTS) $(B)/libvibee.a
	@mkdir -p $(@D); $(CC) $(LDSAN) -fno-lto -o $@ $^ $(LIBS)
golden: $(B)/vibee-sim $(MPI_PART)
	@VIBEE=$(CURDIR)/$(B)/vibee-sim GOLDEN=write tests/cli/run.sh /dev/null

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')
clean:
	rm -rf build
FORCE:
.SECONDARY:
-include $(LIB:.o=.d) $(CLI:.o=.d) $(UNIT:%.c=$(B)/%.d) $(PROP:%.c=$(B)/%.d) $(wildcard $(B)/tests/fuzz/*.d)
