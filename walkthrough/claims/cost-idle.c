/*
 * cost-idle.c - limits and costs
 *
 * Claim: poll and epoll slow down alike with the number of idle descriptors
 * Truth: false. Each call of poll copies and checks all descriptors, ready or
 * not. epoll_wait checks only the ready list. This program does not measure
 * select, which also checks all descriptors (fs/select.c, do_select).
 * Settled by: poll(2); epoll(7); fs/select.c, do_poll.
 * Try: print the ratios. Then watch 9000 descriptors (ulimit -Sn).
 */
#include "claim.h"

#define FEW   9
#define MANY  900
#define TRIES 30

static struct pollfd entries[MANY];

static int64_t cost_of_poll(int count)
{
    const int64_t start = cpu_ns();
    for (int i = 0; i < 10; i++)
        poll(entries, (nfds_t)count, 0);
    return cpu_ns() - start;
}

static int64_t cost_of_epoll(int epoll_fd)
{
    struct epoll_event event;
    const int64_t start = cpu_ns();
    for (int i = 0; i < 10; i++)
        epoll_wait(epoll_fd, &event, 1, 0);
    return cpu_ns() - start;
}

int main(void)
{
    static int64_t cost[4][TRIES];
    int pair[2];
    allow_descriptors(MANY + 20);
    make_pair(pair); /* idle; all watched descriptors are duplicates of it */
    const int few_fd = new_epoll();
    const int many_fd = new_epoll();
    for (int i = 0; i < MANY; i++) {
        const int fd = must(dup(pair[0]), "dup");
        entries[i] = (struct pollfd){.fd = fd, .events = POLLIN};
        watch(many_fd, fd, EPOLLIN);
        if (i < FEW)
            watch(few_fd, fd, EPOLLIN);
    }
    for (int i = 0; i < TRIES; i++) {
        cost[0][i] = cost_of_poll(FEW);
        cost[1][i] = cost_of_poll(MANY);
        cost[2][i] = cost_of_epoll(few_fd);
        cost[3][i] = cost_of_epoll(many_fd);
    }
    const bool poll_grows = median(cost[1], TRIES) > 5 * median(cost[0], TRIES);
    const bool epoll_grows =
        median(cost[3], TRIES) > 5 * median(cost[2], TRIES);
    saw(poll_grows, "100 times as many idle descriptors, a call of poll: %s",
        poll_grows ? "more than 5 times the CPU time" : "less than 5 times");
    saw(!epoll_grows, "100 times as many idle descriptors, epoll_wait: %s",
        epoll_grows ? "more than 5 times the CPU time" : "less than 5 times");
    return verdict("false",
                   "poll and epoll slow down alike with the number of idle "
                   "descriptors",
                   "100 times as many idle descriptors: poll takes more than 5 "
                   "times the CPU time, epoll_wait does not");
}
