/*
 * 05-poll - an array instead of a bit set: poll.
 *
 * Adds: poll(2) takes an array with one struct pollfd for each descriptor,
 * whatever its number. What is asked (events) and what is answered (revents)
 * stand apart, so the array is kept from call to call and only changes when a
 * client comes or leaves.
 *
 * Cannot: get by without looking at everyone. Each call copies the whole
 * array into the kernel, which asks every descriptor in it; afterwards the
 * server searches it too, for the one that is ready among thousands. Stage 06
 * mends that. A slow reader still stops the send below (stage 07).
 *
 * Try: make compare-code A=04 B=05. Then ulimit -n 4096; build/05-poll -q
 * -c 600, which stage 04 could not.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Add fd to the array of count slots, to be told when it can be read. Returns
 * the array, which may have moved, or NULL without memory; then it is as it
 * was.
 */
static struct pollfd *watch(int fd, struct pollfd *slots, nfds_t count)
{
    struct pollfd *const more = realloc(slots, (count + 1) * sizeof(*slots));
    if (more != NULL)
        more[count] = (struct pollfd){.fd = fd, .events = POLLIN};
    return more;
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
    struct pollfd *slots = watch(listen_fd, NULL, 0);
    nfds_t count = 1; /* slot 0 is the listening socket's */
    int full = 0;     /* accept4's errno, if it had no room */

    if (slots == NULL || fcntl(listen_fd, F_SETFL, O_NONBLOCK) < 0)
        return -1;

    while (!demo_stopping() || count > 1) {
        const bool retry = full && (full != EMFILE || count == 1);
        slots[0].events = full ? 0 : POLLIN;

        trace_wait("poll");
        const int n = poll(slots, count, retry ? DEMO_RETRY_MS : -1);
        trace_woke("poll", n);
        if (n < 0 && errno == EINVAL)
            return -1; /* somebody has lowered RLIMIT_NOFILE: poll(2) */
        if (n < 0)
            continue; /* EINTR; what is in revents means nothing */
        if (retry)
            full = 0; /* perhaps: ask again */

        if (slots[0].revents != 0) {
            trace_ready(listen_fd, (uint32_t)slots[0].revents);
            const int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
            trace_accept(client_fd);
            full = client_fd < 0 && demo_no_room(errno) ? errno : 0;
            if (client_fd >= 0) {
                struct pollfd *const more = watch(client_fd, slots, count);
                if (more == NULL) {
                    trace_refused(client_fd, "no memory");
                    close(client_fd);
                } else {
                    slots = more;
                    count++;
                }
            }
        }
        for (nfds_t i = 1; i < count;) {
            const int fd = slots[i].fd;
            if (slots[i].revents != 0) {
                trace_ready(fd, (uint32_t)slots[i].revents);
                if (!echo(fd)) {
                    trace_close(fd);
                    close(fd);
                    full = 0;
                    slots[i] = slots[--count]; /* the last fills the gap */
                    continue;
                }
            }
            i++;
        }
    }
    free(slots);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
