/*
 * lt-drained.c - level and edge
 *
 * Claim: a drained level-triggered socket causes a wake-up without events
 * Truth: false. The item is still on the ready list, but each item is polled
 * again before it is reported. If none is ready, the wait blocks and does not
 * return 0 before its time-out. The same holds for an edge whose data has been
 * read.
 * Settled by: fs/eventpoll.c, ep_send_events and ep_poll.
 * Try: let another process drain it.
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    char byte;
    struct sleeper sleeper;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);

    send(pair[1], "x", 1, 0);
    const uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "a byte: %s", event_names(events));
    recv(pair[0], &byte, 1, 0);
    start_sleeper(&sleeper, epoll_fd);
    saw(sleeper.place == 0, "the byte is read, the next wait blocks");
    send(pair[1], "y", 1, 0);
    pthread_join(sleeper.thread, NULL);
    saw(sleeper.event.events == EPOLLIN, "another byte: it wakes with %s",
        event_names(sleeper.event.events));

    const int edge_fd = new_epoll();
    recv(pair[0], &byte, 1, 0);
    watch(edge_fd, pair[0], EPOLLIN | EPOLLET);
    send(pair[1], "z", 1, 0);
    recv(pair[0], &byte, 1, 0);
    const uint32_t edge = ask(edge_fd);
    saw(edge == 0, "an edge, but the byte is read before the wait: %s",
        event_names(edge));
    return verdict(
        "false",
        "a drained level-triggered socket causes a wake-up without events",
        "after the read the next wait blocks, and the next byte wakes it");
}
