/*
 * trace_thread.h - what the trace knows of each thread: its label, its counts
 * and its last line.
 *
 * Only common/ includes this file.
 */
#ifndef IOMUX_TRACE_THREAD_H
#define IOMUX_TRACE_THREAD_H

#include "trace.h"
#include "trace_counts.h"

enum { LABEL_SIZE = 24 }; /* "[client 1000000]" */

struct thread {
    bool known; /* trace_thread() was called */
    enum trace_role role;
    int number;
    char label[LABEL_SIZE]; /* "[client 2]" */
    pid_t tid;
    struct trace_counts counts;
    const char *waiting; /* the call that "wait" announced, or NULL */
    const char *source;  /* file of trace_source(), or NULL */
    int source_line;
    bool busy; /* a call has succeeded since the last scan */

    /* The last failures. The same ones again are omitted (is_repeated()). */
    bool again_printed;
    const char *error_call; /* or NULL */
    int error_printed;
    unsigned long omitted; /* EAGAIN lines since the last line */
};

/* Returns the calling thread. If it has no role yet, it becomes [demo]. */
struct thread *current_thread(void);

bool thread_is_server(const struct thread *thread);

/* Returns the counts of all server threads. All but the caller have ended. */
struct trace_counts thread_counts(void);

#endif
