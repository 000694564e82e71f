/*
 * returns-zero.c - epoll's interface
 *
 * Claim: epoll_create returns a number greater than 0, so 0 is an error
 * Truth: false. It returns the lowest free number, like every call that
 * creates a descriptor, and 0 is free if standard input is closed. Only -1 is
 * an error.
 * Settled by: epoll_create(2), RETURN VALUE; open(2) on the lowest number.
 * Try: run a server of yours as "server <&-".
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    make_pair(pair);
    close(STDIN_FILENO);
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    saw(epoll_fd == 0, "standard input closed, epoll_create1 returns %d",
        epoll_fd);

    send(pair[1], "x", 1, 0);
    watch(epoll_fd, pair[0], EPOLLIN);
    const uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "and works: %s", event_names(events));
    return verdict("false",
                   "epoll_create returns a number greater than 0, so 0 is an "
                   "error",
                   "with standard input closed it returns 0, and descriptor 0 "
                   "works");
}
