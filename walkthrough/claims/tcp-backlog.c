/*
 * tcp-backlog.c - TCP
 *
 * Claim: a non-blocking connect to a server with a full backlog fails with
 * EAGAIN
 * Truth: false. That is so on a Unix-domain socket. Over TCP, every
 * non-blocking connect returns EINPROGRESS. The kernel drops the packet of a
 * client that finds the queue full, and the client sends it again after a
 * second, so it connects late.
 * Settled by: connect(2), EAGAIN and EINPROGRESS; listen(2), NOTES; tcp_info of
 * a listener: sk_ack_backlog in net/ipv4/tcp.c, tcp_get_info().
 * Try: ss -ltn while it runs: Recv-Q is the queue, Send-Q the backlog.
 */
#include "claim.h"

#include <netinet/tcp.h>

static struct sockaddr_in name = {.sin_family = AF_INET};

/* Begins to connect. Returns the socket, and the errno of connect(2). */
static int start_connect(int *error)
{
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    int result = connect(fd, (struct sockaddr *)&name, sizeof(name));
    *error = result < 0 ? errno : 0;
    return fd;
}

/* Waits until the socket is connected. Returns its SO_ERROR. */
static int end_of_connect(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    struct pollfd slot = {.fd = fd, .events = POLLOUT};
    must(poll(&slot, 1, -1), "poll");
    must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
    return error;
}

static struct tcp_info info_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    return info;
}

int main(void)
{
    socklen_t size = sizeof(name);
    int listen_fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(listen_fd, (struct sockaddr *)&name, size), "bind");
    must(listen(listen_fd, 1), "listen");
    must(getsockname(listen_fd, (struct sockaddr *)&name, &size),
         "getsockname");
    for (int i = 1; i <= 2; i++) {
        int error, fd = start_connect(&error);
        int result = end_of_connect(fd);
        saw(error == EINPROGRESS && result == 0,
            "backlog 1, client %d: %s, then %s", i, error_name(error),
            result == 0 ? "connected" : error_name(result));
    }
    struct tcp_info queue = info_of(listen_fd);
    saw(queue.tcpi_unacked == 2 && queue.tcpi_sacked == 1,
        "TCP_INFO of the listener: %u in the queue, backlog %u",
        queue.tcpi_unacked, queue.tcpi_sacked);
    int error, late = start_connect(&error);
    struct tcp_info client = info_of(late);
    saw(error == EINPROGRESS && client.tcpi_state == TCP_SYN_SENT,
        "client 3: %s, and it is %s", error_name(error),
        client.tcpi_state == TCP_SYN_SENT ? "still connecting" : "connected");
    must(accept(listen_fd, NULL, NULL), "accept");
    int result = end_of_connect(late);
    client = info_of(late);
    saw(result == 0 && client.tcpi_total_retrans > 0,
        "the server accepts one: client 3 has sent its packet again: %s",
        result == 0 ? "connected" : error_name(result));
    return verdict("false",
                   "a non-blocking connect to a server with a full backlog "
                   "fails with EAGAIN",
                   "over TCP it is EINPROGRESS, as always; the client repeats "
                   "its packet until there is room");
}
