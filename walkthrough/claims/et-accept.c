/*
 * et-accept.c - level and edge
 *
 * Claim: each connection gives an edge, so one accept per event is enough
 * Truth: false. Two connections before one wait give one event. With one
 * accept the second stays in the backlog until a third arrives, and then the
 * third waits. Accept until EAGAIN, or watch the listening socket
 * level-triggered.
 * Settled by: epoll(7), Q9; fs/eventpoll.c, ep_poll_callback.
 * Try: level-triggered.
 */
#include "claim.h"

int main(void)
{
    struct place place;
    const int listen_fd = listen_somewhere(&place, 10);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, listen_fd, EPOLLIN | EPOLLET);

    must(connect_to(&place), "connect");
    must(connect_to(&place), "connect");
    uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "two connect: %s", event_names(events));
    must(accept(listen_fd, NULL, NULL), "accept");
    events = ask(epoll_fd);
    saw(events == 0, "one is accepted, the other waits: %s",
        event_names(events));

    must(connect_to(&place), "connect");
    events = ask(epoll_fd);
    saw(events == EPOLLIN, "a third connects: %s", event_names(events));
    must(accept(listen_fd, NULL, NULL), "accept");
    events = ask(epoll_fd);
    struct pollfd entry = {.fd = listen_fd, .events = POLLIN};
    const int waiting = poll(&entry, 1, 0);
    saw(events == 0 && waiting == 1,
        "the second is accepted: %s, though poll reports %s",
        event_names(events), event_names((uint32_t)entry.revents));
    return verdict(
        "false",
        "each connection gives an edge, so one accept per event is enough",
        "two connections, one event; after one accept the second client is not "
        "reported until a third connects");
}
