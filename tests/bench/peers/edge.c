/*
 * edge.c - what being told once costs: the bare loop, edge-triggered.
 *
 * usage: edge [--short] [--inq] [--out] PATH
 *
 * Each message is read until EAGAIN, which is one recv more. With --short a
 * recv that does not fill the buffer ends the turn, as epoll(7) allows; then
 * only EPOLLRDHUP tells of an end that came with the last bytes, and what
 * follows a byte sent MSG_OOB may never be told of. With --inq, from Linux 6.17
 * on, recvmsg(2) says how many bytes are left (walkthrough/claims/so-inq.c):
 * that is safe. With --out EPOLLOUT is asked for as well, as 08-epoll-et does
 * for clients that read slowly: each reply that a client takes is then a
 * report, too.
 *
 * Left out: all that bare.c leaves out, and with --inq to close descriptors
 * that a client passes.
 */
#include "peer.h"

#include <sys/epoll.h>
#include <unistd.h>

#ifndef SO_INQ /* headers older than the kernel */
#define SO_INQ  84
#define SCM_INQ SO_INQ
#endif

static bool stop_at_short, ask_what_is_left;

static int tell_what_is_left(int fd)
{
    return setsockopt(fd, SOL_SOCKET, SO_INQ, &(int){1}, sizeof(int));
}

/* recv(2) that says how many bytes are left, or -1 where it is not told. */
static ssize_t receive(int fd, char *buffer, size_t size, int *left)
{
    *left = -1;
    if (!ask_what_is_left)
        return recv(fd, buffer, size, MSG_DONTWAIT);
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec bytes = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    const ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
    if (n > 0 && message.msg_controllen > 0 &&
        control.header.cmsg_level == SOL_SOCKET &&
        control.header.cmsg_type == SCM_INQ)
        memcpy(left, CMSG_DATA(&control.header), sizeof(*left));
    return n;
}

/* Echo until there is no more. False: the client is done with. */
static bool drain(int fd)
{
    static char buffer[BUFFER_SIZE];
    for (;;) {
        int left;
        const ssize_t n = receive(fd, buffer, sizeof(buffer), &left);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
            return false;
        if (left == 0 || (stop_at_short && (size_t)n < sizeof(buffer)))
            return true;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[MAX_EVENTS];
    uint32_t asked = EPOLLIN | EPOLLRDHUP | EPOLLET;
    for (; argc > 2; argc--, argv++) {
        if (strcmp(argv[1], "--short") == 0)
            stop_at_short = true;
        else if (strcmp(argv[1], "--inq") == 0)
            ask_what_is_left = true;
        else if (strcmp(argv[1], "--out") == 0)
            asked |= EPOLLOUT;
        else
            break; /* path_of() complains */
    }
    const char *const path = path_of(argc, argv);
    const int listen_fd = listen_at(path);
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listen_fd};
    if (epoll_fd < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        die("epoll");
    if (ask_what_is_left && tell_what_is_left(listen_fd) < 0)
        die("SO_INQ (Linux 6.17)");
    say_ready(path);

    event.events = asked;
    for (;;) {
        const int ready = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            const int fd = events[i].data.fd;
            if (fd == listen_fd) {
                event.data.fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
                if (event.data.fd >= 0 && ask_what_is_left)
                    tell_what_is_left(event.data.fd);
                if (event.data.fd >= 0)
                    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
            } else if (events[i].events != EPOLLOUT &&
                       !(drain(fd) && !(events[i].events & EPOLLRDHUP))) {
                close(fd);
            }
        }
    }
}
