/*
 * short-recv.c - level and edge
 *
 * Claim: a recv that returns less than was asked for has emptied the socket
 * Truth: false on Unix-domain sockets. A passed descriptor ends a recv,
 * whether the program receives it or not. A byte sent with MSG_OOB does too.
 * An edge-triggered server that stops there gets no report of the bytes behind
 * it. Read until EAGAIN, or register for PRI and let no client pass
 * descriptors.
 * Settled by: net/unix/af_unix.c, unix_stream_read_generic() and manage_oob();
 * epoll(7), Q9, and unix(7), SCM_RIGHTS.
 * Try: send both without the descriptor and MSG_OOB, and call recv again.
 */
#include "claim.h"

/* Checks an event and a short recv. Is there another event, and more? */
static void stop_short(int epoll_fd, int fd, uint32_t told, const char *what)
{
    char buffer[100];
    const uint32_t first = ask(epoll_fd);
    ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    saw(first == told && n == 4, "%s: %s; recv of 100 bytes returns %zd", what,
        event_names(first), n);
    const uint32_t next = ask(epoll_fd);
    n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    saw(next == 0 && n == 2, "  then: %s; another recv returns %zd",
        event_names(next), n);
}

int main(void)
{
    int a[2], b[2];
    make_pair(a);
    make_pair(b);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, a[0], EPOLLIN | EPOLLPRI | EPOLLET);
    watch(epoll_fd, b[0], EPOLLIN | EPOLLPRI | EPOLLET);

    send(a[1], "aa", 2, 0);
    send_with_descriptor(a[1], "bb", epoll_fd);
    send(a[1], "cc", 2, 0);
    stop_short(epoll_fd, a[0], EPOLLIN, "aa, bb with a descriptor, cc");

    send(b[1], "aabb", 4, 0);
    if (send(b[1], "!", 1, MSG_OOB) < 0)
        not_tried("MSG_OOB on AF_UNIX needs Linux 5.15, CONFIG_AF_UNIX_OOB");
    send(b[1], "cc", 2, 0);
    stop_short(epoll_fd, b[0], EPOLLIN | EPOLLPRI, "aabb, ! with MSG_OOB, cc");
    return verdict(
        "false",
        "a recv that returns less than was asked for has emptied the socket",
        "a passed descriptor, or a byte sent with MSG_OOB, ends a recv early; "
        "what follows gives no new edge");
}
