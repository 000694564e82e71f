/*
 * et-others.c - level and edge
 *
 * Claim: edge-triggered is silent until the program that got the edge has read
 * Truth: false. An edge follows the wake-up of the socket's wait queue, which
 * new data cause. The kernel does not check which process has read, or how
 * much. Here another process empties the socket, and the first one gets its
 * next edge although it has never called recv.
 * Settled by: epoll(7), Level-triggered and edge-triggered; fs/eventpoll.c,
 * ep_poll_callback().
 * Try: read nothing, and send the second byte (et-rearm.c).
 */
#include "claim.h"

static int take_a_byte(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 1 ? 0 : 1;
}

int main(void)
{
    int pair[2];
    make_pair(pair);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);

    send(pair[1], "x", 1, 0);
    uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "a byte arrives: %s", event_names(events));
    events = ask(epoll_fd);
    saw(events == 0, "the next wait: %s", event_names(events));

    int status = end_of(start_child(take_a_byte, pair[0]));
    saw(status == 0, "another process reads it");
    events = ask(epoll_fd);
    saw(events == 0, "the next wait: %s", event_names(events));
    send(pair[1], "y", 1, 0);
    events = ask(epoll_fd);
    saw(events == EPOLLIN, "another byte arrives: %s", event_names(events));
    return verdict("false",
                   "edge-triggered is silent until the program that got the "
                   "edge has read",
                   "another process empties the socket; the next byte is "
                   "reported to a program that has never called recv");
}
