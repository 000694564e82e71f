/*
 * trace_counts.h - what a program counts, and the summary made of it.
 *
 * Only common/ includes this file.
 */
#ifndef IOMUX_TRACE_COUNTS_H
#define IOMUX_TRACE_COUNTS_H

#include "trace_format.h"

/* The counts of one server thread, or the sum over several. */
struct trace_counts {
    unsigned long accepted, refused, closed; /* connections */
    unsigned long bytes_in, bytes_out;
    unsigned long chunks;                  /* recv calls that returned data */
    unsigned long accept, recv, send, ctl; /* system calls */
    unsigned long requests; /* of io_uring; if any, accept, recv and send count
                               their results */
    unsigned long waits;    /* calls of wait_call */
    const char *wait_call;  /* epoll_wait, for example, or NULL */
    unsigned long again;    /* calls that failed with EAGAIN */
    unsigned long scans, empty_scans; /* of stage 03 */
};

/* Adds the counts of a thread to a sum. */
void trace_add_counts(struct trace_counts *sum, const struct trace_counts *c);

/* Formats the summary as text. For sent and echoed see trace_summary(). */
void summary_text(const struct trace_counts *c, long sent, long echoed,
                  struct line *text);

/* Formats the summary as one line of JSON. */
void summary_json(const struct trace_counts *c, long sent, struct line *json);

#endif
