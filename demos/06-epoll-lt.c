/*
 * 06-epoll-lt - the interest list stays in the kernel: epoll, level-triggered.
 *
 * Adds: each descriptor is registered once, with epoll_ctl(2). A wait hands
 * over nothing and brings back only those that are ready, however many are
 * watched. Level-triggered: as long as there is something to read, every
 * epoll_wait says so; what one turn leaves unread, the next wait reports.
 *
 * Cannot: bear a client that sends much and reads nothing. Its socket fills,
 * and the send below then sleeps, for everybody. Stage 07 mends that.
 *
 * Try: build/06-epoll-lt -c 1 -m 3. Then make BUFFER_SIZE 4 in common/demo.h
 * and see one message wake the server six times.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Put fd on the interest list, or change what is asked about it. */
static int watch(int epoll_fd, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    const int result = epoll_ctl(epoll_fd, op, fd, &event);
    trace_ctl(op, fd, events, result);
    return result;
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

/* Watch a connection, or close it. Returns how many clients that makes. */
static int admit(int epoll_fd, int client_fd)
{
    if (watch(epoll_fd, EPOLL_CTL_ADD, client_fd, EPOLLIN) == 0)
        return 1;
    trace_refused(client_fd, "epoll cannot watch it");
    close(client_fd);
    return 0;
}

static int serve(int listen_fd)
{
    struct epoll_event events[MAX_EVENTS];
    int clients = 0;
    int full = 0; /* accept4's errno, if it had no room */
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0 || epoll_fd < 0 ||
        watch(epoll_fd, EPOLL_CTL_ADD, listen_fd, EPOLLIN) < 0)
        return -1;

    while (!demo_stopping() || clients > 0) {
        const bool retry = full && (full != EMFILE || clients == 0);
        const int timeout = retry ? DEMO_RETRY_MS : -1;
        trace_wait("epoll_wait");
        const int n = epoll_wait(epoll_fd, events, MAX_EVENTS, timeout);
        trace_woke("epoll_wait", n);

        if (retry && watch(epoll_fd, EPOLL_CTL_MOD, listen_fd, EPOLLIN) == 0)
            full = 0; /* perhaps: ask again */
        for (int i = 0; i < n; i++) {
            const int fd = events[i].data.fd;
            trace_ready(fd, events[i].events);
            if (fd == listen_fd) {
                const int client_fd =
                    accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
                trace_accept(client_fd);
                if (client_fd >= 0) {
                    clients += admit(epoll_fd, client_fd);
                } else if (demo_no_room(errno)) {
                    full = errno;
                    watch(epoll_fd, EPOLL_CTL_MOD, fd, 0);
                }
            } else if (!echo(fd)) {
                trace_close(fd);
                close(fd); /* no dup of it: leaves the interest list, too */
                clients--;
                if (full &&
                    watch(epoll_fd, EPOLL_CTL_MOD, listen_fd, EPOLLIN) == 0)
                    full = 0;
            }
        }
    }
    close(epoll_fd);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
