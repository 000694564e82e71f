/*
 * 08-epoll-et - edge-triggered: one report per event, so drain until EAGAIN.
 *
 * This echo server runs in one thread. epoll reports what has happened to a
 * client, and the server then receives and sends until a call fails with
 * EAGAIN.
 *
 * Adds: EPOLLET. A client is registered once, for reading and writing, and
 * never modified. In return, the server must remember its unfinished clients,
 * because epoll does not report them again. It keeps them in a queue, and each
 * gets short turns, so that a client that sends a lot does not delay others.
 *
 * Limitations: it uses one CPU. It is not faster than stage 07. On a
 * Unix-domain socket it makes five calls per message: a wait, recv, send, recv
 * with EAGAIN, and a wait because the client has read. Stage 07 makes three.
 *
 * Try: in send_bytes(), return MORE instead of blocked ? DRAINED : MORE. Then
 * make -s && build/08-epoll-et -q -S demos/scenarios/slow-reader.scn spins.
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

enum { BATCH = 16 }; /* echoes, or accepted connections, in one turn */

enum state {
    DRAINED, /* EAGAIN: epoll reports the next event */
    MORE,    /* epoll does not report it again, so go on */
    LATER,   /* the same, but not in this turn */
    CLOSED   /* the connection must be closed */
};

struct client {
    int fd;
    char *unsent; /* received but not yet sent, or NULL */
    size_t size;  /* of unsent, in bytes */
    bool queued;
    struct client *next; /* in the queue */
};

struct server {
    int epoll_fd, clients;
    struct client listener;
    struct client *first, **end; /* the queue of clients that have work */
};

static void enqueue(struct server *server, struct client *client)
{
    if (client->queued)
        return;
    client->queued = true;
    client->next = NULL;
    *server->end = client;
    server->end = &client->next;
}

/* Registers a client for all its events. Returns 0, or -1 with errno set. */
static int watch(int epoll_fd, struct client *client)
{
    uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    struct epoll_event event = {.events = events, .data.ptr = client};
    int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event);
    trace_ctl(EPOLL_CTL_ADD, client->fd, events, result);
    return result;
}

/* Accepts one connection and watches it. */
static enum state accept_client(struct server *server)
{
    int client_fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(client_fd);
    if (client_fd < 0)
        return listener_accept_failed(server->listener.fd) ? LATER : DRAINED;
    struct client *client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->fd = client_fd;
    if (client == NULL || watch(server->epoll_fd, client) < 0) {
        trace_refused(client_fd, "epoll cannot watch it");
        close(client_fd);
        free(client);
        return MORE;
    }
    server->clients++;
    return MORE; /* one edge may stand for many connections */
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

/* Sends bytes and saves those that are left. */
static enum state send_bytes(struct client *client, const char *data,
                             size_t size)
{
    ssize_t m = send(client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    trace_send(client->fd, size, m);
    bool blocked = m < 0 && errno == EAGAIN;
    if (m < 0 && !blocked && errno != EINTR)
        return CLOSED; /* EPIPE: the client has closed the connection */
    size_t sent = m > 0 ? (size_t)m : 0;
    if (!save_unsent(client, data + sent, size - sent))
        return CLOSED;
    return blocked ? DRAINED : MORE;
}

/* Sends the unsent bytes. If there are none, receives once and sends the bytes
 * back. */
static enum state echo(struct client *client)
{
    char buffer[BUFFER_SIZE];

    if (client->unsent != NULL)
        return send_bytes(client, client->unsent, client->size);

    ssize_t n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    trace_recv(client->fd, buffer, n);
    if (n == 0)
        return CLOSED; /* end of file: the client sends no more */
    if (n < 0 && errno == EAGAIN)
        return DRAINED; /* epoll reports when more has arrived */
    if (n < 0)
        return errno == EINTR ? MORE : CLOSED; /* ECONNRESET, for example */
    return send_bytes(client, buffer, (size_t)n);
}

/* Lets a client work until EAGAIN, but at most BATCH times. It does not stop at
 * a short recv(), as epoll(7) allows for streams: on these sockets, more bytes
 * may follow one that was sent with MSG_OOB. */
static enum state take_turn(struct server *server, struct client *client)
{
    bool listens = client == &server->listener;
    enum state state = MORE;
    for (int i = 0; i < BATCH && state == MORE; i++)
        state = listens ? accept_client(server) : echo(client);
    return state;
}

/* Gives each client in the queue one turn. */
static void run_queue(struct server *server)
{
    struct client *client = server->first, *next;
    server->first = NULL;
    server->end = &server->first;
    for (; client != NULL; client = next) {
        next = client->next;
        client->queued = false;
        enum state state = take_turn(server, client);
        if (state == MORE || state == LATER)
            enqueue(server, client);
        if (state != CLOSED)
            continue;
        trace_close(client->fd);
        close(client->fd); /* no duplicate, so this unregisters it */
        free(client->unsent);
        free(client);
        server->clients--;
    }
}

static int serve(int listen_fd)
{
    struct epoll_event events[MAX_EVENTS];
    struct server server = {.listener.fd = listen_fd, .end = &server.first};
    server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server.epoll_fd < 0)
        return -1;
    if (listener_set_nonblocking(listen_fd) < 0 ||
        watch(server.epoll_fd, &server.listener) < 0) {
        close(server.epoll_fd);
        return -1;
    }

    while (!demo_stopping() || server.clients > 0) {
        int timeout = server.first != NULL ? 0 : -1; /* 0: do not block */
        trace_wait("epoll_wait");
        int n = epoll_wait(server.epoll_fd, events, MAX_EVENTS, timeout);
        trace_woke("epoll_wait", n);
        if (n < 0 && errno != EINTR) {
            close(server.epoll_fd);
            return -1; /* it would fail again: stop instead of spinning */
        }

        for (int i = 0; i < n; i++) {
            struct client *client = events[i].data.ptr;
            trace_ready(client->fd, events[i].events);
            /* OUT alone means that the client has read. */
            if (events[i].events != EPOLLOUT || client->unsent != NULL)
                enqueue(&server, client);
        }
        run_queue(&server);
    }
    close(server.epoll_fd);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
