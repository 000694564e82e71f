/*
 * oneshot-threads.c - who is woken
 *
 * Claim: with EPOLLONESHOT at most one thread handles a socket at a time
 * Truth: true, until a thread calls EPOLL_CTL_MOD. The kernel clears the events
 * of the registration when it reports it. So a second byte wakes no other
 * thread, as it does with EPOLLET (woken-et.c). MOD reports at once what has
 * not been read.
 * Settled by: epoll_ctl(2), EPOLLONESHOT; epoll(7).
 * Try: EPOLLET in the place of EPOLLONESHOT.
 */
#include "claim.h"

#define THREADS 8

int main(void)
{
    static struct sleeper sleepers[THREADS];
    int pair[2], stop[2];
    make_pair(pair);
    make_pair(stop);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLONESHOT);
    watch(epoll_fd, stop[0], EPOLLIN);
    for (int i = 0; i < THREADS; i++)
        start_sleeper(&sleepers[i], epoll_fd);

    send(pair[1], "x", 1, 0);
    int woken = count_woken(sleepers, THREADS);
    saw(woken == 1, "%d threads block, one byte: %d wakes", THREADS, woken);
    send(pair[1], "y", 1, 0);
    woken = count_woken(sleepers, THREADS);
    saw(woken == 1, "another byte: still %d", woken);
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, pair[0], &event), "MOD");
    woken = count_woken(sleepers, THREADS);
    saw(woken == 2, "MOD, and nothing has been read: %d are awake", woken);

    send(stop[1], "x", 1, 0); /* level-triggered: this wakes the others */
    for (int i = 0; i < THREADS; i++)
        pthread_join(sleepers[i].thread, NULL);
    return verdict("true",
                   "with EPOLLONESHOT at most one thread handles a socket at a "
                   "time",
                   "one byte wakes 1 of 8, the next byte none; MOD wakes a "
                   "second");
}
