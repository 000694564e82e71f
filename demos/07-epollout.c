/*
 * 07-epollout - writing can block too: keep the rest, wait for EPOLLOUT.
 *
 * Adds: that a socket can be read says nothing about sending. What send does
 * not take at once is kept, and epoll asked to tell when there is room. Until
 * it has gone nothing more is read from this client, who fills its own socket
 * and must wait: backpressure, for the price of one buffer. EPOLLOUT is asked
 * for only while there is a rest: a socket with room is always ready.
 *
 * Cannot: use more than one CPU.
 *
 * Try: build/07-epollout --serve -s /tmp/echo, a client that does not read,
 * socat -u OPEN:/dev/zero UNIX:/tmp/echo, and nc -U /tmp/echo. Then stage 06.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    char *rest; /* received and not yet sent; NULL: nothing */
    size_t size;
};

/* Put a client on the interest list, or change what is asked about it. */
static int watch(int epoll_fd, int op, struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    const int result = epoll_ctl(epoll_fd, op, client->fd, &event);
    trace_ctl(op, client->fd, events, result);
    return result;
}

/* Keep a copy of what is left to send. Returns false without memory. */
static bool keep(struct client *client, const char *left, size_t size)
{
    char *const rest = size > 0 ? malloc(size) : NULL;
    if (rest != NULL)
        memcpy(rest, left, size); /* it may lie in the rest there was */
    free(client->rest);
    client->rest = rest;
    client->size = size;
    return rest != NULL || size == 0;
}

/* Send the rest or, without one, echo what has come: the state decides, so HUP
 * and ERR need no branch. Returns false when the client is done with. */
static bool echo(int epoll_fd, struct client *client)
{
    const int fd = client->fd;
    const char *data = client->rest;
    size_t size = client->size;
    char buffer[BUFFER_SIZE];
    if (data == NULL) {
        const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        trace_recv(fd, buffer, n);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        data = buffer;
        size = (size_t)n;
    }
    const ssize_t n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    trace_send(fd, size, n);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    const size_t sent = n > 0 ? (size_t)n : 0;
    const bool had_rest = data != buffer;
    if (!keep(client, data + sent, size - sent))
        return false;
    return had_rest == (sent < size) ||
           watch(epoll_fd, EPOLL_CTL_MOD, client,
                 had_rest ? EPOLLIN : EPOLLOUT) == 0;
}

/* Make a client of a connection, or close it. Returns how many it made. */
static int admit(int epoll_fd, int client_fd)
{
    struct client *const client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->fd = client_fd;
    if (client != NULL && watch(epoll_fd, EPOLL_CTL_ADD, client, EPOLLIN) == 0)
        return 1;
    trace_refused(client_fd, client ? "epoll cannot watch it" : "no memory");
    close(client_fd);
    free(client);
    return 0;
}

static int serve(int listen_fd)
{
    struct epoll_event events[MAX_EVENTS];
    struct client listener = {.fd = listen_fd};
    int clients = 0;
    int full = 0; /* accept4's errno, if it had no room */
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0 || epoll_fd < 0 ||
        watch(epoll_fd, EPOLL_CTL_ADD, &listener, EPOLLIN) < 0)
        return -1;

    while (!demo_stopping() || clients > 0) {
        const bool retry = full && (full != EMFILE || clients == 0);
        const int timeout = retry ? DEMO_RETRY_MS : -1;
        trace_wait("epoll_wait");
        const int n = epoll_wait(epoll_fd, events, MAX_EVENTS, timeout);
        trace_woke("epoll_wait", n);

        if (retry && watch(epoll_fd, EPOLL_CTL_MOD, &listener, EPOLLIN) == 0)
            full = 0; /* perhaps: ask again */
        for (int i = 0; i < n; i++) {
            struct client *const client = events[i].data.ptr;
            trace_ready(client->fd, events[i].events);
            if (client == &listener) {
                const int client_fd =
                    accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
                trace_accept(client_fd);
                if (client_fd >= 0) {
                    clients += admit(epoll_fd, client_fd);
                } else if (demo_no_room(errno)) {
                    full = errno;
                    watch(epoll_fd, EPOLL_CTL_MOD, client, 0);
                }
            } else if (!echo(epoll_fd, client)) {
                trace_close(client->fd);
                close(client->fd); /* no dup of it: leaves the list, too */
                free(client->rest);
                free(client);
                clients--;
                if (full &&
                    watch(epoll_fd, EPOLL_CTL_MOD, &listener, EPOLLIN) == 0)
                    full = 0;
            }
        }
    }
    close(epoll_fd);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
