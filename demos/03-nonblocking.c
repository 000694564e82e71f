/*
 * 03-nonblocking - one thread for all: never sleep, ask everybody in turn.
 *
 * Adds: calls that do not wait. With O_NONBLOCK on the listening socket
 * accept4(2) says EAGAIN when nobody is there; with MSG_DONTWAIT recv(2) says
 * so when nothing has come. Whoever has something gets served, and nobody
 * waits for a client that is silent.
 *
 * Cannot: rest. It asks a million times a second and burns a whole CPU while
 * nothing happens: see the scans in its summary. Stage 04 mends that. Each
 * client more makes every scan longer. And only reading is asked for: a client
 * that sends much and reads nothing fills its socket, and the send below then
 * sleeps, for everybody. That stays so until stage 07.
 *
 * Try: build/03-nonblocking -q --serve -s /tmp/echo, and top(1) meanwhile.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Echo what a client has sent. Returns false when the client is done with. */
static bool echo(int client_fd)
{
    char buffer[BUFFER_SIZE];
    const ssize_t n = recv(client_fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    trace_recv(client_fd, buffer, n);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);

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
    int *clients = NULL;
    size_t count = 0;
    int full = 0; /* accept4's errno, if it had no room */

    if (fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0)
        return -1;

    while (!demo_stopping() || count > 0) {
        if (full != EMFILE || count == 0) { /* else until somebody leaves */
            const int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
            trace_accept(client_fd);
            full = client_fd < 0 && demo_no_room(errno) ? errno : 0;
            if (client_fd >= 0) {
                int *const more =
                    realloc(clients, (count + 1) * sizeof(*clients));
                if (more == NULL) {
                    trace_refused(client_fd, "no memory");
                    close(client_fd);
                } else {
                    clients = more;
                    clients[count++] = client_fd;
                }
            }
        }
        for (size_t i = 0; i < count;) {
            const int fd = clients[i];
            if (!echo(fd)) {
                trace_close(fd);
                close(fd);
                full = 0;
                clients[i] = clients[--count]; /* the last fills the gap */
                continue;
            }
            i++;
        }
        trace_scan();
    }
    free(clients);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
