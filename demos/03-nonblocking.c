/*
 * 03-nonblocking - one thread for all clients: it tries each in turn.
 *
 * This echo server runs in one thread. It never waits for a client. If a client
 * has sent nothing, it tries the next one.
 *
 * Adds: calls that do not block. With O_NONBLOCK on the listening socket,
 * accept4(2) fails with EAGAIN if no connection waits. With MSG_DONTWAIT,
 * recv(2) also fails with EAGAIN if no data has arrived.
 *
 * Limitations: it uses a whole CPU while nothing happens, because it tries all
 * clients again and again. Its summary counts these scans. Stage 04 fixes this.
 * send() may still block. A client that sends but never reads fills its socket
 * and then stops the server for all others. Stage 07 fixes this.
 *
 * Try: build/03-nonblocking -q --serve -s /tmp/echo and, meanwhile, top(1).
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct clients {
    int *fds;
    size_t count;
};

/* Appends a client. Returns false if there is no memory. */
static bool add_client(struct clients *clients, int client_fd)
{
    size_t size = (clients->count + 1) * sizeof(*clients->fds);
    int *fds = realloc(clients->fds, size);
    if (fds == NULL)
        return false;
    clients->fds = fds;
    clients->fds[clients->count++] = client_fd;
    return true;
}

/* Tries to accept one connection. */
static void accept_client(int listen_fd, struct clients *clients)
{
    int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    trace_accept(client_fd);
    if (client_fd < 0) {
        listener_accept_failed(listen_fd); /* if descriptors have run out */
        return;
    }
    if (!add_client(clients, client_fd)) {
        trace_refused(client_fd, "no memory");
        close(client_fd);
    }
}

/* Receives once and sends the bytes back. Returns false if the connection must
 * be closed. */
static bool echo(int client_fd)
{
    char buffer[BUFFER_SIZE];

    ssize_t n = recv(client_fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    trace_recv(client_fd, buffer, n);
    if (n == 0)
        return false; /* end of file: the client sends no more */
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true; /* nothing yet */
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

static int serve(int listen_fd)
{
    struct clients clients = {0};
    int flags = fcntl(listen_fd, F_GETFL);
    if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;

    while (!demo_stopping() || clients.count > 0) {
        accept_client(listen_fd, &clients);
        for (size_t i = 0; i < clients.count;) {
            int fd = clients.fds[i];
            if (!echo(fd)) {
                trace_close(fd);
                close(fd);
                /* The last client takes its place and is next. */
                clients.fds[i] = clients.fds[--clients.count];
                continue;
            }
            i++;
        }
        trace_scan();
    }
    free(clients.fds);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
