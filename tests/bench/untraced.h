/*
 * untraced.h - leave the trace out of a stage, to see what it costs when it is
 * switched off. The Makefile puts this before a stage's own first line; the
 * stage is compiled as it is, and each line of its trace is nothing.
 *
 * Left out with it: stopping. Such a server has to be killed.
 */
#ifndef IOMUX_UNTRACED_H
#define IOMUX_UNTRACED_H

#include "trace.h"

#undef trace_wait
#undef trace_woke
#undef trace_ready
#undef trace_accept
#undef trace_refused
#undef trace_recv
#undef trace_send
#undef trace_ctl
#undef trace_close
#define trace_wait(call)               ((void)0)
#define trace_woke(call, num)          ((void)(num))
#define trace_ready(fd, events)        ((void)(fd))
#define trace_accept(fd)               ((void)(fd))
#define trace_refused(fd, why)         ((void)(fd))
#define trace_recv(fd, buffer, n)      ((void)(n))
#define trace_send(fd, asked, n)       ((void)(n))
#define trace_ctl(op, fd, events, res) ((void)(res))
#define trace_close(fd)                ((void)(fd))

#endif
