/*
 * reset.c - Unix-domain sockets
 *
 * Claim: ECONNRESET is for networks, a local peer just ends
 * Truth: false. A peer that closes with unread data in its socket resets the
 * connection. The wait reports ERR, and the next call fails with ECONNRESET
 * once. After it recv returns 0, end of file. TCP does the same.
 * Settled by: net/unix/af_unix.c, unix_release_sock; recv(2).
 * Try: send instead of recv, and getsockopt SO_ERROR.
 */
#include "claim.h"

int main(void)
{
    char byte;
    int pair[2];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLRDHUP);
    send(pair[0], "never read", 10, 0);
    close(pair[1]);

    const uint32_t events = ask(epoll_fd);
    saw(events == (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP),
        "the peer closes without reading: %s", event_names(events));
    ssize_t n = recv(pair[0], &byte, 1, MSG_DONTWAIT);
    saw(n < 0 && errno == ECONNRESET, "recv: %s",
        error_name(n < 0 ? errno : 0));
    n = recv(pair[0], &byte, 1, MSG_DONTWAIT);
    saw(n == 0, "recv again: %zd, end of file", n);
    return verdict("false",
                   "ECONNRESET is for networks, a local peer just ends",
                   "close with unread data: IN|ERR|HUP|RDHUP, recv is "
                   "ECONNRESET once, then 0");
}
