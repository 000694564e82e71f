/*
 * bad-fd.c - select and poll
 *
 * Claim: a closed or negative descriptor makes the wait fail
 * Truth: depends. select fails with EBADF. poll reports a closed descriptor as
 * NVAL and counts it as ready. It skips a negative one, so an element of the
 * array can be left unused. epoll_ctl fails with EBADF. A descriptor that is
 * closed later disappears from the interest list.
 * Settled by: select(2), EBADF; poll(2), fd and POLLNVAL; epoll(7), Q6.
 * Try: a server that never tests for NVAL, and a closed client.
 */
#include "claim.h"

#include <sys/select.h>

int main(void)
{
    int pair[2];
    make_pair(pair);
    const int closed = pair[1];
    const int epoll_fd = new_epoll();
    watch(epoll_fd, closed, EPOLLOUT);
    close(closed);

    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(closed, &readable);
    const int selected = select(closed + 1, &readable, NULL, NULL, NULL);
    saw(selected < 0 && errno == EBADF, "closed, select: %s",
        error_name(selected < 0 ? errno : 0));

    struct pollfd entries[] = {{.fd = closed, .events = POLLIN},
                               {.fd = -1, .events = POLLIN}};
    const int polled = poll(entries, 2, -1);
    saw(polled == 1 && entries[0].revents == POLLNVAL,
        "closed, poll: %d ready, its revents: %s", polled,
        entries[0].revents == POLLNVAL ? "NVAL" : "something else");
    saw(entries[1].revents == 0, "negative, poll: revents %d",
        entries[1].revents);

    struct epoll_event event = {.events = EPOLLIN};
    const int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, closed, &event);
    saw(result < 0 && errno == EBADF, "closed, epoll_ctl ADD: %s",
        error_name(result < 0 ? errno : 0));
    const int n = epoll_wait(epoll_fd, &event, 1, 0);
    saw(n == 0, "closed after ADD, epoll_wait: %d ready", n);
    return verdict("depends",
                   "a closed or negative descriptor makes the wait fail",
                   "closed: select fails with EBADF, poll reports NVAL, epoll "
                   "forgets it; negative: poll skips it");
}
