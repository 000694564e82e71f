/*
 * et-blocking.c - level and edge
 *
 * Claim: edge-triggered works only with non-blocking sockets
 * Truth: false. The kernel does not check O_NONBLOCK. One recv for each event,
 * or recv with MSG_DONTWAIT until EAGAIN, works on a blocking socket. Only a
 * loop until EAGAIN with a plain recv blocks.
 * Settled by: epoll(7), which says "should"; recv(2), MSG_DONTWAIT.
 * Try: fcntl(O_NONBLOCK) in the child.
 */
#include "claim.h"

static int pair[2];

/* The usual loop until EAGAIN, on a blocking socket. */
static int read_until_eagain(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    return errno;
}

int main(void)
{
    char buffer[10];
    int told = 0, read = 0;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    const int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event);
    saw(result == 0, "ADD of a blocking socket with EPOLLET: %s",
        error_name(result < 0 ? errno : 0));

    for (int i = 0; i < 100; i++) {
        send(pair[1], "x", 1, 0);
        told += epoll_wait(epoll_fd, &event, 1, 0);
        read += (int)recv(pair[0], buffer, sizeof(buffer), 0);
    }
    saw(told == 100 && read == 100,
        "100 messages, one recv each: %d events, %d bytes", told, read);

    send(pair[1], "0123456789abcdef", 16, 0);
    ssize_t n;
    for (read = 0; (n = recv(pair[0], buffer, 10, MSG_DONTWAIT)) > 0;)
        read += (int)n;
    saw(read == 16 && errno == EAGAIN, "MSG_DONTWAIT: %d bytes, then %s", read,
        error_name(errno));

    send(pair[1], "0123456789abcdef", 16, 0);
    const pid_t pid = start_child(read_until_eagain, pair[0]);
    wait_asleep(pid);
    n = recv(pair[0], buffer, 1, MSG_DONTWAIT);
    saw(n < 0 && errno == EAGAIN,
        "recv until EAGAIN, blocking: it has read all, and blocks");
    kill(pid, SIGKILL);
    end_of(pid);
    return verdict("false",
                   "edge-triggered works only with non-blocking sockets",
                   "ADD, one recv per event and MSG_DONTWAIT all work; a "
                   "blocking loop until EAGAIN blocks");
}
