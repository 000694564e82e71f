/*
 * out-spin.c - level and edge
 *
 * Claim: register IN|OUT once, and the socket is reported when it has
 * something
 * Truth: depends. An idle socket is writable, so level-triggered OUT is
 * reported at every wait and the loop never blocks. Edge-triggered OUT is
 * reported once. Level-triggered, register for OUT only while there is unsent
 * data.
 * Settled by: epoll(7); poll(2), POLLOUT.
 * Try: fill the socket. When does OUT disappear, and when does it return?
 */
#include "claim.h"

#define WAITS 1000

int main(void)
{
    const uint32_t masks[] = {EPOLLIN, EPOLLIN | EPOLLOUT,
                              EPOLLIN | EPOLLOUT | EPOLLET};
    const char *const names[] = {"IN", "IN|OUT", "IN|OUT|ET"};
    const int expected[] = {0, WAITS, 1};
    for (int i = 0; i < 3; i++) {
        struct epoll_event event;
        int pair[2], told = 0;
        make_pair(pair);
        const int epoll_fd = new_epoll();
        watch(epoll_fd, pair[0], masks[i]);
        for (int j = 0; j < WAITS; j++)
            told += epoll_wait(epoll_fd, &event, 1, 0);
        saw(told == expected[i],
            "an idle socket, %d waits, %-10s reported %d times", WAITS,
            names[i], told);
    }
    return verdict("depends",
                   "register IN|OUT once, and the socket is reported when it "
                   "has something",
                   "idle socket, 1000 waits: with OUT 1000 level-triggered "
                   "events, 1 edge-triggered");
}
