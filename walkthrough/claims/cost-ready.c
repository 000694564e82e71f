/*
 * cost-ready.c - limits and costs
 *
 * Claim: the cost of epoll_wait does not depend on how many there are
 * Truth: depends. It does not depend on how many are registered, but on how
 * many are ready. Each ready one is polled again and copied. Level-triggered
 * ones are polled again by the wait after they were drained.
 * Settled by: epoll(7); fs/eventpoll.c, ep_send_events.
 * Try: EPOLLET. What does the wait after the drain cost then?
 */
#include "claim.h"

#define MANY  900
#define TRIES 30

static int64_t cost_of_wait(int epoll_fd, int *n)
{
    static struct epoll_event events[MANY];
    const int64_t start = cpu_ns();
    *n = epoll_wait(epoll_fd, events, MANY, 0);
    return cpu_ns() - start;
}

int main(void)
{
    static int64_t all[TRIES], drained[TRIES], idle[TRIES];
    int pair[2], n = 0, left = 0;
    char byte;
    allow_descriptors(MANY + 20);
    make_pair(pair);
    const int epoll_fd = new_epoll();
    for (int i = 0; i < MANY; i++)
        watch(epoll_fd, must(dup(pair[0]), "dup"), EPOLLIN);

    for (int i = 0; i < TRIES; i++) {
        send(pair[1], "x", 1, 0); /* now all of them are ready */
        all[i] = cost_of_wait(epoll_fd, &n);
        recv(pair[0], &byte, 1, 0); /* now none of them is */
        drained[i] = cost_of_wait(epoll_fd, &left);
        idle[i] = cost_of_wait(epoll_fd, &left);
    }
    saw(n == MANY && left == 0, "%d are ready, then %d", n, left);
    const int64_t limit = 3 * median(idle, TRIES);
    const bool dear = median(all, TRIES) > limit;
    const bool after = median(drained, TRIES) > limit;
    saw(dear, "all ready, compared with idle: %s",
        dear ? "more than 3 times the cost" : "no great difference");
    saw(after, "the wait after the drain, compared: %s",
        after ? "more than 3 times the cost" : "no great difference");
    return verdict("depends",
                   "the cost of epoll_wait does not depend on how many there "
                   "are",
                   "900 ready, or 900 just drained, cost more than 3 times as "
                   "much as 900 idle ones");
}
