/*
 * unknown-bits.c - epoll's interface
 *
 * Claim: epoll_ctl refuses event bits that do not exist
 * Truth: false. It accepts any bits, and those without a meaning are never
 * reported. So a typing error, or POLLIN << 20, is not noticed. Only
 * EPOLLEXCLUSIVE is checked.
 * Settled by: epoll_ctl(2), which has no error for it; fs/eventpoll.c,
 * do_epoll_ctl.
 * Try: the same with poll, and with the op of epoll_ctl.
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    struct epoll_event event = {.events = EPOLLIN | 0x00f00000};
    const int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event);
    saw(result == 0, "ADD with four bits that mean nothing: %s",
        error_name(result < 0 ? errno : 0));
    send(pair[1], "x", 1, 0);
    must(epoll_wait(epoll_fd, &event, 1, 0), "epoll_wait");
    saw(event.events == EPOLLIN, "what comes back: %s, %s",
        event_names(event.events),
        event.events & 0x00f00000 ? "and such bits" : "no such bits");

    const int op = epoll_ctl(epoll_fd, 99, pair[0], &event);
    saw(op < 0 && errno == EINVAL, "an op that does not exist: %s",
        error_name(op < 0 ? errno : 0));
    return verdict("false", "epoll_ctl refuses event bits that do not exist",
                   "ADD with four unknown bits succeeds, and they are never "
                   "reported; an unknown op is EINVAL");
}
