/*
 * unlistened.c - Unix-domain sockets
 *
 * Claim: a socket that does not listen yet is not reported
 * Truth: false. A stream socket without a connection is OUT|HUP,
 * level-triggered at every wait. A server that forgets listen spins, and
 * accept fails with EINVAL.
 * Settled by: net/unix/af_unix.c, unix_poll: SOCK_STREAM and TCP_CLOSE;
 * accept(2), EINVAL.
 * Try: events 0. Is it still reported?
 */
#include "claim.h"

int main(void)
{
    struct place place;
    struct epoll_event event;
    int told = 0;
    const int listen_fd = bind_somewhere(&place);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, listen_fd, EPOLLIN | EPOLLOUT);
    const uint32_t events = ask(epoll_fd);
    saw(events == (EPOLLOUT | EPOLLHUP), "bound, not listening: %s",
        event_names(events));
    for (int i = 0; i < 1000; i++)
        told += epoll_wait(epoll_fd, &event, 1, -1);
    saw(told == 1000, "1000 waits without a limit, reported: %d times", told);
    const int fd = accept(listen_fd, NULL, NULL);
    saw(fd < 0 && errno == EINVAL, "accept: %s",
        error_name(fd < 0 ? errno : 0));

    must(listen(listen_fd, 5), "listen");
    const uint32_t after = ask(epoll_fd);
    saw(after == 0, "listening: %s", event_names(after));
    return verdict("false", "a socket that does not listen yet is not reported",
                   "without listen every wait reports OUT|HUP, 1000 of 1000");
}
