/*
 * untraced.h - removes the trace from a stage, to measure what it costs while
 * it is switched off. The Makefile includes this before the first line of the
 * stage, which is compiled unchanged.
 *
 * Connections are still registered, because stopping needs them.
 */
#ifndef IOMUX_UNTRACED_H
#define IOMUX_UNTRACED_H

#include "connections.h"
#include "trace.h"

#undef trace_wait
#undef trace_woke
#undef trace_ready
#undef trace_submit
#undef trace_accept
#undef trace_refused
#undef trace_recv
#undef trace_send
#undef trace_ctl
#undef trace_close
#define trace_wait(call)               ((void)0)
#define trace_woke(call, num)          ((void)(num))
#define trace_ready(fd, events)        ((void)(fd))
#define trace_submit(op, fd)           ((void)(op))
#define trace_accept(fd)               ((fd) >= 0 ? connection_opened(fd) : (void)0)
#define trace_refused(fd, why)         connection_closing(fd)
#define trace_recv(fd, buffer, n)      ((void)(n))
#define trace_send(fd, asked, n)       ((void)(n))
#define trace_ctl(op, fd, events, res) ((void)(res))
#define trace_close(fd)                connection_closing(fd)

#endif
