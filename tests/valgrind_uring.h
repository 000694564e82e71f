/*
 * valgrind_uring.h - lets stage 12 wait in poll(2), for Valgrind.
 *
 * Valgrind 3.19 holds its lock in io_uring_enter(2), so no other thread could
 * run. It also does not know that the kernel writes to a buffer. The Makefile
 * includes this header before the first line of the stage.
 */
#ifndef IOMUX_VALGRIND_URING_H
#define IOMUX_VALGRIND_URING_H

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

/* A poll(2) of a ring with deferred work would not be woken. */
#undef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN 0

static inline int poll_submit_and_wait(struct io_uring *ring, unsigned results)
{
    struct pollfd ready = {.fd = ring->ring_fd, .events = POLLIN};
    (void)results;
    int n = io_uring_submit(ring);
    if (n < 0)
        return n;
    return poll(&ready, 1, -1) < 0 ? -errno : n;
}
#define io_uring_submit_and_wait poll_submit_and_wait
#define malloc(size)             calloc(1, size)

#endif
