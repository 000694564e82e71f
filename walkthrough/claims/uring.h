/*
 * uring.h - what the claims about io_uring share and no claim is about.
 *
 * Where liburing is missing, the Makefile builds programs that print "not
 * tried" instead. Where the kernel refuses a ring, open_ring() does.
 */
#ifndef CLAIM_URING_H
#define CLAIM_URING_H

#include "claim.h"

#include <liburing.h>

/* Creates a ring, or ends the program with the reason why there is none. */
static inline void open_ring(struct io_uring *ring, unsigned entries,
                             unsigned flags)
{
    int error = io_uring_queue_init(entries, ring, flags);
    if (error == -EINVAL)
        not_tried("io_uring_queue_init: EINVAL (Linux is too old)");
    errno = -error;
    must(error, "io_uring_queue_init");
}

/* Returns an unused request with this number as its data. */
static inline struct io_uring_sqe *request(struct io_uring *ring,
                                           unsigned number)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    if (sqe == NULL) {
        fprintf(stderr, "the submission queue is full\n");
        exit(EXIT_FAILURE);
    }
    io_uring_prep_nop(sqe); /* a prep function leaves the data as it is */
    sqe->user_data = number;
    return sqe;
}

/* A completion. Data is 0 if there is none. */
struct completion {
    unsigned data, flags;
    int result;
};

/* Returns the next completion that is there. It does not block. */
static inline struct completion completed(struct io_uring *ring)
{
    struct completion next = {0};
    struct io_uring_cqe *cqe;
    if (io_uring_peek_cqe(ring, &cqe) == 0) {
        next = (struct completion){.data = (unsigned)cqe->user_data,
                                   .flags = cqe->flags,
                                   .result = cqe->res};
        io_uring_cqe_seen(ring, cqe);
    }
    return next;
}

#endif
