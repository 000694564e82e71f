/*
 * maxevents.c - epoll's interface
 *
 * Claim: maxevents must not exceed the size of epoll_create, and what does
 * not fit is lost
 * Truth: false. maxevents is the number of elements in the caller's array,
 * whatever the size was. It must be at least 1. Events that have no room are
 * returned by the next wait, edge-triggered or not.
 * Settled by: epoll_wait(2); fs/eventpoll.c, EP_MAX_EVENTS.
 * Try: pass 1 for an array of 4, and count the waits.
 */
#include "claim.h"

#define READY 3

int main(void)
{
    static struct epoll_event events[1000];
    int pair[READY][2];
    const int epoll_fd = must(epoll_create(1), "epoll_create");
    for (int i = 0; i < READY; i++) {
        make_pair(pair[i]);
        watch(epoll_fd, pair[i][0], EPOLLIN | EPOLLET);
        send(pair[i][1], "x", 1, 0);
    }

    int n = epoll_wait(epoll_fd, events, 0, 0);
    saw(n < 0 && errno == EINVAL, "maxevents 0: %s", error_name(errno));
    volatile int negative = -1; /* so that the compiler does not warn */
    n = epoll_wait(epoll_fd, events, negative, 0);
    saw(n < 0 && errno == EINVAL, "maxevents -1: %s", error_name(errno));

    n = epoll_wait(epoll_fd, events, 1, 0);
    saw(n == 1, "3 edges, room for 1: epoll_wait returns %d", n);
    n = epoll_wait(epoll_fd, events, 1000, 0);
    saw(n == 2, "then room for 1000, size 1: it returns the other %d", n);
    n = epoll_wait(epoll_fd, events, 1000, 0);
    saw(n == 0, "each edge has been reported once: it returns %d", n);
    return verdict(
        "false",
        "maxevents must not exceed the size of epoll_create, and what "
        "does not fit is lost",
        "with size 1, 1000 is accepted; 0 and -1 are EINVAL; room "
        "for 1 of 3 edges gives 1, then the other 2");
}
