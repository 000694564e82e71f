/*
 * 09-epoll-pool - worker threads that share one epoll instance.
 *
 * Each worker of this echo server waits for one report, handles it and waits
 * again. Any worker may handle any client.
 *
 * Adds: EPOLLONESHOT. A report disables its descriptor, so the client belongs
 * to this worker until the worker enables it again or closes it. A client needs
 * no lock, because two workers never have it at the same time.
 *
 * Limitations: the order between clients is unspecified. The server makes four
 * calls per message, stage 07 three (choosing.md shows the cost). An echo is
 * too little work to share: run "time build/07-epollout -q -c 16 -m 5000 -i 0",
 * then this stage with -w 1 and -w 2. It accepts one connection per report.
 *
 * Try: build/09-epoll-pool -w 2 -c 4 -i 0. Which worker serves which client?
 * Then remove "| EPOLLONESHOT", run make -s and try it again.
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLOSE = 0 }; /* returned by echo() instead of events */
enum { MAX_WORKERS = 1000 };

struct client {
    int fd;
    char *unsent; /* received but not yet sent, or NULL */
    size_t size;  /* of unsent, in bytes */
};

struct server {
    int epoll_fd;
    struct client listener;
    atomic_int clients;
};

struct worker {
    struct server *server;
    int number;
    pthread_t thread;
};

static long worker_count = 2; /* --workers */

/* Registers a client for one report of events. After that another worker may
 * have it, and may have freed it, so the caller must not use it any more. For
 * the same reason the trace comes first. Returns 0, or -1 with errno set. */
static int watch(int epoll_fd, int op, struct client *client, uint32_t events)
{
    struct epoll_event event = {events | EPOLLONESHOT, {.ptr = client}};
    trace_arming(op, client->fd, event.events);
    int result = epoll_ctl(epoll_fd, op, client->fd, &event);
    if (result < 0)
        trace_failed("epoll_ctl", client->fd);
    return result;
}

/* Watches an accepted connection. */
static void add_client(struct server *server, int client_fd)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->fd = client_fd;
    server->clients++; /* before another worker can close it */
    if (client != NULL &&
        watch(server->epoll_fd, EPOLL_CTL_ADD, client, EPOLLIN) == 0)
        return;
    server->clients--;
    trace_refused(client_fd, "epoll cannot watch it");
    close(client_fd);
    free(client);
}

/* Accepts one connection and enables the listening socket again. */
static void accept_client(struct server *server)
{
    int client_fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(client_fd);
    if (client_fd < 0)
        listener_accept_failed(server->listener.fd); /* see listener.h */
    else
        add_client(server, client_fd);
    int epoll_fd = server->epoll_fd;
    while (watch(epoll_fd, EPOLL_CTL_MOD, &server->listener, EPOLLIN) < 0)
        usleep(10000); /* without it, no worker would accept again */
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

/* Handles a report about a client. */
static void handle_client(struct server *server, struct client *client)
{
    uint32_t wanted = echo(client);
    if (wanted != CLOSE &&
        watch(server->epoll_fd, EPOLL_CTL_MOD, client, wanted) == 0)
        return;
    trace_close(client->fd);
    close(client->fd); /* no duplicate, so this unregisters it */
    free(client->unsent);
    free(client);
    server->clients--;
}

static void *worker_thread(void *argument)
{
    struct worker *worker = argument;
    struct server *server = worker->server;
    trace_thread(TRACE_WORKER, worker->number);
    while (!demo_stopping() || server->clients > 0) {
        struct epoll_event event; /* one, because others may take the next */
        trace_wait("epoll_wait");
        int n = epoll_wait(server->epoll_fd, &event, 1, -1);
        trace_woke("epoll_wait", n);
        if (n < 0 && errno != EINTR)
            break; /* it would fail again: stop instead of spinning */
        if (n < 0)
            continue;

        struct client *client = event.data.ptr;
        trace_ready(client->fd, event.events);
        if (client == &server->listener)
            accept_client(server);
        else
            handle_client(server, client);
    }
    return NULL;
}

static int serve(int listen_fd)
{
    struct server server = {.listener.fd = listen_fd};
    struct worker workers[MAX_WORKERS];
    int count = 0;
    server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server.epoll_fd < 0)
        return -1;
    if (listener_set_nonblocking(listen_fd) < 0 ||
        watch(server.epoll_fd, EPOLL_CTL_ADD, &server.listener, EPOLLIN) < 0) {
        close(server.epoll_fd);
        return -1;
    }

    for (; count < worker_count; count++) {
        struct worker *worker = &workers[count];
        *worker = (struct worker){.server = &server, .number = count + 1};
        errno = pthread_create(&worker->thread, NULL, worker_thread, worker);
        if (errno != 0)
            break;
    }
    if (count < worker_count)
        trace_note("cannot create a thread for more workers");
    for (int i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    close(server.epoll_fd);
    return count > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    /* clang-format off */
    struct demo_option option = {.name = "workers", .letter = 'w',
        .argument = "N", .help = "threads that serve", .min = 1,
        .max = MAX_WORKERS, .number = &worker_count};
    /* clang-format on */
    return demo_main_with(argc, argv, serve, &option, 1);
}
