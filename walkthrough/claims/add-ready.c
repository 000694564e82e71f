/*
 * add-ready.c - level and edge
 *
 * Claim: edge-triggered misses what was there before ADD
 * Truth: false. ADD and MOD check the state, and report a descriptor that is
 * ready at that moment. So nothing is missed between accept and ADD.
 * Settled by: fs/eventpoll.c, ep_insert and ep_modify.
 * Try: register for OUT first, and for IN with a MOD.
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    send(pair[1], "x", 1, 0);
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);
    const uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "a byte, then ADD with EPOLLET: %s",
        event_names(events));

    struct place place;
    const int listen_fd = listen_somewhere(&place, 5);
    const int client_fd = must(connect_to(&place), "connect");
    send(client_fd, "x", 1, 0);
    close(client_fd);
    const int server_fd = must(accept(listen_fd, NULL, NULL), "accept");
    const int edge_fd = new_epoll();
    watch(edge_fd, server_fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    const uint32_t late = ask(edge_fd);
    saw(late == (EPOLLIN | EPOLLHUP | EPOLLRDHUP),
        "a client that has sent and left before accept: %s", event_names(late));
    return verdict("false", "edge-triggered misses what was there before ADD",
                   "data that came before ADD are reported, a close as well");
}
