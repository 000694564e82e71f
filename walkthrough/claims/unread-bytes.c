/*
 * unread-bytes.c - TCP
 *
 * Claim: a peer that does not read stops the sender after as many bytes as on a
 * Unix-domain socket
 * Truth: false. On a Unix-domain socket, the bytes are in one buffer, that of
 * the sender. Over TCP, both ends have one, and the kernel enlarges them.
 * Settled by: tcp(7), tcp_wmem, tcp_rmem and tcp_moderate_rcvbuf; socket(7),
 * SO_SNDBUF, which ends this for one socket.
 * Try: setsockopt with SO_SNDBUF and SO_RCVBUF of 4,096 before the sends.
 */
#include "claim.h"

/* Sends until EAGAIN. Returns how many bytes the sockets have taken. */
static long fill(const int pair[2])
{
    static char bytes[4096];
    ssize_t n;
    long sent = 0;
    while ((n = send(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        sent += n;
    return sent;
}

int main(void)
{
    int local[2], tcp[2], size = 0;
    socklen_t length = sizeof(size);
    make_pair(local);
    make_tcp_pair(tcp);
    must(getsockopt(local[0], SOL_SOCKET, SO_SNDBUF, &size, &length),
         "SO_SNDBUF");
    long local_bytes = fill(local), tcp_bytes = fill(tcp);
    saw(local_bytes <= size, "Unix-domain: %s bytes than SO_SNDBUF",
        local_bytes <= size ? "not more" : "more");
    saw(tcp_bytes > 2 * local_bytes, "TCP: %s than twice as many",
        tcp_bytes > 2 * local_bytes ? "more" : "not more");
    return verdict("false",
                   "a peer that does not read stops the sender after as many "
                   "bytes as on a Unix-domain socket",
                   "TCP has two buffers, which grow, and takes more than twice "
                   "as many bytes");
}
