/*
 * woken-lt.c - who is woken
 *
 * Claim: of the threads that wait on one epoll, one byte wakes one
 * Truth: false for level-triggered. The byte wakes one. The socket stays on
 * the ready list, and because it is still ready, that thread wakes the next,
 * and so on. All of them get the report, and one gets the byte. EPOLLET or
 * EPOLLONESHOT prevents this.
 * Settled by: epoll(7), EPOLLET and EPOLLONESHOT; fs/eventpoll.c,
 * ep_send_events and ep_done_scan.
 * Try: woken-et.c.
 */
#include "claim.h"

#define THREADS 8

int main(void)
{
    static struct sleeper sleepers[THREADS];
    int pair[2], told = 0;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    for (int i = 0; i < THREADS; i++)
        start_sleeper(&sleepers[i], epoll_fd);

    send(pair[1], "x", 1, 0);
    const int woken = count_woken(sleepers, THREADS);
    saw(woken == THREADS, "%d threads block, one byte, no one reads: %d wake",
        THREADS, woken);
    send(pair[1], "y", 1, 0); /* for threads that may still be blocked */
    for (int i = 0; i < THREADS; i++) {
        pthread_join(sleepers[i].thread, NULL);
        told += sleepers[i].event.events == EPOLLIN;
    }
    saw(told == THREADS, "%d of them get: IN", told);
    return verdict("false",
                   "of the threads that wait on one epoll, one byte wakes one",
                   "level-triggered, one unread byte: 8 of 8 threads wake");
}
