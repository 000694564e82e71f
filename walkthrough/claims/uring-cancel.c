/*
 * uring-cancel.c - completions with io_uring
 *
 * Claim: a request that is cancelled disappears without a completion
 * Truth: false. It completes with ECANCELED, and the cancel request completes
 * too. Until then the buffer belongs to the kernel. A request that has already
 * completed cannot be cancelled: ENOENT. No byte is lost in either case.
 * Settled by: io_uring_prep_cancel(3); io_uring_enter(2), ASYNC_CANCEL.
 * Try: submit two recv with the number 1, and cancel with the flag
 * IORING_ASYNC_CANCEL_ALL. The cancel completes with 2.
 */
#include "uring.h"

static struct io_uring ring;

/* Submits a cancel (9) of request 1. Returns its result, and that of request 1
 * in *cancelled, or 1 if that has no completion. */
static int cancel(int *cancelled)
{
    int result = 1;
    *cancelled = 1;
    io_uring_prep_cancel64(request(&ring, 9), 1, 0);
    must(io_uring_submit(&ring), "io_uring_submit");
    struct completion next = completed(&ring);
    while (next.data != 0) {
        if (next.data == 9)
            result = next.result;
        else
            *cancelled = next.result;
        next = completed(&ring);
    }
    return result;
}

int main(void)
{
    char buffer[8];
    int pair[2], cancelled;
    make_pair(pair);
    open_ring(&ring, 8, 0);

    io_uring_prep_recv(request(&ring, 1), pair[0], buffer, sizeof(buffer), 0);
    must(io_uring_submit(&ring), "io_uring_submit");
    int result = cancel(&cancelled);
    saw(result == 0, "cancel of a recv that waits: %d", result);
    saw(cancelled == -ECANCELED, "the recv: %s",
        cancelled < 0 ? error_name(-cancelled) : "no error");
    send(pair[1], "hello", 5, 0);
    ssize_t n = recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
    saw(n == 5, "bytes that arrive later are left in the socket: %zd", n);

    send(pair[1], "hello", 5, 0);
    io_uring_prep_recv(request(&ring, 1), pair[0], buffer, sizeof(buffer), 0);
    must(io_uring_submit(&ring), "io_uring_submit");
    result = cancel(&cancelled);
    saw(result == -ENOENT, "cancel of a recv that has completed: %s",
        result < 0 ? error_name(-result) : "no error");
    saw(cancelled == 5, "the recv: %d bytes", cancelled);
    return verdict("false",
                   "a request that is cancelled disappears without a "
                   "completion",
                   "the recv completes with ECANCELED, and the cancel with 0; "
                   "too late, the cancel with ENOENT");
}
