/*
 * ctl-checks.c - epoll's interface
 *
 * Claim: epoll_ctl checks its arguments from the first to the last
 * Truth: false. It copies the event first, unless op is DEL. Then it looks at
 * both descriptors, at the kind of the watched file, and only then whether the
 * first one is an epoll instance, and is not the watched one.
 * Settled by: epoll_ctl(2), ERRORS; fs/eventpoll.c, do_epoll_ctl().
 * Try: swap the first and the third argument.
 */
#include "claim.h"

static void expect(int epoll_fd, int op, int fd, bool with_event, int error,
                   const char *what)
{
    struct epoll_event event = {.events = EPOLLIN};
    int result = epoll_ctl(epoll_fd, op, fd, with_event ? &event : NULL);
    int found = result < 0 ? errno : 0;
    saw(found == error, "%-46s %s", what, error_name(found));
}

int main(void)
{
    int pair[2];
    make_pair(pair);
    int epoll_fd = new_epoll();
    int file = must(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "open");
    expect(-1, EPOLL_CTL_ADD, -1, false, EFAULT,
           "no event, and both descriptors are bad:");
    expect(-1, EPOLL_CTL_ADD, file, true, EBADF,
           "a bad descriptor, and a regular file:");
    expect(pair[1], EPOLL_CTL_ADD, file, true, EPERM,
           "not an epoll instance, and a regular file:");
    expect(pair[1], EPOLL_CTL_ADD, pair[0], true, EINVAL,
           "not an epoll instance:");
    expect(epoll_fd, EPOLL_CTL_ADD, epoll_fd, true, EINVAL, "itself:");
    expect(epoll_fd, EPOLL_CTL_DEL, pair[0], false, ENOENT,
           "DEL without an event, not registered:");
    watch(epoll_fd, pair[0], EPOLLIN);
    expect(epoll_fd, EPOLL_CTL_DEL, pair[0], false, 0,
           "DEL without an event, registered:");
    return verdict("false",
                   "epoll_ctl checks its arguments from the first to the last",
                   "the event (EFAULT), both descriptors (EBADF), the file "
                   "(EPERM), then the epoll instance (EINVAL)");
}
