# rules.mk - the programs of the benchmark: its tools, and the peers whose
# library is installed (scripts/setup bench installs them all).

TOOLS := load dispatch trace_cost
# Stages without their trace, to see what it costs.
UNTRACED := $(addprefix untraced-,$(filter 06-% 07-% 08-% 12-%,$(STAGES)))
PEERS := bare edge
# Only a make of the benchmark has to know.
ifneq ($(filter bench bench-programs $(BUILD)/bench/%,$(MAKECMDGOALS)),)
PEERS += $(if $(call links,event2/event.h,-levent_core),libevent bufferevent)
PEERS += $(if $(call links,uv.h,-luv),libuv)
PEERS += $(if $(call links,ev.h,-lev),libev)
PEERS += $(if $(URING),io_uring)
endif

.PHONY: bench-programs
bench-programs: all $(addprefix $(BUILD)/bench/,$(TOOLS) $(PEERS) $(UNTRACED))

$(BUILD)/bench/libevent $(BUILD)/bench/bufferevent: LIBRARY := -levent_core
$(BUILD)/bench/libuv: LIBRARY := -luv
$(BUILD)/bench/libev: LIBRARY := -lev
$(BUILD)/bench/io_uring: LIBRARY := -luring

$(BUILD)/bench/untraced-%: demos/%.c tests/bench/untraced.h $(COMMON)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -include tests/bench/untraced.h $(CFLAGS) \
	    $(LDFLAGS) -o $(NEW) $< $(COMMON) $(LIBRARY) $(LDLIBS) $(RENAME)

$(BUILD)/bench/%: tests/bench/%.c tests/bench/rules.mk | $(CHECKED)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $(NEW) $< $(LDLIBS) $(RENAME)

$(BUILD)/bench/%: tests/bench/peers/%.c tests/bench/peers/peer.h \
                  tests/bench/rules.mk | $(CHECKED)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $(NEW) $< $(LIBRARY) \
	    $(LDLIBS) $(RENAME)
