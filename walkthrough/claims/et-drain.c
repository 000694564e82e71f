/*
 * et-drain.c - level and edge
 *
 * Claim: edge-triggered has to read until EAGAIN
 * Truth: depends. After plain data, a recv of a stream that returns less than
 * was asked for has emptied the socket, and later bytes give a new edge. This
 * is not so after a passed descriptor or MSG_OOB (short-recv.c). An end of
 * file that arrived with the data has no edge of its own. Test the event for
 * RDHUP, or read until 0 or EAGAIN.
 * Settled by: epoll(7), Q9.
 * Try: register for RDHUP, and look at the first event.
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    char buffer[100];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);

    send(pair[1], "hello", 5, 0);
    ask(epoll_fd);
    ssize_t n = recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
    saw(n == 5, "an edge; recv of 100 bytes returns %zd, and we stop", n);
    send(pair[1], "world", 5, 0);
    uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "more comes: %s", event_names(events));
    recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);

    send(pair[1], "bye", 3, 0);
    shutdown(pair[1], SHUT_WR);
    events = ask(epoll_fd);
    n = recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
    saw(events == EPOLLIN && n == 3,
        "the peer sends and shuts down: %s; recv returns %zd, and we stop",
        event_names(events), n);
    events = ask(epoll_fd);
    n = recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
    saw(events == 0 && n == 0,
        "no more edges (%s), though recv would return %zd: end of file",
        event_names(events), n);
    return verdict("depends", "edge-triggered has to read until EAGAIN",
                   "a short read is enough for plain data; the end of file "
                   "that came with it is missed");
}
