# iomux: `make` builds every stage into build/; `make help` lists the rest.

VERSION := 0.1.0

SHELL    := /bin/bash
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla
BUILD    ?= build
SANITIZE ?=

override CPPFLAGS += -D_GNU_SOURCE -DIOMUX_VERSION='"$(VERSION)"' -Icommon
override CFLAGS   += -std=gnu17 -pthread $(WARNINGS) $(SANITIZE)
override LDFLAGS  += -pthread $(SANITIZE)

STAGES := $(patsubst demos/%.c,%,$(sort $(wildcard demos/[0-9]*.c)))

COMMON := $(patsubst common/%.c,$(BUILD)/common/%.o,$(sort $(wildcard common/*.c)))
# ThreadSanitizer has to be told what epoll does.
COMMON += $(if $(findstring thread,$(SANITIZE)),$(BUILD)/tests/tsan.o)

# The model of epoll, of the walkthrough's chapter "inside epoll".
MODEL := $(if $(wildcard walkthrough/model),$(BUILD)/model)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all claims demo test bench valgrind sanitize fuzz lint format
.PHONY: compare-code clean help

all: $(STAGES:%=$(BUILD)/%) $(MODEL) ## build every stage into build/ (the default)

# A stage is its own file and all of common/. `make V=1` shows the commands.
Q := $(if $(V),,@)

# Those that stand on the reactor link it, too.
$(BUILD)/10-reactor $(BUILD)/11-http $(BUILD)/tests/reactor: \
                  $(BUILD)/demos/reactor.o
$(BUILD)/11-http: $(BUILD)/demos/http_client.o $(BUILD)/demos/http_reply.o \
                  $(BUILD)/demos/http_request.o

$(BUILD)/%: $(BUILD)/demos/%.o $(COMMON)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(COMMON)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/%.o: %.c Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

CLAIMS := $(patsubst walkthrough/claims/%.c,%,$(sort $(wildcard walkthrough/claims/*.c)))

claims: $(CLAIMS:%=$(BUILD)/claims/%) ## build the programs of walkthrough/claims/

# A claim is one file and a header; scripts/claims runs them.
$(BUILD)/claims/%: walkthrough/claims/%.c walkthrough/claims/claim.h Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/model: $(BUILD)/walkthrough/model/play.o \
                $(BUILD)/walkthrough/model/eventpoll.o
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/walkthrough/*/*.d)
-include tests/bench/rules.mk

demo: ## build and run stage 06 with three clients
	@scripts/demo

test: ## all tests (installs what they need)
	@scripts/test

bench: bench-programs ## what a message costs in every stage, beside libraries
	@scripts/bench

valgrind: ## the tests that run every stage under Valgrind
	@scripts/test valgrind

sanitize: ## every stage under the sanitizers: threads, addresses, UB
	@scripts/test --extra sanitize_threads sanitize_addresses

fuzz: ## a minute of libFuzzer on each parser: scenarios, HTTP
	@scripts/fuzz 60

lint: ## shellcheck, clang-format, cppcheck, two compilers
	@scripts/test --extra lint

format: ## bring the C code into the form of .clang-format
	find demos common tests walkthrough -name '*.[ch]' \
	    -exec clang-format -i {} +

compare-code: ## the diff of two stages without their headers: A=05 B=06
	@scripts/compare-code "$(A)" "$(B)"

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24
