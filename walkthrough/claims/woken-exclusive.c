/*
 * woken-exclusive.c - who is woken
 *
 * Claim: a socket watched by many epoll descriptors wakes one of them
 * Truth: depends. It wakes all of them: the thundering herd. If each has added
 * it with EPOLLEXCLUSIVE, it wakes at least one and usually not all.
 * Settled by: epoll_ctl(2), EPOLLEXCLUSIVE.
 * Try: add it to one of them without EPOLLEXCLUSIVE.
 */
#include "claim.h"

#define THREADS 8

/* One socket, eight instances, a thread each. Returns how many wake. */
static int herd(uint32_t mode)
{
    static struct sleeper sleepers[THREADS];
    int pair[2], stop[2];
    make_pair(pair);
    make_pair(stop);
    sleepers_woken = 0;
    for (int i = 0; i < THREADS; i++) {
        const int epoll_fd = new_epoll();
        watch(epoll_fd, pair[0], EPOLLIN | mode);
        watch(epoll_fd, stop[0], EPOLLIN);
        start_sleeper(&sleepers[i], epoll_fd);
    }
    send(pair[1], "x", 1, 0);
    const int woken = count_woken(sleepers, THREADS);
    send(stop[1], "x", 1, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(sleepers[i].thread, NULL);
    return woken;
}

int main(void)
{
    const int all = herd(0);
    saw(all == THREADS, "8 epolls watch one socket, a byte: %d wake", all);
    const int few = herd(EPOLLEXCLUSIVE);
    saw(few >= 1 && few < THREADS, "the same with EPOLLEXCLUSIVE: %s",
        few < 1         ? "none wakes"
        : few < THREADS ? "not all wake"
                        : "all wake");
    return verdict("depends",
                   "a socket watched by many epoll descriptors wakes one of "
                   "them",
                   "8 of 8 wake; with EPOLLEXCLUSIVE at least one and not all");
}
