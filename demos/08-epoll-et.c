/*
 * 08-epoll-et - edge-triggered: told once, so go on until EAGAIN.
 *
 * Adds: with EPOLLET a wait tells what has happened since the last one. Each
 * client is registered once. The price: who is told of must be read, or sent
 * to, until EAGAIN: nobody will say again that something was left. Events only
 * queue clients, and turns are short, so that one who floods starves nobody.
 *
 * Cannot: use more than one CPU. Nor is it faster: five calls a message (wait,
 * recv, send, recv's EAGAIN, a wait when the client reads); in 07, three.
 *
 * Try: let "if (blocked)" be "if (true)", and take EPOLLOUT out of watch():
 * -c 1 -z 5000 never ends. With EPOLLOUT the client's reading hides the fault.
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

enum { TURN = 16 }; /* a turn: at most so many echoes, or accepts */
enum state { WAITS, NOT_YET, GONE }; /* WAITS: until epoll tells */

struct client {
    int fd;
    char *rest; /* received and not yet sent; NULL: nothing */
    size_t size;
    bool queued;
    struct client *next; /* in the queue */
};

struct server {
    int epoll_fd, clients, full; /* full: accept4's errno, if it had no room */
    struct client listener;
    struct client *first, **end; /* the queue of those whose turn comes */
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

/* Put a client on the interest list, once and for all. */
static int watch(int epoll_fd, struct client *client)
{
    const uint32_t asked = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    struct epoll_event event = {.events = asked, .data.ptr = client};
    const int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event);
    trace_ctl(EPOLL_CTL_ADD, client->fd, asked, result);
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

/* A client's turn: send the rest or echo, until EAGAIN. Who stops after a short
 * recv, as epoll(7) allows, may strand what follows MSG_OOB or a descriptor. */
static enum state echo(struct client *client)
{
    const int fd = client->fd;
    char buffer[BUFFER_SIZE];
    for (int i = 0; i < TURN; i++) {
        const char *data = client->rest;
        size_t size = client->size;
        if (data == NULL) {
            const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
            trace_recv(fd, buffer, n);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return n < 0 && errno == EAGAIN ? WAITS : GONE;
            data = buffer;
            size = (size_t)n;
        }
        const ssize_t n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        trace_send(fd, size, n);
        const bool blocked = n < 0 && errno == EAGAIN;
        if (n < 0 && !blocked && errno != EINTR)
            return GONE;
        const size_t sent = n > 0 ? (size_t)n : 0;
        if (!keep(client, data + sent, size - sent))
            return GONE;
        if (blocked)
            return WAITS; /* when there is room again, an OUT edge tells */
    }
    return NOT_YET;
}

/* Make a client of a connection, or close it. Returns how many it made. */
static int admit(int epoll_fd, int client_fd)
{
    struct client *const client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->fd = client_fd;
    if (client != NULL && watch(epoll_fd, client) == 0)
        return 1;
    trace_refused(client_fd, client ? "epoll cannot watch it" : "no memory");
    close(client_fd);
    free(client);
    return 0;
}

/* The listening socket's turn: one edge may stand for many connections. */
static enum state accept_all(struct server *server)
{
    for (int i = 0; i < TURN; i++) {
        const int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC);
        trace_accept(fd);
        server->full = fd < 0 && demo_no_room(errno) ? errno : 0;
        if (server->full || (fd < 0 && errno == EAGAIN))
            return WAITS; /* full: the edge is spent, remember who waits */
        if (fd >= 0)
            server->clients += admit(server->epoll_fd, fd);
    }
    return NOT_YET;
}

static int serve(int listen_fd)
{
    struct epoll_event events[MAX_EVENTS];
    struct server server = {.listener.fd = listen_fd, .end = &server.first};
    server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0 || server.epoll_fd < 0 ||
        watch(server.epoll_fd, &server.listener) < 0)
        return -1;

    while (!demo_stopping() || server.clients > 0) {
        const bool retry =
            server.full && (server.full != EMFILE || server.clients == 0);
        const int timeout = server.first ? 0 : retry ? DEMO_RETRY_MS : -1;
        trace_wait("epoll_wait");
        const int n = epoll_wait(server.epoll_fd, events, MAX_EVENTS, timeout);
        trace_woke("epoll_wait", n);
        for (int i = 0; i < n; i++) {
            struct client *const client = events[i].data.ptr;
            trace_ready(client->fd, events[i].events);
            if (events[i].events != EPOLLOUT || client->rest != NULL)
                enqueue(&server, client); /* else the client has read */
        }
        if (retry)
            enqueue(&server, &server.listener);

        struct client *round = server.first; /* a turn for each of these */
        server.first = NULL;
        server.end = &server.first;
        for (struct client *client = round; client != NULL; client = round) {
            round = client->next;
            client->queued = false;
            const bool listens = client == &server.listener;
            const enum state now = listens ? accept_all(&server) : echo(client);
            if (now == NOT_YET)
                enqueue(&server, client); /* epoll will not tell again */
            if (now != GONE)
                continue;
            trace_close(client->fd);
            close(client->fd); /* no dup of it: leaves the list, too */
            free(client->rest);
            free(client);
            server.clients--;
            if (server.full)
                enqueue(&server, &server.listener);
        }
    }
    close(server.epoll_fd);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
