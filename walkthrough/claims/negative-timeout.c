/*
 * negative-timeout.c - epoll's interface
 *
 * Claim: a time-out below -1 is an error, or undefined
 * Truth: false on Linux. Every negative time-out means: block until an event
 * occurs. The manual page promises this only for -1, so pass -1.
 * Settled by: epoll_wait(2); fs/eventpoll.c, ep_timeout_to_timespec.
 * Try: the same with poll, then with select and a negative tv_sec.
 */
#include "claim.h"

#include <limits.h>

static int epoll_fd;

static int wait_once(int timeout)
{
    struct epoll_event event;
    return epoll_wait(epoll_fd, &event, 1, timeout);
}

int main(void)
{
    const int timeouts[] = {-1, -2, INT_MIN};
    for (int i = 0; i < 3; i++) {
        int pair[2];
        make_pair(pair);
        epoll_fd = new_epoll();
        watch(epoll_fd, pair[0], EPOLLIN);
        const pid_t pid = start_child(wait_once, timeouts[i]);
        wait_asleep(pid);
        send(pair[1], "x", 1, 0);
        const int n = end_of(pid);
        saw(n == 1, "timeout %11d: it blocks, a byte arrives, it returns %d",
            timeouts[i], n);
    }
    return verdict("false", "a time-out below -1 is an error, or undefined",
                   "-1, -2 and INT_MIN block alike until a byte arrives");
}
