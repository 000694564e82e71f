# rules.mk - the programs of the benchmark: its tools, and the peers whose
# library is there (scripts/setup bench installs them all).

# Is there a header of this name?
found = $(firstword $(wildcard /usr/include/$(1) /usr/local/include/$(1)))

TOOLS := load dispatch trace_cost
# Stages without their trace, to see what it costs.
UNTRACED := $(addprefix untraced-,$(filter 06-% 07-% 08-%,$(STAGES)))
PEERS := bare edge
PEERS += $(if $(call found,event2/event.h),libevent bufferevent)
PEERS += $(if $(call found,uv.h),libuv)
PEERS += $(if $(call found,ev.h),libev)
PEERS += $(if $(call found,liburing.h),io_uring)

.PHONY: bench-programs
bench-programs: all $(addprefix $(BUILD)/bench/,$(TOOLS) $(PEERS) $(UNTRACED))

$(BUILD)/bench/libevent $(BUILD)/bench/bufferevent: LIBRARY := -levent_core
$(BUILD)/bench/libuv: LIBRARY := -luv
$(BUILD)/bench/libev: LIBRARY := -lev
$(BUILD)/bench/io_uring: LIBRARY := -luring

$(BUILD)/bench/untraced-%: demos/%.c tests/bench/untraced.h $(COMMON)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -include tests/bench/untraced.h $(CFLAGS) \
	    $(LDFLAGS) -o $@ $< $(COMMON)

$(BUILD)/bench/%: tests/bench/%.c tests/bench/rules.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/bench/%: tests/bench/peers/%.c tests/bench/peers/peer.h \
                  tests/bench/rules.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBRARY)
