/*
 * poll-wins.c - limits and costs
 *
 * Claim: epoll is always faster than poll
 * Truth: false. Who waits once for one descriptor pays for an epoll instance
 * and a registration. And where all are ready at each wait, there is nothing
 * to save: poll asks as many, with less around it.
 * Settled by: your own measurement, as here; epoll(7) promises nothing.
 * Try: one ready of 500, then 250.
 */
#include "claim.h"

#define MANY  500
#define TRIES 30

static struct pollfd entries[MANY];

static int64_t poll_cost(int count)
{
    const int64_t start = cpu_ns();
    poll(entries, (nfds_t)count, 0);
    return cpu_ns() - start;
}

static int64_t epoll_once_cost(int fd)
{
    const int64_t start = cpu_ns();
    const int epoll_fd = new_epoll();
    watch(epoll_fd, fd, EPOLLIN);
    ask(epoll_fd);
    close(epoll_fd);
    return cpu_ns() - start;
}

static int64_t epoll_cost(int epoll_fd)
{
    static struct epoll_event events[MANY];
    const int64_t start = cpu_ns();
    epoll_wait(epoll_fd, events, MANY, 0);
    return cpu_ns() - start;
}

int main(void)
{
    int64_t least[4] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    int pair[2];
    allow_descriptors(MANY + 20);
    make_pair(pair);
    send(pair[1], "x", 1, 0); /* all duplicates are ready */
    const int epoll_fd = new_epoll();
    for (int i = 0; i < MANY; i++) {
        entries[i] =
            (struct pollfd){.fd = must(dup(pair[0]), "dup"), .events = POLLIN};
        watch(epoll_fd, entries[i].fd, EPOLLIN);
    }
    for (int i = 0; i < TRIES; i++) { /* the least of some, of each */
        const int64_t cost[4] = {poll_cost(1), epoll_once_cost(pair[0]),
                                 poll_cost(MANY), epoll_cost(epoll_fd)};
        for (int j = 0; j < 4; j++)
            least[j] = cost[j] < least[j] ? cost[j] : least[j];
    }
    saw(least[0] < least[1], "one wait for one descriptor: %s is cheaper",
        least[0] < least[1] ? "poll" : "epoll");
    saw(least[2] < 2 * least[3], "%d of %d ready, poll costs %s", MANY, MANY,
        least[2] < 2 * least[3] ? "no more, or not twice as much"
                                : "twice as much or more");
    return verdict("false", "epoll is always faster than poll",
                   "one wait for one descriptor: poll is cheaper; 500 of 500 "
                   "ready: epoll gains nothing to speak of");
}
