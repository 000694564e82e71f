/*
 * woken-lifo.c - who is woken
 *
 * Claim: threads that wait on one epoll take turns
 * Truth: false. The last thread to block is the first to be woken. If there is
 * little work, one thread does all of it. This is good for its caches, but the
 * load is not shared.
 * Settled by: fs/eventpoll.c, ep_poll: __add_wait_queue_exclusive puts the
 * thread at the head.
 * Try: four threads that block in accept. Which one is first there?
 */
#include "claim.h"

#define THREADS 4

int main(void)
{
    static struct sleeper sleepers[THREADS];
    int pair[2], order[THREADS];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);
    for (int i = 0; i < THREADS; i++)
        start_sleeper(&sleepers[i], epoll_fd);

    for (int i = 0; i < THREADS;
         i++) { /* each byte is an edge, which wakes one */
        send(pair[1], "x", 1, 0);
        count_woken(sleepers, THREADS);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(sleepers[i].thread, NULL);
        order[sleepers[i].place - 1] = i + 1;
    }
    saw(order[0] == 4 && order[1] == 3 && order[2] == 2 && order[3] == 1,
        "T1 T2 T3 T4 block in this order; woken are T%d T%d T%d T%d", order[0],
        order[1], order[2], order[3]);
    return verdict("false", "threads that wait on one epoll take turns",
                   "T1 T2 T3 T4 block in this order, T4 T3 T2 T1 are woken");
}
