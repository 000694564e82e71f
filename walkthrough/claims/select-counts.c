/*
 * select-counts.c - select and poll
 *
 * Claim: select, poll and epoll_wait all return the number of descriptors
 * Truth: false. select returns the number of bits that are set in all its
 * sets. poll and epoll_wait return the number of descriptors.
 * Settled by: select(2), poll(2), epoll_wait(2), RETURN VALUE.
 * Try: add the descriptor to the third set, and send a byte with MSG_OOB.
 */
#include "claim.h"

#include <sys/select.h>

int main(void)
{
    int pair[2];
    make_pair(pair);
    send(pair[1], "x", 1, 0); /* pair[0] is now readable and writable */

    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(pair[0], &readable);
    FD_SET(pair[0], &writable);
    const int selected = select(pair[0] + 1, &readable, &writable, NULL, NULL);
    saw(selected == 2, "one socket, select returns %d", selected);

    struct pollfd entry = {.fd = pair[0], .events = POLLIN | POLLOUT};
    const int polled = poll(&entry, 1, 0);
    saw(polled == 1, "one socket, poll returns %d: %s", polled,
        event_names((uint32_t)entry.revents));

    struct epoll_event event;
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLOUT);
    const int waited = epoll_wait(epoll_fd, &event, 1, 0);
    saw(waited == 1, "one socket, epoll_wait returns %d: %s", waited,
        event_names(event.events));
    return verdict("false",
                   "select, poll and epoll_wait all return the number of "
                   "descriptors",
                   "one socket that can be read and written: select returns 2, "
                   "poll 1, epoll_wait 1");
}
