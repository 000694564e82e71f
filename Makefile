# iomux: `make` builds every stage into build/; `make help` lists the rest.

VERSION := 0.1.0

# CC, CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are for the user. All other variables
# can be set on the command line, but not by the environment.
SHELL    := /bin/bash
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla
BUILD    := build
SANITIZE :=
LIBRARY  :=
V        :=
A        :=
B        :=

override CPPFLAGS += -D_GNU_SOURCE -DIOMUX_VERSION='"$(VERSION)"' -Icommon
override CFLAGS   += -std=gnu17 -pthread $(WARNINGS) $(SANITIZE)
override LDFLAGS  += -pthread $(SANITIZE)

# Does a program that includes this header, and may return this number of it,
# link with this library? A header alone may have no library, or one for another
# machine.
links = $(shell echo 'int main(void) { return $(or $(3),0); }' | $(CC) \
    $(CPPFLAGS) $(CFLAGS) -include $(1) $(LDFLAGS) -x c -o /dev/null - \
    -x none $(2) $(LDLIBS) >/dev/null 2>&1 && echo yes)

# "yes" with a liburing for Linux 6.1, which stage 12 needs. The compiler is not
# asked for the other stages alone, nor after "make URING=".
NO_URING := clean help $(BUILD)/0% $(BUILD)/10-reactor $(BUILD)/11-http
ifneq ($(origin URING),command line)
URING := $(if $(filter-out $(NO_URING),$(or $(MAKECMDGOALS),all)),$(call \
    links,liburing.h,-luring,IORING_SETUP_DEFER_TASKRUN))
endif

STAGES := $(patsubst demos/%.c,%,$(sort $(wildcard demos/[0-9]*.c)))
ifneq ($(URING),yes)
STAGES := $(filter-out 12-io-uring,$(STAGES))
endif

# Compilers and recipes work the same in every locale and shell.
export LC_ALL := C
unexport BASH_ENV CDPATH POSIXLY_CORRECT GREP_OPTIONS GREP_COLORS \
         DEPENDENCIES_OUTPUT SUNPRO_DEPENDENCIES

