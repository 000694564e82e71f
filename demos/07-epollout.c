/*
 * 07-epollout - send() may block too: keep the unsent bytes, wait for EPOLLOUT.
 *
 * This echo server runs in one thread. It registers each client for the event
 * that it needs next: EPOLLIN for data, EPOLLOUT for room to send.
 *
 * Adds: a readable socket may still have no room to send. The server keeps the
 * unsent bytes and waits for EPOLLOUT. Until they are sent it receives nothing
 * from this client, so the client's socket fills up (backpressure). EPOLLOUT is
 * registered only for unsent bytes, because an idle socket is always writable.
 *
 * Limitations: it uses one CPU. It accepts one connection per report.
 *
 * Try: build/07-epollout --serve -s /tmp/echo. In a second terminal, start a
 * client that never reads: socat -u OPEN:/dev/zero UNIX:/tmp/echo. In a third
 * one, nc -U /tmp/echo still gets its echoes. With stage 06, it gets none.
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLOSE = 0 }; /* returned by echo() instead of events */
struct client {
    int fd;
    char *unsent;    /* received but not yet sent, or NULL */
    size_t size;     /* of unsent, in bytes */
    uint32_t events; /* registered with epoll */
};

/* Adds a client or modifies its events. Returns 0, or -1 with errno set. */
static int watch(int epoll_fd, int op, struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    int result = epoll_ctl(epoll_fd, op, client->fd, &event);
    trace_ctl(op, client->fd, events, result);
    client->events = events;
    return result;
}

/* Accepts one connection and watches it. Returns how many clients it added. */
static int accept_client(int epoll_fd, int listen_fd)
{
    int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(client_fd);
    if (client_fd < 0) {
        listener_accept_failed(listen_fd); /* if descriptors have run out */
        return 0;
    }
    struct client *client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->fd = client_fd;
    if (client == NULL || watch(epoll_fd, EPOLL_CTL_ADD, client, EPOLLIN) < 0) {
        trace_refused(client_fd, "epoll cannot watch it");
        close(client_fd);
        free(client);
        return 0;
    }
    return 1;
}

/* Replaces the unsent bytes with a copy of size bytes at left, which may be a
 * part of the old ones. Returns false if there is no memory. */
static bool save_unsent(struct client *client, const char *left, size_t size)
{
    char *copy = size > 0 ? malloc(size) : NULL;
    if (copy == NULL && size > 0)
        return false;
    if (size > 0)
        memcpy(copy, left, size);
    free(client->unsent);
    client->unsent = copy;
    client->size = size;
    return true;
}

/* Sends bytes and saves those that are left. Returns the events to wait for
 * next, or CLOSE. */
static uint32_t send_bytes(struct client *client, const char *data, size_t size)
{
    ssize_t m = send(client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    trace_send(client->fd, size, m);
    if (m < 0 && errno != EAGAIN && errno != EINTR)
        return CLOSE; /* EPIPE: the client has closed the connection */
    size_t sent = m > 0 ? (size_t)m : 0;
    if (!save_unsent(client, data + sent, size - sent))
        return CLOSE;
    return client->unsent != NULL ? EPOLLOUT : EPOLLIN;
}

/* Sends the unsent bytes. If there are none, receives once and sends the bytes
 * back. Returns the events to wait for next, or CLOSE. */
static uint32_t echo(struct client *client)
{
    char buffer[BUFFER_SIZE];

    if (client->unsent != NULL)
        return send_bytes(client, client->unsent, client->size);

    /* Unread data is reported again, so one recv() per report is enough. It
     * must not block, because a report is only a hint (select(2), BUGS). */
    ssize_t n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    trace_recv(client->fd, buffer, n);
    if (n == 0)
        return CLOSE; /* end of file: the client sends no more */
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return EPOLLIN; /* nothing yet: wait for the next report */
    if (n < 0)
        return CLOSE; /* ECONNRESET, for example */
    return send_bytes(client, buffer, (size_t)n);
}

/* Handles a report about a client. Returns how many clients it closed. */
static int handle_client(int epoll_fd, struct client *client)
{
    uint32_t wanted = echo(client);
    if (wanted == client->events)
        return 0;
    if (wanted != CLOSE && watch(epoll_fd, EPOLL_CTL_MOD, client, wanted) == 0)
        return 0;
    trace_close(client->fd);
    close(client->fd); /* no duplicate, so this unregisters it */
    free(client->unsent);
    free(client);
    return 1;
}

static int serve(int listen_fd)
{
    struct epoll_event events[MAX_EVENTS];
    struct client listener = {.fd = listen_fd};
    int clients = 0;
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        return -1;
    /* Non-blocking, because another process may accept a reported connection
     * before we do. */
    if (listener_set_nonblocking(listen_fd) < 0 ||
        watch(epoll_fd, EPOLL_CTL_ADD, &listener, EPOLLIN) < 0) {
        close(epoll_fd);
        return -1;
    }

    while (!demo_stopping() || clients > 0) {
        trace_wait("epoll_wait");
        int n = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        trace_woke("epoll_wait", n);
        if (n < 0 && errno != EINTR) {
            close(epoll_fd);
            return -1; /* it would fail again: stop instead of spinning */
        }

        for (int i = 0; i < n; i++) {
            struct client *client = events[i].data.ptr;
            trace_ready(client->fd, events[i].events);
            if (client == &listener)
                clients += accept_client(epoll_fd, listen_fd);
            else
                clients -= handle_client(epoll_fd, client);
        }
    }
    close(epoll_fd);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
