/*
 * poll-wins.c - limits and costs
 *
 * Claim: epoll is always faster than poll
 * Truth: false. For one wait for one descriptor, epoll needs an instance and a
 * registration. The more descriptors are ready at each wait, the less epoll
 * saves. If all are ready, it saves nearly nothing, and poll is often cheaper.
 * Settled by: your own measurement, as here; epoll(7) promises nothing.
 * Try: print the medians. At how many ready descriptors is poll cheaper?
 */
#include "claim.h"

#define MANY  450
#define TRIES 51

static struct pollfd entries[MANY];
static int ready[2], idle[2];

/* Waits ten times for MANY: with poll if epoll_fd is -1, else with epoll. */
static int64_t cost_of_waits(int epoll_fd)
{
    static struct epoll_event events[MANY];
    const int64_t start = cpu_ns();
    for (int i = 0; i < 10; i++) {
        if (epoll_fd < 0)
            poll(entries, MANY, 0);
        else
            epoll_wait(epoll_fd, events, MANY, 0);
    }
    return cpu_ns() - start;
}

/* Returns how much more poll costs if this many of MANY are ready. */
static double gain(int count)
{
    static int64_t polled[TRIES], waited[TRIES];
    const int epoll_fd = new_epoll();
    for (int i = 0; i < MANY; i++) {
        const int fd = must(dup(i < count ? ready[0] : idle[0]), "dup");
        entries[i] = (struct pollfd){.fd = fd, .events = POLLIN};
        watch(epoll_fd, fd, EPOLLIN);
    }
    for (int i = 0; i < TRIES; i++) {
        polled[i] = cost_of_waits(-1);
        waited[i] = cost_of_waits(epoll_fd);
    }
    return (double)median(polled, TRIES) / (double)median(waited, TRIES);
}

int main(void)
{
    static int64_t polled[TRIES], waited[TRIES];
    allow_descriptors(2 * MANY + 30);
    make_pair(ready);
    make_pair(idle);
    send(ready[1], "x", 1, 0);
    const bool less = 3 * gain(MANY) < gain(1);
    saw(less, "450 of 450 ready: epoll gains %s of what it gains with 1 of 450",
        less ? "less than a third" : "more than a third");

    for (int i = 0; i < TRIES; i++) { /* one wait, with its preparation */
        const int64_t start = cpu_ns();
        poll(entries, 1, 0);
        const int64_t middle = cpu_ns();
        const int epoll_fd = new_epoll();
        watch(epoll_fd, ready[0], EPOLLIN);
        ask(epoll_fd);
        close(epoll_fd);
        polled[i] = middle - start;
        waited[i] = cpu_ns() - middle;
    }
    const bool once = median(polled, TRIES) < median(waited, TRIES);
    saw(once, "one wait for one descriptor: %s is cheaper",
        once ? "poll" : "epoll");
    return verdict("false", "epoll is always faster than poll",
                   "with 450 of 450 ready it gains less than a third of what "
                   "it gains with 1; for one wait poll is cheaper");
}
