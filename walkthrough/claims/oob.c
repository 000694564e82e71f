/*
 * oob.c - Unix-domain sockets
 *
 * Claim: Unix-domain sockets have no out-of-band data, so PRI is never
 * reported
 * Truth: false since Linux 5.15, although unix(7) may still claim it. A byte
 * sent with MSG_OOB is reported as IN|PRI, and a plain recv does not return
 * it. A server that relies on IN and calls a blocking recv blocks, so a client
 * can stop it.
 * Settled by: net/unix/af_unix.c, CONFIG_AF_UNIX_OOB; send(2), MSG_OOB.
 * Try: a stage with --serve, and a client that sends with MSG_OOB.
 */
#include "claim.h"

int main(void)
{
    int a[2], b[2];
    char byte = '?';
    make_pair(a);
    make_pair(b);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, a[0], EPOLLIN | EPOLLPRI);
    if (send(a[1], "!", 1, MSG_OOB) < 0)
        not_tried("MSG_OOB on AF_UNIX needs Linux 5.15 and "
                  "CONFIG_AF_UNIX_OOB");

    const uint32_t events = ask(epoll_fd);
    saw(events == (EPOLLIN | EPOLLPRI), "a byte with MSG_OOB: %s",
        event_names(events));
    ssize_t n = recv(a[0], &byte, 1, MSG_DONTWAIT);
    saw(n < 0 && errno == EAGAIN, "recv with MSG_DONTWAIT: %s",
        error_name(n < 0 ? errno : 0));

    send(b[1], "!", 1, MSG_OOB);
    n = recv(b[0], &byte, 1, MSG_OOB);
    saw(n == 1 && byte == '!', "recv with MSG_OOB: %zd byte", n);
    return verdict("false",
                   "Unix-domain sockets have no out-of-band data, so PRI is "
                   "never reported",
                   "MSG_OOB is IN|PRI, and a plain recv would block: EAGAIN");
}
