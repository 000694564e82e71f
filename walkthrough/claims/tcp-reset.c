/*
 * tcp-reset.c - TCP
 *
 * Claim: close sends what is left, and then end of file
 * Truth: depends. If the socket holds unread bytes, or has SO_LINGER with a
 * time of 0, close sends a reset (RST) instead, and bytes that are not sent yet
 * are lost. On Linux the peer can read the bytes that have arrived, and then
 * gets ECONNRESET. A Unix-domain socket ignores SO_LINGER.
 * Settled by: RFC 9293, 3.6; socket(7), SO_LINGER; net/ipv4/tcp.c,
 * __tcp_close().
 * Try: shutdown(fd, SHUT_WR) and a recv until end of file before the close.
 */
#include "claim.h"

static const struct linger now = {.l_onoff = 1, .l_linger = 0};

/* The end sends "bye" and closes. Prints what its peer sees. */
static void close_end(const int pair[2], const char *what, bool reset)
{
    char bytes[10];
    struct pollfd slot = {.fd = pair[1], .events = POLLRDHUP};
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[1], EPOLLIN | EPOLLRDHUP);
    must((int)send(pair[0], "bye", 3, 0), "send");
    close(pair[0]);
    must(poll(&slot, 1, -1), "poll"); /* until the end is here */
    uint32_t events = ask(epoll_fd);
    ssize_t first = recv(pair[1], bytes, sizeof(bytes), 0);
    ssize_t second = recv(pair[1], bytes, sizeof(bytes), 0);
    int error = second < 0 ? errno : 0;
    saw(first == 3 && ((events & EPOLLERR) != 0) == reset &&
            error == (reset ? ECONNRESET : 0),
        "%s: %s, recv %zd bytes, then %s", what, event_names(events), first,
        error != 0 ? error_name(error) : "end of file");
    close(epoll_fd);
    close(pair[1]);
}

int main(void)
{
    int pair[2];
    make_tcp_pair(pair);
    close_end(pair, "all was read", false);
    make_tcp_pair(pair);
    send(pair[1], "x", 1, 0);
    close_end(pair, "a byte was not read", true);
    make_tcp_pair(pair);
    must(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now)),
         "SO_LINGER");
    close_end(pair, "SO_LINGER of 0 s", true);
    make_pair(pair);
    must(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now)),
         "SO_LINGER");
    close_end(pair, "the same, Unix-domain", false);
    return verdict("depends", "close sends what is left, and then end of file",
                   "with unread bytes, or SO_LINGER of 0, TCP resets the "
                   "connection: ERR, and ECONNRESET after the bytes");
}
