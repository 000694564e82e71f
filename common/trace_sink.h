/*
 * trace_sink.h - where the lines of the trace go: standard output, a file with
 * JSON Lines, and a ring of the last lines in memory.
 *
 * Only common/ includes this file. trace.h declares the functions of
 * trace_sink.c that others use.
 */
#ifndef IOMUX_TRACE_SINK_H
#define IOMUX_TRACE_SINK_H

#include "trace.h"
#include "trace_format.h"

/* Opens the sinks. Called by trace_start(). */
void sink_open(const struct trace_options *options);

/* Closes them, so that nothing is written any more. */
void sink_close(void);

/* Returns true if a line would go to at least one of the sinks. */
bool sink_is_open(void);

/* Returns the options of sink_open(). */
const struct trace_options *sink_options(void);

/*
 * Formats an event and writes it to each sink. The lines of all threads reach
 * each sink in the same order. If a stop was announced, a line "stop" is
 * written first. May be called from any thread.
 */
void sink_write(const struct trace_event *event);

/* Writes the label of a thread to the JSON file, as Chrome's metadata event. */
void sink_thread_name(pid_t tid, const char *label);

/* Writes a state to the JSON file. fields is the contents of an object. */
void sink_state(const char *fields);

/* Writes the line "stop" if a stop was announced and it is not yet written. */
void sink_stop(void);

/* Writes the summary to standard output and to the JSON file. */
void sink_summary(const struct line *text, const struct line *json);

#endif
