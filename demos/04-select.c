/*
 * 04-select - blocks until one of many descriptors is ready.
 *
 * This echo server runs in one thread. It blocks in select(2) until at least
 * one descriptor is readable and then handles each readable one once.
 *
 * Adds: select(2). The server passes a set of descriptors. The kernel removes
 * those that are not ready, so the set must be filled before each call and
 * searched after it.
 *
 * Limitations: no descriptor number above 1023. A set is an array of FD_SETSIZE
 * (1024) bits, and FD_SET() with a higher number writes past its end. Stage 05
 * fixes this. Each call copies and searches the whole set (stage 06 fixes
 * this), and send() may block (stage 07 fixes this). The server accepts one
 * connection per report.
 *
 * Try: (ulimit -Sn 4096; build/04-select -q -c 600). One process has both ends
 * of each connection, so some numbers are above 1023. How many are "refused"?
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct clients {
    int fds[FD_SETSIZE];
    int count;
};

/* Adds fd to the set. Returns the higher one of fd and highest. */
static int watch(int fd, fd_set *set, int highest)
{
    FD_SET(fd, set);
    return fd > highest ? fd : highest;
}

/* Accepts one connection. */
static void accept_client(int listen_fd, struct clients *clients)
{
    int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(client_fd);
    if (client_fd < 0) {
        listener_accept_failed(listen_fd); /* if descriptors have run out */
        return;
    }
    if (client_fd >= FD_SETSIZE) {
        trace_refused(client_fd, "select cannot watch it: FD_SETSIZE");
        close(client_fd);
        return;
    }
    clients->fds[clients->count++] = client_fd;
}

/* Receives once and sends the bytes back. Returns false if the connection must
 * be closed. */
static bool echo(int client_fd)
{
    char buffer[BUFFER_SIZE];

    /* Unread data is reported again, so one recv() per report is enough. It
     * must not block, because a report is only a hint (select(2), BUGS). */
    ssize_t n = recv(client_fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    trace_recv(client_fd, buffer, n);
    if (n == 0)
        return false; /* end of file: the client sends no more */
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true; /* nothing yet: wait for the next report */
    if (n < 0)
        return false; /* ECONNRESET, for example */

    /* send() may take fewer bytes than it is given. */
    for (ssize_t sent = 0; sent < n;) {
        size_t unsent = (size_t)(n - sent);
        ssize_t m = send(client_fd, buffer + sent, unsent, MSG_NOSIGNAL);
        trace_send(client_fd, unsent, m);
        if (m < 0 && errno != EINTR)
            return false; /* EPIPE: the client has closed the connection */
        if (m > 0)
            sent += m;
    }
    return true;
}

/* Handles each readable client once. */
static void handle_clients(struct clients *clients, const fd_set *readable)
{
    for (int i = 0; i < clients->count;) {
        int fd = clients->fds[i];
        if (FD_ISSET(fd, readable)) {
            trace_ready(fd, TRACE_IN);
            if (!echo(fd)) {
                trace_close(fd);
                close(fd);
                /* The last client takes its place and is next. */
                clients->fds[i] = clients->fds[--clients->count];
                continue;
            }
        }
        i++;
    }
}

static int serve(int listen_fd)
{
    struct clients clients = {0};
    /* Non-blocking, because another process may accept a reported connection
     * before we do. */
    if (listener_set_nonblocking(listen_fd) < 0)
        return -1;

    while (!demo_stopping() || clients.count > 0) {
        fd_set readable;
        FD_ZERO(&readable);
        int highest = watch(listen_fd, &readable, -1);
        for (int i = 0; i < clients.count; i++)
            highest = watch(clients.fds[i], &readable, highest);

        trace_wait("select");
        int n = select(highest + 1, &readable, NULL, NULL, NULL);
        trace_woke("select", n);
        if (n < 0 && errno != EINTR)
            return -1; /* it would fail again: stop instead of spinning */
        if (n < 0)
            continue; /* the set has no meaning after an error */

        if (FD_ISSET(listen_fd, &readable)) {
            trace_ready(listen_fd, TRACE_IN);
            accept_client(listen_fd, &clients);
        }
        handle_clients(&clients, &readable);
    }
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
