/*
 * hint.c - who is woken
 *
 * Claim: if epoll reports a socket as readable, recv does not block
 * Truth: false. It was readable at that moment. Another thread or process may
 * have read the data since. The same is true for a connection to accept. A
 * report is a hint, so call recv with MSG_DONTWAIT or O_NONBLOCK, and expect
 * EAGAIN.
 * Settled by: select(2), BUGS.
 * Try: EPOLLONESHOT. Which thread may receive then?
 */
#include "claim.h"

/* Another process that has the same socket. */
static int take_a_byte(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 1 ? 0 : 1;
}

/* The reader of the usual texts, which trusts the report. */
static int recv_blocking(int fd)
{
    char byte;
    return (int)recv(fd, &byte, 1, 0);
}

int main(void)
{
    int pair[2];
    char byte;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);

    send(pair[1], "x", 1, 0);
    const uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "reported: %s", event_names(events));
    const int status = end_of(start_child(take_a_byte, pair[0]));
    saw(status == 0, "another process takes the byte");
    const ssize_t n = recv(pair[0], &byte, 1, MSG_DONTWAIT);
    saw(n < 0 && errno == EAGAIN, "our recv with MSG_DONTWAIT: %s",
        error_name(n < 0 ? errno : 0));

    const pid_t pid = start_child(recv_blocking, pair[0]);
    wait_asleep(pid);
    saw(asleep(pid), "a recv without it blocks");
    send(pair[1], "y", 1, 0);
    saw(end_of(pid) == 1, "until the next byte");
    return verdict("false",
                   "if epoll reports a socket as readable, recv does not block",
                   "IN is reported, another process reads first: MSG_DONTWAIT "
                   "gives EAGAIN, a blocking recv blocks");
}
