/*
 * nest-paths.c - limits and costs
 *
 * Claim: an epoll instance has no limit but memory
 * Truth: false. The paths from a file through nested epoll instances are
 * limited: 500 of two steps, then EINVAL. Two other limits are not shown here.
 * They are open files (EMFILE, open-files.c), and the registrations of a user
 * (ENOSPC, /proc/sys/fs/epoll/max_user_watches).
 * Settled by: fs/eventpoll.c, path_limits and reverse_path_check(); epoll(7),
 * "/proc interfaces"; epoll_ctl(2), ENOSPC.
 * Try: remove the outer instance. How many instances can watch one socket?
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
        "one socket in %d instances, all in one outer instance; the next: %s",
        inner, error);

    const int plain_fd = new_epoll();
    struct epoll_event event = {.events = EPOLLIN};
    const int result = epoll_ctl(plain_fd, EPOLL_CTL_ADD, pair[0], &event);
    saw(result == 0, "one more that is not in the outer instance: %s",
        error_name(result < 0 ? errno : 0));
    return verdict("false", "an epoll instance has no limit but memory",
                   "one socket in 501 nested instances is EINVAL");
}
