/*
 * close-flags.c - Unix-domain sockets
 *
 * Claim: when the peer closes, the socket becomes readable and recv returns 0
 * Truth: depends. This is so over TCP, where the event is IN. On a Unix-domain
 * socket a close is reported as IN|HUP at once, and as RDHUP if it is
 * registered, even while data is unread. A server that takes HUP for "nothing
 * to read" loses this data. A half-close is reported as IN and RDHUP, and the
 * other direction still works.
 * Settled by: epoll_ctl(2), EPOLLRDHUP and EPOLLHUP; net/unix/af_unix.c,
 * unix_poll.
 * Try: read the three bytes, and poll again.
 */
#include "claim.h"

static const uint32_t asked = EPOLLIN | EPOLLOUT | EPOLLRDHUP;

int main(void)
{
    char buffer[10];
    int a[2], b[2];
    make_pair(a);
    int epoll_fd = new_epoll();
    watch(epoll_fd, a[0], asked);
    send(a[1], "bye", 3, 0);
    close(a[1]);
    uint32_t events = ask(epoll_fd);
    saw(events == (asked | EPOLLHUP), "the peer sends and closes:  %s",
        event_names(events));
    ssize_t n = recv(a[0], buffer, sizeof(buffer), 0);
    saw(n == 3, "recv, in spite of HUP: %zd bytes", n);
    n = recv(a[0], buffer, sizeof(buffer), 0);
    saw(n == 0, "recv again: %zd, end of file", n);
    n = send(a[0], "x", 1, MSG_NOSIGNAL);
    saw(n < 0 && errno == EPIPE, "send, in spite of OUT: %s",
        error_name(n < 0 ? errno : 0));

    make_pair(b);
    epoll_fd = new_epoll();
    watch(epoll_fd, b[0], asked);
    shutdown(b[1], SHUT_WR);
    events = ask(epoll_fd);
    saw(events == asked, "the peer's shutdown(SHUT_WR): %s",
        event_names(events));
    n = recv(b[0], buffer, sizeof(buffer), 0);
    saw(n == 0 && send(b[0], "x", 1, MSG_NOSIGNAL) == 1,
        "recv returns %zd, and send still works", n);
    return verdict("depends",
                   "when the peer closes, the socket becomes readable and recv "
                   "returns 0",
                   "close: IN|OUT|HUP|RDHUP at once, with data still to read; "
                   "half-close: IN|OUT|RDHUP");
}
