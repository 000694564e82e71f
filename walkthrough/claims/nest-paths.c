/*
 * nest-paths.c - limits and costs
 *
 * Claim: an epoll instance has no limit but memory
 * Truth: false. Open files bound it (EMFILE), registrations of a user do
 * (ENOSPC, /proc/sys/fs/epoll/max_user_watches), and so do the ways on which
 * one event can climb through nested epolls: 500 of two steps, then EINVAL.
 * Settled by: epoll(7), /proc interfaces; epoll_ctl(2), ENOSPC;
 * fs/eventpoll.c, path_limits.
 * Try: leave out the outer epoll, and see how many may watch one socket.
 */
#include "claim.h"

int main(void)
{
    int pair[2], inner = 0;
    allow_descriptors(600);
    make_pair(pair);
    const int outer_fd = new_epoll();
    const char *error = "none";
    while (inner < 550) {
        const int epoll_fd = new_epoll();
        watch(outer_fd, epoll_fd, EPOLLIN);
        struct epoll_event event = {.events = EPOLLIN};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event) < 0) {
            error = error_name(errno);
            break;
        }
        inner++;
    }
    saw(inner == 500 && strcmp(error, "EINVAL") == 0,
        "one socket in %d epolls, all in one outer epoll; the next: %s", inner,
        error);

    const int plain_fd = new_epoll();
    struct epoll_event event = {.events = EPOLLIN};
    const int result = epoll_ctl(plain_fd, EPOLL_CTL_ADD, pair[0], &event);
    saw(result == 0, "one more that is not in the outer one: %s",
        error_name(result < 0 ? errno : 0));
    return verdict("false", "an epoll instance has no limit but memory",
                   "the 501st nested epoll on one socket is EINVAL");
}
