/*
 * no-reference.c - epoll's interface
 *
 * Claim: a registered socket stays open until EPOLL_CTL_DEL
 * Truth: false. A registration does not count as a use of the file. When the
 * last descriptor is closed, the connection ends, and its registration with
 * it. An epoll instance can be closed without DEL, too.
 * Settled by: epoll(7), Questions and answers, Q6; fs/eventpoll.c,
 * eventpoll_release_file().
 * Try: a duplicate that stays open (dup-close.c).
 */
#include "claim.h"

int main(void)
{
    int a[2], b[2];
    char byte;
    make_pair(a);
    make_pair(b);
    int epoll_fd = new_epoll();
    watch(epoll_fd, a[0], EPOLLIN);
    watch(epoll_fd, b[0], EPOLLIN);

    close(a[0]);
    ssize_t n = recv(a[1], &byte, 1, MSG_DONTWAIT);
    saw(n == 0, "registered and closed; the peer's recv: %zd, end of file", n);
    uint32_t events = ask(epoll_fd);
    saw(events == 0, "the next wait: %s", event_names(events));

    close(epoll_fd);
    send(b[1], "x", 1, 0);
    n = recv(b[0], &byte, 1, MSG_DONTWAIT);
    saw(n == 1, "the epoll descriptor closed; a registered socket works: %zd",
        n);
    return verdict("false",
                   "a registered socket stays open until "
                   "EPOLL_CTL_DEL",
                   "the peer reads the end of file as soon as the descriptor "
                   "is closed");
}
