/*
 * 01-blocking - the simplest server: accept, recv, send, close.
 *
 * Adds: a Unix-domain stream server at all. accept4(2) sleeps until a client
 * comes, recv(2) until it has said something. recv gives whatever bytes are
 * there, not messages: a stream has none. 0 says that the client sends no
 * more. send(2) may take less than it is given, so the rest is sent again;
 * when the client has gone, MSG_NOSIGNAL makes it an error, EPIPE, instead of
 * a deadly SIGPIPE.
 *
 * Cannot: serve two at once. While it sleeps in recv for the first client it
 * cannot sleep in accept for the second, who waits in the backlog until the
 * first has left. Stage 02 mends that.
 *
 * Try: build/01-blocking, and watch when each client is accepted.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Echo what a client has sent. Returns false when the client is done with. */
static bool echo(int client_fd)
{
    char buffer[BUFFER_SIZE];
    trace_wait("recv");
    const ssize_t n = recv(client_fd, buffer, sizeof(buffer), 0);
    trace_recv(client_fd, buffer, n);
    if (n <= 0)
        return n < 0 && errno == EINTR;

    for (ssize_t sent = 0; sent < n;) {
        const size_t rest = (size_t)(n - sent);
        const ssize_t m = send(client_fd, buffer + sent, rest, MSG_NOSIGNAL);
        trace_send(client_fd, rest, m);
        if (m < 0 && errno != EINTR)
            return false;
        sent += m > 0 ? m : 0;
    }
    return true;
}

static int serve(int listen_fd)
{
    while (!demo_stopping()) {
        trace_wait("accept");
        const int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        trace_accept(client_fd);
        if (client_fd < 0) {
            if (demo_no_room(errno))
                usleep(DEMO_RETRY_MS * 1000);
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
