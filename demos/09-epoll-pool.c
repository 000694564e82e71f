/*
 * 09-epoll-pool - worker threads on one epoll: EPOLLONESHOT.
 *
 * Adds: several CPUs. A report goes to one worker and disarms its descriptor:
 * the client is this worker's alone, until it re-arms it or closes it. So
 * nothing of a client is locked, it is freed once, and no report can outlive
 * it: there is one at most, and who closes has it. The listener as well: 8
 * workers and 1,000 connections made 6 accepts in vain; without ONESHOT 1,186,
 * and 1,034 with EPOLLEXCLUSIVE, which chooses among epolls, not threads.
 *
 * Cannot: keep an order between clients. Nor is it cheap: four calls a
 * message, and 1.1 to 1.7 times the CPU time of 07 (scripts/bench). An echo is
 * no work to share: on two CPUs, time build/07-epollout -q -c 16 -m 5000 -i 0,
 * and the same of this one with -w 1 and -w 2.
 *
 * Try: -w 2 -c 4 -i 0, who serves whom? Then take "| EPOLLONESHOT" out.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
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

struct server {
    int epoll_fd;
    struct client listener;
    atomic_int clients, started; /* so many workers */
    atomic_int disarmed; /* why the listener is; who clears it re-arms */
};

enum { MOST = 1000 };
static long workers; /* --workers, from 1 to MOST */

/* Let epoll tell once of a client. From then on another worker may have it,
 * and may have freed it: no look at it any more, so the trace comes before. */
static int watch(int epoll_fd, int op, struct client *client, uint32_t events)
{
    const uint32_t once = events | EPOLLONESHOT;
    struct epoll_event event = {.events = once, .data.ptr = client};
    trace_arming(op, client->fd, once);
    const int result = epoll_ctl(epoll_fd, op, client->fd, &event);
    if (result < 0)
        trace_failed("epoll_ctl", client->fd);
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
static bool echo(struct client *client)
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
    return keep(client, data + sent, size - sent);
}

/* Make a client of a connection, or close it. */
static void admit(struct server *server, int client_fd)
{
    struct client *const client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->fd = client_fd;
    server->clients++; /* before it can leave */
    if (client != NULL &&
        watch(server->epoll_fd, EPOLL_CTL_ADD, client, EPOLLIN) == 0)
        return;
    server->clients--;
    trace_refused(client_fd, client ? "epoll cannot watch it" : "no memory");
    close(client_fd);
    free(client);
}

/* Re-arm the listener, if it is for us to do. */
static void rearm_listener(struct server *server)
{
    const int why = atomic_exchange(&server->disarmed, 0);
    if (why != 0 &&
        watch(server->epoll_fd, EPOLL_CTL_MOD, &server->listener, EPOLLIN) < 0)
        server->disarmed = why;
}

/* The listener's turn. Without a descriptor for a client, and at the end, the
 * listener stays disarmed until one leaves, or has left meanwhile: only here,
 * where one worker is at a time, do clients become more. */
static void accept_client(struct server *server)
{
    const int before = server->clients;
    const int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(fd);
    const int full = fd < 0 && demo_no_room(errno) ? errno : 0;
    if (fd >= 0)
        admit(server, fd);
    server->disarmed = full ? full : EMFILE; /* not 0: to be re-armed */
    if ((!full && !demo_stopping()) || server->clients < before)
        rearm_listener(server);
}

/* The life of a worker. */
static void *work(void *argument)
{
    struct server *const server = argument;
    trace_thread("worker", ++server->started);
    while (!demo_stopping() || server->clients > 0) {
        struct epoll_event event; /* one: the next is another worker's */
        const int why = server->disarmed;
        const bool retry = why && (why != EMFILE || server->clients == 0);
        const int timeout = retry ? DEMO_RETRY_MS : -1;
        trace_wait("epoll_wait");
        const int n = epoll_wait(server->epoll_fd, &event, 1, timeout);
        trace_woke("epoll_wait", n);

        if (retry) /* perhaps there is room again */
            rearm_listener(server);
        if (n <= 0)
            continue;
        struct client *const client = event.data.ptr;
        trace_ready(client->fd, event.events);
        if (client == &server->listener) {
            accept_client(server);
        } else if (!echo(client) ||
                   watch(server->epoll_fd, EPOLL_CTL_MOD, client,
                         client->rest != NULL ? EPOLLOUT : EPOLLIN) < 0) {
            trace_close(client->fd);
            close(client->fd); /* no dup of it: leaves the list, too */
            free(client->rest);
            free(client);
            server->clients--;
            rearm_listener(server);
        }
    }
    rearm_listener(server); /* being shut down, it wakes the next one */
    return NULL;
}

static int serve(int listen_fd)
{
    struct server server = {.listener.fd = listen_fd};
    pthread_t pool[MOST];
    int started = 0;
    server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0 || server.epoll_fd < 0 ||
        watch(server.epoll_fd, EPOLL_CTL_ADD, &server.listener, EPOLLIN) < 0)
        return -1;

    while (started < workers &&
           (errno = pthread_create(&pool[started], NULL, work, &server)) == 0)
        started++;
    if (started < workers)
        trace_note("no thread to be had for more workers");
    for (int i = 0; i < started; i++)
        pthread_join(pool[i], NULL);
    close(server.epoll_fd);
    return started > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct demo_option option = {.name = "workers",
                                       .letter = 'w',
                                       .argument = "N",
                                       .help = "threads that serve",
                                       .least = 1,
                                       .most = MOST,
                                       .number = &workers};
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    workers = cpus < 1 ? 1 : cpus > MOST ? MOST : cpus;
    return demo_main_with(argc, argv, serve, &option, 1);
}
