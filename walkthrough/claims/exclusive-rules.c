/*
 * exclusive-rules.c - epoll's interface
 *
 * Claim: EPOLLEXCLUSIVE goes with every other flag and can be changed by MOD
 * Truth: false. It can be combined with IN, OUT, ERR, HUP, WAKEUP and ET only.
 * It is possible only in ADD, cannot be modified later, and does not work for
 * an epoll descriptor. Everything else fails with EINVAL.
 * Settled by: epoll_ctl(2), EPOLLEXCLUSIVE; fs/eventpoll.c,
 * EPOLLEXCLUSIVE_OK_BITS.
 * Try: DEL and ADD instead of MOD.
 */
#include "claim.h"

static int epoll_fd;

static void must_be(const char *expected, const char *what, int op, int fd,
                    uint32_t events)
{
    struct epoll_event event = {.events = events};
    const int result = epoll_ctl(epoll_fd, op, fd, &event);
    const char *error = error_name(result < 0 ? errno : 0);
    saw(strcmp(error, expected) == 0, "%-26s error: %s", what, error);
}

int main(void)
{
    int a[2], b[2];
    make_pair(a);
    make_pair(b);
    epoll_fd = new_epoll();
    const uint32_t in = EPOLLIN | EPOLLEXCLUSIVE;
    must_be("EINVAL", "ADD with RDHUP", EPOLL_CTL_ADD, a[0], in | EPOLLRDHUP);
    must_be("EINVAL", "ADD with ONESHOT", EPOLL_CTL_ADD, a[0],
            in | EPOLLONESHOT);
    must_be("EINVAL", "ADD of an epoll descriptor", EPOLL_CTL_ADD, new_epoll(),
            in);
    must_be("none", "ADD with IN and ET", EPOLL_CTL_ADD, a[0], in | EPOLLET);
    must_be("EINVAL", "MOD of it", EPOLL_CTL_MOD, a[0], EPOLLIN);
    must_be("none", "DEL of it", EPOLL_CTL_DEL, a[0], 0);
    must_be("none", "ADD without EXCLUSIVE", EPOLL_CTL_ADD, b[0], EPOLLIN);
    must_be("EINVAL", "MOD to EXCLUSIVE", EPOLL_CTL_MOD, b[0], in);
    return verdict("false",
                   "EPOLLEXCLUSIVE goes with every other flag and can be "
                   "changed by MOD",
                   "RDHUP, ONESHOT, an epoll descriptor and every MOD are "
                   "EINVAL; ADD with IN and ET works");
}
