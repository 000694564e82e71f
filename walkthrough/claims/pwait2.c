/*
 * pwait2.c - epoll's interface
 *
 * Claim: epoll cannot wait for less than a millisecond
 * Truth: false since Linux 5.11: epoll_pwait2 takes a struct timespec, in
 * nanoseconds. epoll_wait counts in milliseconds.
 * Settled by: epoll_wait(2), epoll_pwait2.
 * Try: ppoll and pselect, which had this precision before.
 */
#include "claim.h"

#define TRIES 30

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int main(void)
{
    const struct timespec limit = {.tv_sec = 0, .tv_nsec = 10000};
    struct epoll_event event;
    int64_t shortest = INT64_MAX, shortest2 = INT64_MAX;
    int returned = 0;
    const int epoll_fd = new_epoll();
    if (epoll_pwait2(epoll_fd, &event, 1, &limit, NULL) < 0)
        not_tried(errno == ENOSYS ? "epoll_pwait2 is there since Linux 5.11"
                                  : "epoll_pwait2 is refused");

    for (int i = 0; i < TRIES; i++) { /* the shortest of several */
        const int64_t start = now_ns();
        returned += epoll_wait(epoll_fd, &event, 1, 1);
        const int64_t middle = now_ns();
        returned += epoll_pwait2(epoll_fd, &event, 1, &limit, NULL);
        const int64_t end = now_ns();
        shortest = middle - start < shortest ? middle - start : shortest;
        shortest2 = end - middle < shortest2 ? end - middle : shortest2;
    }
    saw(returned == 0, "%d waits of each kind, events: %d", TRIES, returned);
    saw(shortest2 < shortest,
        "the shortest epoll_pwait2 of 10 us is %s than "
        "the shortest epoll_wait of 1 ms",
        shortest2 < shortest ? "shorter" : "not shorter");
    return verdict("false", "epoll cannot wait for less than a millisecond",
                   "epoll_pwait2 of 10 us is shorter than epoll_wait of 1 ms");
}
