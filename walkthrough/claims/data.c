/*
 * data.c - epoll's interface
 *
 * Claim: the kernel puts the ready descriptor into data.fd
 * Truth: false. data is yours: the kernel returns the 64 bits that you gave to
 * epoll_ctl, and does not use them. data.fd holds the descriptor only if you
 * put it there. data.ptr and data.fd share the same bytes.
 * Settled by: epoll_ctl(2), epoll_event(3type); fs/eventpoll.c.
 * Try: set both data.fd and data.ptr. Which of them is left?
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    send(pair[1], "x", 1, 0);

    struct epoll_event event = {.events = EPOLLIN, .data.fd = -42};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event), "epoll_ctl");
    event.data.fd = 7; /* our copy; the kernel has its own */
    must(epoll_wait(epoll_fd, &event, 1, 0), "epoll_wait");
    saw(event.data.fd == -42, "data.fd was -42 in epoll_ctl, now it is %d",
        event.data.fd);

    event = (struct epoll_event){.events = EPOLLIN,
                                 .data.u64 = UINT64_C(0x123456789abcdef0)};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, pair[0], &event), "epoll_ctl");
    event.data.u64 = 0;
    must(epoll_wait(epoll_fd, &event, 1, 0), "epoll_wait");
    saw(event.data.u64 == UINT64_C(0x123456789abcdef0),
        "all 64 bits come back: %llx", (unsigned long long)event.data.u64);
    return verdict(
        "false", "the kernel puts the ready descriptor into data.fd",
        "a data.fd of -42 is returned as -42, and 64 bits as the same 64 bits");
}
