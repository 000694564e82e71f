/*
 * 10-reactor - callbacks, timers: the loop is a library, the server is not.
 *
 * Adds: reactor.c keeps the loop, the same for every server, and calls back.
 * Timers come with it: --idle-timeout MS closes who is silent for so long.
 * Such a loop is in libevent (event_base_dispatch), libuv (uv_run), redis'
 * ae.c (aeMain), and asyncio (add_reader), on which Tornado's IOLoop stands:
 * one thread, and no callback may sleep. Their timers, too, lie in a heap, but
 * for ae.c's, in a plain list; libuv's streams even recv for you.
 *
 * Cannot: use more than one CPU. A callback that sleeps stops everybody. Nor
 * tell a reader who is slow from one who is gone: EPOLLOUT comes when three
 * quarters of the socket are free, and until then such a client is silent.
 *
 * Try: make compare-code A=07 B=10; let on_client() begin with sleep(1).
 */
#include "demo.h"
#include "reactor.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static long idle_ms = 0; /* --idle-timeout; 0: off */

struct server {
    int listen_fd, clients;
    bool full;                   /* accept4 had no room: accept nobody ... */
    struct reactor_timer *retry; /* ... until this one says so */
};

struct client {
    struct server *server;
    int fd;
    char *rest; /* received and not yet sent; NULL: nothing */
    size_t size;
    struct reactor_timer *idle; /* NULL: it may be silent */
};

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
static bool echo(struct reactor *reactor, struct client *client)
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
           reactor_modify(reactor, fd, had_rest ? EPOLLIN : EPOLLOUT) == 0;
}

/* There may be room again. */
static void listen_again(struct reactor *reactor, void *data)
{
    struct server *const server = data;
    server->full = reactor_modify(reactor, server->listen_fd, EPOLLIN) < 0;
}

/* The end of a client: its own, by an error, or because it was silent. */
static void leave(struct reactor *reactor, void *data)
{
    struct client *const client = data;
    struct server *const server = client->server;
    reactor_timer_cancel(reactor, client->idle);
    reactor_remove(reactor, client->fd);
    trace_close(client->fd);
    close(client->fd);
    free(client->rest);
    free(client);
    server->clients--;
    if (server->full)
        listen_again(reactor, server);
}

static void on_client(struct reactor *reactor, int fd, uint32_t events,
                      void *data)
{
    (void)fd, (void)events; /* the client's state decides */
    struct client *const client = data;
    if (!echo(reactor, client))
        leave(reactor, client);
    else if (client->idle != NULL)
        reactor_timer_again(reactor, client->idle, (int)idle_ms);
}

/* Make a client of a connection, or close it. Returns how many it made. */
static int admit(struct reactor *reactor, struct server *server, int client_fd)
{
    struct client *const client = calloc(1, sizeof(*client));
    if (client != NULL) {
        *client = (struct client){.server = server, .fd = client_fd};
        if (idle_ms > 0)
            client->idle =
                reactor_timer_start(reactor, (int)idle_ms, 0, leave, client);
        if ((idle_ms == 0 || client->idle != NULL) &&
            reactor_add(reactor, client_fd, EPOLLIN, on_client, client) == 0)
            return 1;
        reactor_timer_cancel(reactor, client->idle);
    }
    trace_refused(client_fd, client ? "it cannot be watched" : "no memory");
    close(client_fd);
    free(client);
    return 0;
}

static void on_accept(struct reactor *reactor, int listen_fd, uint32_t events,
                      void *data)
{
    (void)events;
    struct server *const server = data;
    const int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(client_fd);
    if (client_fd >= 0) {
        server->clients += admit(reactor, server, client_fd);
    } else if (demo_no_room(errno)) {
        if (errno != EMFILE || server->clients == 0)
            reactor_timer_again(reactor, server->retry, DEMO_RETRY_MS);
        server->full = reactor_modify(reactor, listen_fd, 0) == 0;
    }
    if (demo_stopping() && server->clients == 0)
        reactor_stop(reactor); /* a listener shut down is ready until then */
}

static int serve(int listen_fd)
{
    struct server server = {.listen_fd = listen_fd};
    struct reactor *const reactor = reactor_create();
    int result = -1;
    if (reactor != NULL && fcntl(listen_fd, F_SETFL, O_NONBLOCK) == 0) {
        server.retry =
            reactor_timer_start(reactor, -1, 0, listen_again, &server);
        if (server.retry != NULL &&
            reactor_add(reactor, listen_fd, EPOLLIN, on_accept, &server) == 0)
            result = reactor_run(reactor);
    }
    reactor_destroy(reactor);
    return result;
}

int main(int argc, char **argv)
{
    const struct demo_option idle = {
        .name = "idle-timeout",
        .argument = "MS",
        .max = 24 * 3600 * 1000,
        .help = "close who is silent so long; 0: nobody",
        .number = &idle_ms};
    return demo_main_with(argc, argv, serve, &idle, 1);
}
