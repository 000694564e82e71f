/*
 * fork.c - epoll's interface
 *
 * Claim: after fork the child has an epoll instance of its own
 * Truth: false. It has a descriptor of its own for the same instance.
 * Descriptors that the child registers wake the parent, with the child's data,
 * even if the parent does not have these descriptors.
 * Settled by: epoll(7), Q6; epoll_create(2); fork(2), open file descriptions.
 * Try: EPOLL_CLOEXEC. What does it change for a child that only forks?
 */
#include "claim.h"

static int epoll_fd;

/* The child creates a pair, registers one end, and writes to the other. */
static int child(int wait_fd)
{
    int pair[2];
    char byte;
    make_pair(pair);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 4711};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event) < 0 ||
        send(pair[1], "x", 1, 0) < 0)
        return 1;
    return read(wait_fd, &byte, 1) == 1 ? 0
                                        : 1; /* until the parent continues */
}

int main(void)
{
    int pair[2];
    struct epoll_event event;
    make_pair(pair);
    epoll_fd = new_epoll();
    const pid_t pid = start_child(child, pair[0]);

    const int n = epoll_wait(epoll_fd, &event, 1, -1);
    saw(n == 1 && event.data.u64 == 4711,
        "the parent has registered nothing, and gets: %s, data %llu",
        event_names(event.events), (unsigned long long)event.data.u64);
    send(pair[1], "x", 1, 0);
    const int status = end_of(pid);
    saw(status == 0, "the child ends with status %d", status);
    saw(ask(epoll_fd) == 0, "with the child its socket has gone: no event");
    return verdict("false",
                   "after fork the child has an epoll instance of its own",
                   "what the child registers is reported to the parent, with "
                   "the child's data");
}
