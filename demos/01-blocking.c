/*
 * 01-blocking - the simplest server: accept, recv, send, close.
 *
 * This echo server serves one client after the other. accept4(2) blocks until
 * a client connects, and recv(2) blocks until data arrives.
 *
 * Adds: a Unix-domain stream server. A stream has no messages, so recv()
 * returns whatever bytes have arrived, and 0 at end of file.
 *
 * Limitations: one client at a time. While the server blocks in recv() for the
 * first client, it cannot accept the second, which waits in the backlog until
 * the first has left. Stage 02 fixes this.
 *
 * Try: build/01-blocking. When is each client accepted?
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Receives once and sends the bytes back. Returns false if the connection must
 * be closed. */
static bool echo(int client_fd)
{
    char buffer[BUFFER_SIZE];

    trace_wait("recv");
    ssize_t n = recv(client_fd, buffer, sizeof(buffer), 0);
    trace_recv(client_fd, buffer, n);
    if (n == 0)
        return false; /* end of file: the client sends no more */
    if (n < 0 && errno == EINTR)
        return true; /* a signal has interrupted the call: try again */
    if (n < 0)
        return false; /* ECONNRESET, for example */

    /* send() may take fewer bytes than it is given. MSG_NOSIGNAL: if the client
     * has left, it fails with EPIPE instead of killing the process. */
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
    while (!demo_stopping()) {
        trace_wait("accept");
        int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        trace_accept(client_fd);
        if (client_fd < 0) {
            listener_accept_failed(listen_fd); /* if descriptors have run out */
            continue;
        }
        while (echo(client_fd))
            ;
        trace_close(client_fd);
        close(client_fd);
    }
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
