/*
 * lt-et.c - level and edge
 *
 * Claim: level-triggered repeats a report until you read, edge-triggered does
 * not
 * Truth: true. Level-triggered reports a state: there is something to read.
 * Edge-triggered reports an event: something has arrived. If nothing is read
 * and nothing arrives, there is no event.
 * Settled by: epoll(7), Level-triggered and edge-triggered.
 * Try: read one of the five bytes between the waits.
 */
#include "claim.h"

int main(void)
{
    struct epoll_event event;
    int pair[2], told[2] = {0, 0};
    make_pair(pair);
    const int level_fd = new_epoll();
    const int edge_fd = new_epoll();
    watch(level_fd, pair[0], EPOLLIN);
    watch(edge_fd, pair[0], EPOLLIN | EPOLLET);
    send(pair[1], "hello", 5, 0);

    for (int i = 0; i < 5; i++) {
        told[0] += epoll_wait(level_fd, &event, 1, 0);
        told[1] += epoll_wait(edge_fd, &event, 1, 0);
    }
    saw(told[0] == 5,
        "5 waits, nothing read, level-triggered: reported %d times", told[0]);
    saw(told[1] == 1, "5 waits, nothing read, edge-triggered: reported %d time",
        told[1]);
    return verdict("true",
                   "level-triggered repeats a report until you read, "
                   "edge-triggered does not",
                   "5 waits without a read: level-triggered reports 5 times, "
                   "edge-triggered once");
}
