/*
 * size.c - epoll's interface
 *
 * Claim: the size given to epoll_create is the most it can watch
 * Truth: false. The size has been ignored since Linux 2.6.8, and must only be
 * greater than 0. epoll_create1 does not have this argument.
 * Settled by: epoll_create(2), NOTES.
 * Try: change 1 into 0. Which call fails?
 */
#include "claim.h"

#define MANY 100

int main(void)
{
    struct epoll_event events[MANY];
    int pair[2], added = 0;
    make_pair(pair);
    send(pair[1], "x", 1, 0); /* all its duplicates are now readable */

    const int epoll_fd = must(epoll_create(1), "epoll_create");
    for (int i = 0; i < MANY; i++) {
        const int fd = must(dup(pair[0]), "dup");
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        added += epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
    }
    saw(added == MANY, "size 1: %d descriptors added", added);
    const int n = epoll_wait(epoll_fd, events, MANY, 0);
    saw(n == MANY, "size 1: one epoll_wait reports %d", n);

    const int zero = epoll_create(0);
    saw(zero < 0 && errno == EINVAL, "size 0: %s",
        error_name(zero < 0 ? errno : 0));
    return verdict("false",
                   "the size given to epoll_create is the most it can watch",
                   "with size 1, 100 descriptors are added and reported at "
                   "once; size 0 is EINVAL");
}
