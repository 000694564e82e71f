/*
 * lowest-number.c - epoll's interface
 *
 * Claim: data.fd identifies a client
 * Truth: false. A new descriptor gets the lowest number that is free. A
 * server may close one client and accept another while it handles the events of
 * one wait. Then a later event of this wait names the new client, which has
 * sent nothing. Keep a pointer in data.ptr, and free it after the last event.
 * Settled by: epoll(7), "If using an event cache"; open(2), "lowest-numbered".
 * Try: end the loop over the events after a close.
 */
#include "claim.h"

int main(void)
{
    int a[2], b[2];
    char byte;
    struct epoll_event events[2];
    struct place place;
    int listen_fd = listen_somewhere(&place, 5);
    make_pair(a);
    make_pair(b);
    int epoll_fd = new_epoll();
    watch(epoll_fd, a[0], EPOLLIN);
    watch(epoll_fd, b[0], EPOLLIN);
    must(connect_to(&place), "connect");
    send(a[1], "x", 1, 0);
    send(b[1], "x", 1, 0);
    int n = epoll_wait(epoll_fd, events, 2, 0);
    saw(n == 2 && events[0].data.fd == a[0] && events[1].data.fd == b[0],
        "clients A and B have sent a byte: %d events", n);

    close(b[0]); /* while A is handled, B is closed, and C accepted */
    int c = must(accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK), "accept4");
    saw(c == b[0], "B closed, C accepted: C %s the number of B",
        c == b[0] ? "has" : "does not have");
    ssize_t length = recv(events[1].data.fd, &byte, 1, 0);
    saw(length < 0 && errno == EAGAIN,
        "the event of B, recv: %s, because this is C",
        error_name(length < 0 ? errno : 0));
    return verdict("false", "data.fd identifies a client",
                   "a client that is accepted after a close has the closed "
                   "number, and the old event names it");
}
