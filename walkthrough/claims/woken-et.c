/*
 * woken-et.c - who is woken
 *
 * Claim: with EPOLLET one byte wakes one of the threads on an epoll
 * Truth: true, if all of them wait on the same epoll descriptor. But the next
 * byte wakes another thread while the first is still busy with that socket. If
 * threads must not share a socket, use EPOLLONESHOT.
 * Settled by: epoll(7), EPOLLET.
 * Try: eight epoll descriptors, one for each thread (woken-exclusive.c).
 */
#include "claim.h"

#define THREADS 8

int main(void)
{
    static struct sleeper sleepers[THREADS];
    int pair[2], stop[2];
    make_pair(pair);
    make_pair(stop);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);
    watch(epoll_fd, stop[0], EPOLLIN);
    for (int i = 0; i < THREADS; i++)
        start_sleeper(&sleepers[i], epoll_fd);

    send(pair[1], "x", 1, 0);
    int woken = count_woken(sleepers, THREADS);
    saw(woken == 1, "%d threads block, one byte, no one reads: %d wakes",
        THREADS, woken);
    send(pair[1], "y", 1, 0);
    woken = count_woken(sleepers, THREADS);
    saw(woken == 2, "another byte for the same socket: %d are awake", woken);

    send(stop[1], "x", 1, 0); /* level-triggered: this wakes the others */
    for (int i = 0; i < THREADS; i++)
        pthread_join(sleepers[i].thread, NULL);
    return verdict("true",
                   "with EPOLLET one byte wakes one of the threads on an epoll",
                   "one byte wakes 1 of 8; the next byte for the same socket "
                   "wakes a second");
}
