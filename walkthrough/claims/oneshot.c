/*
 * oneshot.c - level and edge
 *
 * Claim: after a report with EPOLLONESHOT, add the descriptor again
 * Truth: false. It is still on the interest list, without events: ADD fails
 * with EEXIST, and MOD enables it again. While it is disabled, not even HUP is
 * reported.
 * Settled by: epoll_ctl(2), EPOLLONESHOT.
 * Try: print /proc/self/fdinfo of the epoll descriptor after the report.
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event), "epoll_ctl");

    send(pair[1], "x", 1, 0);
    uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "a byte comes: %s", event_names(events));
    send(pair[1], "y", 1, 0);
    events = ask(epoll_fd);
    saw(events == 0, "another byte: %s", event_names(events));
    close(pair[1]);
    events = ask(epoll_fd);
    saw(events == 0, "the peer closes: %s", event_names(events));

    event.events = EPOLLIN | EPOLLONESHOT;
    const int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event);
    saw(result < 0 && errno == EEXIST, "ADD: %s",
        error_name(result < 0 ? errno : 0));
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, pair[0], &event), "MOD");
    events = ask(epoll_fd);
    saw(events == (EPOLLIN | EPOLLHUP),
        "MOD, and what was missed is reported: %s", event_names(events));
    return verdict("false",
                   "after a report with EPOLLONESHOT, add the descriptor again",
                   "ADD is EEXIST, MOD re-arms and reports at once what was "
                   "missed; until then not even HUP is reported");
}
