/*
 * 04-select - sleep until one of many is ready: select.
 *
 * Adds: select(2) is handed a set of descriptors and sleeps until at least
 * one can be read. It then leaves in the set only those that can, so the set
 * must be filled again before every call, and searched after it.
 *
 * Cannot: watch a descriptor of number FD_SETSIZE (1024) or more. The set is
 * an array of 1024 bits; it is the number that counts, not how many there
 * are, and FD_SET with a higher one writes past the array. Stage 05 mends
 * that. Each call also copies and scans everything, ready or not (stage 06),
 * and a slow reader still stops the send below (stage 07).
 *
 * Try: ulimit -n 4096; build/04-select -q -c 600. A client takes a descriptor
 * on each side: some numbers are too high. See "refused", and who complains.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

/* Add fd to the set. Returns the highest descriptor in it so far. */
static int watch(int fd, fd_set *set, int highest)
{
    FD_SET(fd, set);
    return fd > highest ? fd : highest;
}

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
    int clients[FD_SETSIZE];
    int count = 0;
    int full = 0; /* accept4's errno, if it had no room */

    if (listen_fd >= FD_SETSIZE)
        errno = ERANGE; /* more than a thousand files were open at the start */
    if (listen_fd >= FD_SETSIZE || fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0)
        return -1;

    while (!demo_stopping() || count > 0) {
        const bool retry = full && (full != EMFILE || count == 0);
        struct timeval limit = {.tv_usec = DEMO_RETRY_MS * 1000L};
        fd_set readable;
        int highest = -1;
        FD_ZERO(&readable);
        if (!full)
            highest = watch(listen_fd, &readable, highest);
        for (int i = 0; i < count; i++)
            highest = watch(clients[i], &readable, highest);

        trace_wait("select");
        const int n =
            select(highest + 1, &readable, NULL, NULL, retry ? &limit : NULL);
        trace_woke("select", n);
        if (n < 0)
            continue; /* EINTR; what is in the set means nothing */
        if (retry)
            full = 0; /* perhaps: ask again */

        if (FD_ISSET(listen_fd, &readable)) {
            trace_ready(listen_fd, TRACE_IN);
            const int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
            trace_accept(client_fd);
            full = client_fd < 0 && demo_no_room(errno) ? errno : 0;
            if (client_fd >= FD_SETSIZE) {
                trace_refused(client_fd, "select cannot watch it: FD_SETSIZE");
                close(client_fd);
            } else if (client_fd >= 0) {
                clients[count++] = client_fd;
            }
        }
        for (int i = 0; i < count;) {
            const int fd = clients[i];
            if (FD_ISSET(fd, &readable)) {
                trace_ready(fd, TRACE_IN);
                if (!echo(fd)) {
                    trace_close(fd);
                    close(fd);
                    full = 0;
                    clients[i] = clients[--count]; /* the last fills the gap */
                    continue;
                }
            }
            i++;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
