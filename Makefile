# iomux: `make` builds every stage into build/; `make help` lists the rest.

VERSION := 0.1.0

CC       ?= cc
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla
BUILD    ?= build
SANITIZE ?=

override CPPFLAGS += -D_GNU_SOURCE -DIOMUX_VERSION='"$(VERSION)"' -Icommon
override CFLAGS   += -std=gnu17 -pthread $(WARNINGS) $(SANITIZE)
override LDFLAGS  += -pthread $(SANITIZE)

STAGES := $(patsubst demos/%.c,%,$(sort $(wildcard demos/[0-9]*.c)))
COMMON := $(patsubst common/%.c,$(BUILD)/common/%.o,$(wildcard common/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all demo test valgrind sanitize lint format compare-code clean help

all: $(STAGES:%=$(BUILD)/%) ## build every stage

$(BUILD)/%: $(BUILD)/demos/%.o $(COMMON)
	$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/*/*.d)
