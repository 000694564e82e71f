/*
 * one-send.c - level and edge
 *
 * Claim: one send gives one edge
 * Truth: false. A send that is larger than the socket's buffer waits for the
 * reader, and continues in pieces. Each piece is an edge, although the sender
 * has made one call. A server that counts edges does not count messages.
 * Settled by: net/unix/af_unix.c, unix_stream_sendmsg(), which calls
 * sk_data_ready for each buffer; send(2).
 * Try: level-triggered, or a non-blocking sender.
 */
#include "claim.h"

static char bytes[4 << 20];

static int send_all(int fd)
{
    ssize_t n = send(fd, bytes, sizeof(bytes), 0);
    return n == (ssize_t)sizeof(bytes) ? 0 : 1;
}

int main(void)
{
    int pair[2], edges = 0;
    size_t received = 0;
    struct epoll_event event;
    make_pair(pair);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);
    send(pair[1], "x", 1, 0);
    int n = epoll_wait(epoll_fd, &event, 1, 0);
    int more = epoll_wait(epoll_fd, &event, 1, 0);
    saw(n == 1 && more == 0, "a send of 1 byte: %d edge", n + more);
    recv(pair[0], bytes, 1, 0);

    pid_t sender = start_child(send_all, pair[1]);
    while (received < sizeof(bytes)) {
        edges += epoll_wait(epoll_fd, &event, 1, -1);
        ssize_t length = 1;
        while (length > 0) { /* until EAGAIN, so the next report is an edge */
            length = recv(pair[0], bytes, 65536, MSG_DONTWAIT);
            received += length > 0 ? (size_t)length : 0;
        }
    }
    saw(end_of(sender) == 0, "one send of %d MiB, one call",
        (int)(sizeof(bytes) >> 20));
    saw(edges > 1, "%s", edges > 1 ? "several edges" : "one edge");
    return verdict("false", "one send gives one edge",
                   "a send of 1 byte is one edge, one send of 4 MiB is "
                   "several, because the sender waits for the reader");
}
