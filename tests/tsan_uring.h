/*
 * tsan_uring.h - lets stage 12 wait for at most half a second at a time.
 *
 * ThreadSanitizer defers a signal handler until the program makes a call that
 * ThreadSanitizer knows. It does not know io_uring_enter(2). The Makefile
 * includes this header before the first line of the stage.
 */
#ifndef IOMUX_TSAN_URING_H
#define IOMUX_TSAN_URING_H

#include <errno.h>
#include <liburing.h>
#include <poll.h>

static inline int tsan_submit_and_wait(struct io_uring *ring, unsigned results)
{
    int n;
    do {
        struct __kernel_timespec limit = {.tv_nsec = 500000000};
        struct io_uring_cqe *result;
        n = io_uring_submit_and_wait_timeout(ring, &result, results, &limit,
                                             NULL);
        poll(NULL, 0, 0); /* runs a handler that was deferred */
    } while (n == -ETIME);
    return n;
}
#define io_uring_submit_and_wait tsan_submit_and_wait

#endif
