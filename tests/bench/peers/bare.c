/*
 * bare.c - the limit: epoll_wait, recv, send, and nothing else.
 *
 * usage: bare [--thread] PATH
 *
 * No trace, no counts, no state, no care: what is left is what the kernel
 * costs. Every other server is measured against this one ("x" in the table).
 * It is 06-epoll-lt without all that makes that one a server for the world: a
 * client that does not read stops it, and so does a lack of descriptors.
 *
 * With --thread a second thread sleeps beside it, as in the stages, where one
 * waits for signals. From then on the kernel counts each use of a descriptor,
 * for another thread might close it meanwhile.
 */
#include "peer.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

static void *sleep_for_ever(void *nothing)
{
    for (;;)
        pause();
    return nothing;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc > 2 && strcmp(argv[1], "--thread") == 0) {
        errno = pthread_create(&thread, NULL, sleep_for_ever, NULL);
        if (errno != 0)
            die("pthread_create");
        argc--;
        argv++;
    }
    static char buffer[BUFFER_SIZE];
    struct epoll_event events[MAX_EVENTS];
    const char *const path = path_of(argc, argv);
    const int listen_fd = listen_at(path);
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listen_fd};
    if (epoll_fd < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        die("epoll");
    say_ready(path);

    for (;;) {
        const int ready = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            const int fd = events[i].data.fd;
            if (fd == listen_fd) {
                event.data.fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
                if (event.data.fd >= 0)
                    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
                continue;
            }
            const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
            if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
                close(fd);
        }
    }
}
