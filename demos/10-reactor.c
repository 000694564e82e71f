/*
 * 10-reactor - callbacks and timers: the loop is a library, the server is not.
 *
 * This echo server works like stage 07, but it registers a function for each
 * descriptor, and the loop in reactor.c calls that function.
 *
 * Adds: reactor.c contains the loop, which is the same for every server. It has
 * timers, so --idle-timeout MS can close clients that have been idle for MS
 * milliseconds. libevent, libuv, Redis (ae.c) and Python's asyncio have such a
 * loop. With many clients, the server also accepts several connections per
 * report. Otherwise each of them would wait until all clients are handled.
 *
 * Limitations: it uses one CPU, and a callback that blocks stops all clients.
 * --idle-timeout may close a client that reads slowly, because the kernel
 * reports EPOLLOUT only when three quarters of the socket buffer are free.
 *
 * Try: make compare-code A=07 B=10. Then insert sleep(1); as the first line of
 * on_client() and run make -s && build/10-reactor -m 1. Each callback delays
 * all clients by a second. git checkout demos undoes the change.
 */
#include "demo.h"
#include "listener.h"
#include "reactor.h"
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLOSE = 0 }; /* returned by echo() instead of events */

static long idle_ms = 0; /* --idle-timeout, or 0 for none */

struct client {
    int fd;
    char *unsent;    /* received but not yet sent, or NULL */
    size_t size;     /* of unsent, in bytes */
    uint32_t events; /* registered with epoll */

    int *clients;               /* how many the server has */
    struct reactor_timer *idle; /* or NULL without --idle-timeout */
};

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

/* Closes a client. Its timer calls this too. */
static void close_client(struct reactor *reactor, void *data)
{
    struct client *client = data;
    reactor_timer_cancel(reactor, client->idle);
    reactor_remove(reactor, client->fd);
    trace_close(client->fd);
    close(client->fd);
    free(client->unsent);
    (*client->clients)--;
    free(client);
}

static void on_client(struct reactor *reactor, int fd, uint32_t events,
                      void *data)
{
    struct client *client = data;
    (void)events; /* echo() works without them */
    uint32_t wanted = echo(client);
    if (wanted != client->events && wanted != CLOSE) {
        if (reactor_modify(reactor, fd, wanted) < 0)
            wanted = CLOSE;
        client->events = wanted;
    }
    if (wanted == CLOSE)
        close_client(reactor, client);
    else if (client->idle != NULL)
        reactor_timer_again(reactor, client->idle, (int)idle_ms);
}

/* Accepts one connection and watches it. Returns false if there was none. */
static bool accept_client(struct reactor *reactor, int listen_fd, int *clients)
{
    int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(client_fd);
    if (client_fd < 0) {
        listener_accept_failed(listen_fd); /* if descriptors have run out */
        return false;
    }
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL ||
        reactor_add(reactor, client_fd, EPOLLIN, on_client, client) < 0) {
        trace_refused(client_fd, "epoll cannot watch it");
        close(client_fd);
        free(client);
        return true;
    }
    client->fd = client_fd;
    client->events = EPOLLIN;
    client->clients = clients;
    (*clients)++;
    if (idle_ms > 0) {
        client->idle =
            reactor_timer_start(reactor, (int)idle_ms, 0, close_client, client);
        if (client->idle == NULL)
            close_client(reactor, client); /* no memory for the timer */
    }
    return true;
}

static void on_accept(struct reactor *reactor, int listen_fd, uint32_t events,
                      void *data)
{
    int *clients = data;
    (void)events;
    /* The next report may come only after a callback for each client. */
    for (int batch = 1 + *clients / MAX_EVENTS; batch > 0; batch--)
        if (!accept_client(reactor, listen_fd, clients))
            break;

    /* When the program stops, the listening socket is shut down and therefore
     * stays ready, so this is called until the last client is closed. */
    if (demo_stopping() && *clients == 0)
        reactor_stop(reactor);
}

static int serve(int listen_fd)
{
    int clients = 0, result = -1;
    struct reactor *reactor = reactor_create();
    if (reactor != NULL && listener_set_nonblocking(listen_fd) == 0 &&
        reactor_add(reactor, listen_fd, EPOLLIN, on_accept, &clients) == 0)
        result = reactor_run(reactor);
    reactor_destroy(reactor);
    return result;
}

int main(int argc, char **argv)
{
    struct demo_option idle = {.name = "idle-timeout",
                               .argument = "MS",
                               .help = "close clients after MS idle; 0: never",
                               .max = 24 * 3600 * 1000,
                               .number = &idle_ms};
    return demo_main_with(argc, argv, serve, &idle, 1);
}
