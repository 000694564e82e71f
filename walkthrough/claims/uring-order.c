/*
 * uring-order.c - completions with io_uring
 *
 * Claim: requests complete in the order in which they were submitted
 * Truth: false. A request completes when it is done. One that waits for data
 * does not delay the next one. IOSQE_IO_LINK makes the next request start
 * after this one has completed.
 * Settled by: io_uring_enter(2), IOSQE_IO_LINK and IOSQE_IO_DRAIN.
 * Try: set IOSQE_IO_DRAIN on the no-operation instead of the link.
 */
#include "uring.h"

static struct io_uring ring;
static char byte;

/* Submits a recv (1), which has to wait, and then a no-operation (2). */
static void submit_both(int fd, unsigned flags)
{
    struct io_uring_sqe *sqe = request(&ring, 1);
    io_uring_prep_recv(sqe, fd, &byte, 1, 0);
    io_uring_sqe_set_flags(sqe, flags);
    request(&ring, 2);
    must(io_uring_submit(&ring), "io_uring_submit");
}

int main(void)
{
    int pair[2];
    make_pair(pair);
    open_ring(&ring, 8, 0);

    submit_both(pair[0], 0);
    struct completion first = completed(&ring);
    struct completion second = completed(&ring);
    saw(first.data == 2 && second.data == 0,
        "recv and then a no-operation: request %u completes first", first.data);
    send(pair[1], "x", 1, 0);
    second = completed(&ring);
    saw(second.data == 1, "a byte arrives: request %u completes", second.data);

    submit_both(pair[0], IOSQE_IO_LINK);
    first = completed(&ring);
    saw(first.data == 0, "linked: %s completes while recv waits",
        first.data == 0 ? "none" : "one");
    send(pair[1], "x", 1, 0);
    first = completed(&ring);
    second = completed(&ring);
    saw(first.data == 1 && second.data == 2,
        "a byte arrives: request %u completes, and then %u", first.data,
        second.data);
    return verdict("false",
                   "requests complete in the order in which they were "
                   "submitted",
                   "a recv that waits completes after the next request; "
                   "linked, the next one waits for it");
}
