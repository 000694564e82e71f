/*
 * uring-overflow.c - completions with io_uring
 *
 * Claim: completions that do not fit into the completion queue are lost
 * Truth: false since Linux 5.5. The kernel keeps them, and the next call that
 * asks for completions returns them. But a multishot request ends: its last
 * completion lacks IORING_CQE_F_MORE, and it must be submitted again.
 * Settled by: io_uring_setup(2), IORING_FEAT_NODROP; io_uring_prep_poll_add(3).
 * Try: read the completions before the byte is sent. The poll then lives on.
 */
#include "uring.h"

#define QUEUE 4 /* completions that have room; 2 requests */
#define EXTRA 6

int main(void)
{
    struct io_uring ring;
    struct completion next, poll_done = {0};
    unsigned count = 0;
    int pair[2];
    make_pair(pair);
    open_ring(&ring, QUEUE / 2, 0);
    if (!(ring.features & IORING_FEAT_NODROP))
        not_tried("the kernel has no IORING_FEAT_NODROP");

    io_uring_prep_poll_multishot(request(&ring, 100), pair[0], POLLIN);
    must(io_uring_submit(&ring), "io_uring_submit");
    send(pair[1], "x", 1, 0);
    next = completed(&ring);
    saw(next.data == 100 && next.flags & IORING_CQE_F_MORE,
        "a byte: the multishot poll reports it, and %s",
        next.flags & IORING_CQE_F_MORE ? "lives on" : "ends");

    for (unsigned i = 1; i <= QUEUE + EXTRA; i++) {
        request(&ring, i);
        must(io_uring_submit(&ring), "io_uring_submit");
    }
    send(pair[1], "y", 1, 0);
    unsigned there = io_uring_cq_ready(&ring);
    saw(there == QUEUE,
        "%d no-operations and a byte: %u completions in the "
        "queue",
        QUEUE + EXTRA, there);
    for (next = completed(&ring); next.data != 0; next = completed(&ring)) {
        count += next.data == count + 1 ? 1 : 0;
        if (next.data == 100)
            poll_done = next;
    }
    saw(count == QUEUE + EXTRA, "all %u come, in their order", count);
    saw(*ring.cq.koverflow == 0, "the counter of lost ones: %u",
        *ring.cq.koverflow);
    saw(poll_done.data == 100 && !(poll_done.flags & IORING_CQE_F_MORE),
        "the multishot poll reports the byte, and %s",
        poll_done.flags & IORING_CQE_F_MORE ? "lives on" : "ends");
    send(pair[1], "z", 1, 0);
    next = completed(&ring);
    saw(next.data == 0, "another byte: %s", next.data ? "reported" : "nothing");
    return verdict("false",
                   "completions that do not fit into the completion queue are "
                   "lost",
                   "a queue of 4: all of 11 come, none is lost, and a "
                   "multishot poll ends");
}
