/*
 * edge.c - what being told once costs: the bare loop, edge-triggered.
 *
 * usage: edge [--short] [--out] PATH
 *
 * Each message is read until EAGAIN, which is one recv more. With --short a
 * recv that does not fill the buffer ends the turn, as epoll(7) allows; then
 * only EPOLLRDHUP tells of an end that came with the last bytes, and what
 * follows a byte sent MSG_OOB may never be told of. With --out EPOLLOUT is
 * asked for as well, as 08-epoll-et does for clients that read slowly: each
 * reply that a client takes is then a report, too.
 *
 * Left out: all that bare.c leaves out.
 */
#include "peer.h"

#include <sys/epoll.h>
#include <unistd.h>

static bool stop_at_short;

/* Echo until there is no more. False: the client is done with. */
static bool drain(int fd)
{
    static char buffer[BUFFER_SIZE];
    for (;;) {
        const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
            return false;
        if (stop_at_short && (size_t)n < sizeof(buffer))
            return true;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[MAX_EVENTS];
    uint32_t asked = EPOLLIN | EPOLLRDHUP | EPOLLET;
    for (; argc > 2; argc--, argv++) {
        stop_at_short = stop_at_short || strcmp(argv[1], "--short") == 0;
        asked |= strcmp(argv[1], "--out") == 0 ? (uint32_t)EPOLLOUT : 0;
    }
    const char *const path = path_of(argc, argv);
    const int listen_fd = listen_at(path);
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listen_fd};
    if (epoll_fd < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        die("epoll");
    say_ready(path);

    event.events = asked;
    for (;;) {
        const int ready = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            const int fd = events[i].data.fd;
            if (fd == listen_fd) {
                event.data.fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
                if (event.data.fd >= 0)
                    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
            } else if (events[i].events != EPOLLOUT &&
                       !(drain(fd) && !(events[i].events & EPOLLRDHUP))) {
                close(fd);
            }
        }
    }
}
