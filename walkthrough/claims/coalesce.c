/*
 * coalesce.c - level and edge
 *
 * Claim: each write gives one event
 * Truth: false. An event means that a descriptor is ready, not how often it
 * has become ready. All writes before the wait are one event, level-triggered
 * and edge-triggered. Count bytes or messages, not events.
 * Settled by: epoll(7), Q8; fs/eventpoll.c: an item is on the ready list once.
 * Try: an eventfd, which counts for you.
 */
#include "claim.h"

int main(void)
{
    const uint32_t modes[] = {0, EPOLLET};
    for (int i = 0; i < 2; i++) {
        struct epoll_event events[10];
        char buffer[20];
        int pair[2];
        make_pair(pair);
        const int epoll_fd = new_epoll();
        watch(epoll_fd, pair[0], EPOLLIN | modes[i]);
        for (int j = 0; j < 5; j++)
            send(pair[1], "x", 1, 0);
        const int n = epoll_wait(epoll_fd, events, 10, 0);
        const ssize_t got = recv(pair[0], buffer, sizeof(buffer), 0);
        saw(n == 1 && got == 5, "%s, 5 writes: %d event, %zd bytes",
            modes[i] ? "edge-triggered" : "level-triggered", n, got);
    }
    return verdict("false", "each write gives one event",
                   "five writes before the wait are one event, level- and "
                   "edge-triggered");
}