COMMON := $(patsubst common/%.c,$(BUILD)/common/%.o,$(sort $(wildcard common/*.c)))
# Objects of files that no longer exist would be linked by build/common/*.o.
STALE := $(filter-out $(COMMON),$(wildcard $(BUILD)/common/*.o))
$(if $(STALE),$(shell rm -f $(STALE)))
# ThreadSanitizer has to be told what epoll does.
COMMON += $(if $(findstring thread,$(SANITIZE)),$(BUILD)/tests/tsan.o)
FORCED := $(if $(findstring thread,$(SANITIZE)),-include tests/tsan_uring.h)

# The model of epoll, of the walkthrough's chapter "inside epoll".
MODEL := $(if $(wildcard walkthrough/model),$(BUILD)/model)
# The program of the chapter "who accepts?".
ACCEPTING := $(if $(wildcard walkthrough/accepting),$(BUILD)/accepting)
# The pool of threads with a task queue, of chapter 02.
TASKPOOL := $(if $(wildcard walkthrough/taskpool),$(BUILD)/taskpool)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all book claims demo test bench valgrind sanitize fuzz lint format
.PHONY: compare-code clean help

all: $(STAGES:%=$(BUILD)/%) $(MODEL) $(ACCEPTING) $(TASKPOOL) ## build every stage into build/ (the default)

# A stage is its own file and all of common/. `make V=1` shows the commands.
Q := $(if $(V),,@)

# The stages that use the reactor link it too.
$(BUILD)/10-reactor $(BUILD)/11-http $(BUILD)/tests/reactor: \
                  $(BUILD)/demos/reactor.o
$(BUILD)/11-http: $(BUILD)/demos/http_client.o $(BUILD)/demos/http_reply.o \
                  $(BUILD)/demos/http_request.o

# And stage 12 links liburing.
$(BUILD)/12-io-uring $(BUILD)/bench/untraced-12-io-uring \
    $(BUILD)/valgrind/12-io-uring: LIBRARY := -luring
$(BUILD)/demos/12-io-uring.o: override CPPFLAGS += $(FORCED)

# Valgrind needs a stage 12 that waits in another call.
$(BUILD)/valgrind/12-io-uring: demos/12-io-uring.c tests/valgrind_uring.h \
                               $(COMMON)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -include tests/valgrind_uring.h $(CFLAGS) \
	    $(LDFLAGS) -o $(NEW) $< $(COMMON) $(LIBRARY) $(LDLIBS) $(RENAME)

# Every output is written under a name of its own ($$$$ is the number of the
# shell) and then renamed, so that two makes at the same time never read half a
# file of each other.
NEW    = $@.new.$$$$
RENAME = && mv -f $(NEW) $@ || { rm -f $(NEW); false; }

# One sentence, once, on a system that cannot compile iomux.
CHECKED := $(BUILD)/requirements$(subst /,-,$(CC:%=-%)).ok
CHECKED := $(subst $() ,,$(CHECKED))

$(CHECKED): common/requirements.h
	$(Q)mkdir -p $(@D)
	$(Q)errors=$$($(CC) -E $(CPPFLAGS) -o /dev/null $< 2>&1) || { \
	    sentence=$$(sed -n 's/.*error: \(#error \)*"\(.*\)"/\2/p; T; q' \
	        <<<"$$errors"); \
	    echo "$${sentence:-$$errors}" >&2; exit 1; }
	$(Q)touch $@

$(BUILD)/%: $(BUILD)/demos/%.o $(COMMON)
	$(Q)$(CC) $(LDFLAGS) -o $(NEW) $^ $(LIBRARY) $(LDLIBS) $(RENAME)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(COMMON)
	$(Q)$(CC) $(LDFLAGS) -o $(NEW) $^ $(LDLIBS) $(RENAME)

$(BUILD)/%.o: %.c Makefile | $(CHECKED)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MT $@ -MF $(NEW).d -c \
	    -o $(NEW) $< && mv -f $(NEW).d $(@:.o=.d) $(RENAME)

CLAIMS := $(patsubst walkthrough/claims/%.c,%,$(sort $(wildcard walkthrough/claims/*.c)))

claims: $(CLAIMS:%=$(BUILD)/claims/%) ## build the programs of walkthrough/claims/

# A claim is one file and a header or two; scripts/claims runs them. The samples
# in Python lie beside the programs.
SAMPLES := $(patsubst walkthrough/%,$(BUILD)/%,$(wildcard walkthrough/claims/*.py))

$(SAMPLES): $(BUILD)/%: walkthrough/%
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $(NEW) $(RENAME)

$(BUILD)/claims/%: walkthrough/claims/%.c $(wildcard walkthrough/claims/*.h) \
                   Makefile | $(CHECKED) $(SAMPLES)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $(NEW) $< $(LIBRARY) \
	    $(LDLIBS) $(RENAME)

$(BUILD)/claims/uring-%: LIBRARY := -luring
ifneq ($(URING),yes)
# It is older than its source, so it is built as soon as liburing is there.
$(BUILD)/claims/uring-%: walkthrough/claims/uring-%.c
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '#!/bin/sh' 'echo "not tried: liburing is missing"' \
	    'exit 77' >$(NEW) && chmod +x $(NEW) && touch -d @0 $(NEW) $(RENAME)
endif

$(BUILD)/model: $(patsubst %.c,$(BUILD)/%.o,$(wildcard walkthrough/model/*.c))
	$(Q)$(CC) $(LDFLAGS) -o $(NEW) $^ $(LDLIBS) $(RENAME)

$(BUILD)/accepting: $(BUILD)/walkthrough/accepting/accepting.o
	$(Q)$(CC) $(LDFLAGS) -o $(NEW) $^ $(LDLIBS) $(RENAME)

$(BUILD)/taskpool: $(BUILD)/walkthrough/taskpool/taskpool.o
	$(Q)$(CC) $(LDFLAGS) -o $(NEW) $^ $(LDLIBS) $(RENAME)

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/walkthrough/*/*.d)
-include tests/bench/rules.mk

demo: ## build stage 06 and play the shortest scenario
	@scripts/demo

test: ## all tests (installs the tools that they need)
	@scripts/test

bench: bench-programs ## what a message costs in every stage, beside libraries
	@scripts/bench

book: ## README and walkthrough as a site: build/book/index.html
	@scripts/book

valgrind: ## the tests that run every stage under Valgrind
	@scripts/test valgrind

sanitize: ## every stage under the sanitizers: threads, addresses, UB
	@scripts/test --extra sanitize_threads sanitize_addresses

fuzz: ## a minute of libFuzzer on each parser: scenarios, HTTP
	@scripts/fuzz 60

lint: ## shellcheck, clang-format, cppcheck, two compilers
	@scripts/test --extra lint

format: ## format the C code as .clang-format says
	find demos common tests walkthrough -name '*.[ch]' \
	    -exec clang-format -i {} +

compare-code: ## the diff of two stages without their headers: A=05 B=06
	@scripts/compare-code "$(A)" "$(B)"

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24
