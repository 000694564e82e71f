/*
 * tcp-close.c - Unix-domain sockets
 *
 * Claim: the events at the end are the same for TCP and for a Unix-domain
 * socket
 * Truth: false. Closing a local socket ends both directions at once, so poll
 * reports HUP. Over TCP a close sends FIN, which ends one direction. The other
 * may still be open, as far as this side knows, so HUP is not reported.
 * Settled by: tcp_poll in net/ipv4/tcp.c and unix_poll in net/unix/af_unix.c:
 * both report HUP when both directions are shut down.
 * Try: shutdown(2) this side too, before the wait. Now TCP reports HUP.
 */
#include "claim.h"

/* Returns the events after the peer has sent three bytes and closed. */
static uint32_t after_close(int pair[2])
{
    const int epoll_fd = new_epoll();
    struct pollfd slot = {.fd = pair[0], .events = POLLRDHUP};
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLRDHUP);
    must((int)send(pair[1], "bye", 3, 0), "send");
    close(pair[1]);
    must(poll(&slot, 1, -1), "poll"); /* until the FIN has arrived */
    return ask(epoll_fd);
}

int main(void)
{
    int local[2], tcp[2];
    make_pair(local);
    make_tcp_pair(tcp);
    uint32_t events = after_close(local);
    saw(events == (EPOLLIN | EPOLLRDHUP | EPOLLHUP),
        "Unix-domain, the peer sends and closes: %s", event_names(events));
    events = after_close(tcp);
    saw(events == (EPOLLIN | EPOLLRDHUP),
        "TCP, the peer sends and closes:         %s", event_names(events));
    return verdict("false",
                   "the events at the end are the same for TCP and for a "
                   "Unix-domain socket",
                   "close: Unix-domain IN|HUP|RDHUP, TCP IN|RDHUP");
}
