/*
 * err-hup.c - epoll's interface
 *
 * Claim: a registration with events 0 is never reported
 * Truth: false. epoll and poll report ERR and HUP for every registered
 * descriptor, even if they are not registered. Only an EPOLLONESHOT that has
 * been reported is silent.
 * Settled by: epoll_ctl(2), EPOLLERR and EPOLLHUP; poll(2).
 * Try: watch both ends of a pipe with events 0, and close one.
 */
#include "claim.h"

int main(void)
{
    int ends[2], pair[2];
    must(pipe2(ends, O_CLOEXEC), "pipe2");
    int epoll_fd = new_epoll();
    watch(epoll_fd, ends[1], 0);
    uint32_t events = ask(epoll_fd);
    saw(events == 0, "a pipe that can be written, events 0: %s",
        event_names(events));
    close(ends[0]);
    events = ask(epoll_fd);
    saw(events == EPOLLERR, "the same when its reader has closed: %s",
        event_names(events));

    make_pair(pair);
    epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], 0);
    close(pair[1]);
    events = ask(epoll_fd);
    saw(events == EPOLLHUP, "a socket whose peer has closed, events 0: %s",
        event_names(events));

    struct pollfd polled = {.fd = pair[0], .events = 0};
    must(poll(&polled, 1, 0), "poll");
    saw(polled.revents == POLLHUP, "poll, events 0: %s",
        event_names((uint32_t)polled.revents));
    return verdict("false", "a registration with events 0 is never reported",
                   "with events 0, a pipe without reader is ERR, a socket "
                   "without peer is HUP");
}
