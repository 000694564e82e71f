/*
 * dup-close.c - epoll's interface
 *
 * Claim: closing a descriptor takes it off the interest list
 * Truth: depends. The open file is registered, and it is removed when its last
 * descriptor is closed. If there is a duplicate, from dup or in a child,
 * events for the closed number are still reported. DEL needs the registered
 * number and the open file, so it works again after dup2(duplicate, number).
 * Settled by: epoll(7), Q6; epoll_ctl(2), EBADF and ENOENT.
 * Try: let another file get the number. Whose events are reported?
 */
#include "claim.h"

int main(void)
{
    int a[2], b[2];
    make_pair(a);
    make_pair(b);
    const int epoll_fd = new_epoll();

    watch(epoll_fd, a[0], EPOLLIN);
    send(a[1], "x", 1, MSG_NOSIGNAL);
    close(a[0]);
    saw(ask(epoll_fd) == 0, "closed, no duplicate: nothing is reported");

    watch(epoll_fd, b[0], EPOLLIN);
    send(b[1], "x", 1, MSG_NOSIGNAL);
    const int duplicate = must(dup(b[0]), "dup");
    close(b[0]);
    struct epoll_event event;
    const int n = epoll_wait(epoll_fd, &event, 1, 0);
    saw(n == 1 && event.data.fd == b[0],
        "closed, with a duplicate: %d ready, and it is the closed number", n);

    int result = epoll_ctl(epoll_fd, EPOLL_CTL_DEL, b[0], NULL);
    saw(result < 0 && errno == EBADF, "DEL of the closed number: %s",
        error_name(result < 0 ? errno : 0));
    result = epoll_ctl(epoll_fd, EPOLL_CTL_DEL, duplicate, NULL);
    saw(result < 0 && errno == ENOENT, "DEL of the duplicate: %s",
        error_name(result < 0 ? errno : 0));
    must(dup2(duplicate, b[0]), "dup2");
    result = epoll_ctl(epoll_fd, EPOLL_CTL_DEL, b[0], NULL);
    saw(result == 0, "DEL after dup2 has made the number again: %s",
        error_name(result < 0 ? errno : 0));

    watch(epoll_fd, b[0], EPOLLIN);
    close(b[0]);
    close(duplicate);
    saw(ask(epoll_fd) == 0,
        "the duplicate closed as well: nothing is reported");
    return verdict(
        "depends", "closing a descriptor takes it off the interest list",
        "alone: yes; while a duplicate is open its events go on, "
        "and DEL is EBADF or ENOENT until dup2 makes the number again");
}
