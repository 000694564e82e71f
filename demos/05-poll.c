/*
 * 05-poll - an array instead of a bit set.
 *
 * This echo server runs in one thread. It blocks in poll(2) until at least one
 * descriptor is ready and then handles each ready one once.
 *
 * Adds: poll(2) takes an array with one struct pollfd per descriptor, of any
 * number. events (what to wait for) and revents (what was found) are separate,
 * so the array is kept from call to call. It changes only when a client
 * connects or leaves.
 *
 * Limitations: each call copies the whole array to the kernel, which checks
 * every descriptor in it. Then the server searches the array, even if only one
 * of thousands is ready. Stage 06 fixes this. send() may block (stage 07). The
 * server accepts one connection per report. If RLIMIT_NOFILE is lowered below
 * the length of the array, poll(2) fails with EINVAL and the server ends.
 *
 * Try: make compare-code A=04 B=05. Then (ulimit -Sn 4096; build/05-poll -q
 * -c 600), which stage 04 could not serve.
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct clients {
    struct pollfd *slots; /* slot 0 is for the listening socket */
    nfds_t count;
};

/* Appends fd to the array. Returns false if there is no memory. */
static bool watch(int fd, struct clients *clients)
{
    size_t size = (clients->count + 1) * sizeof(*clients->slots);
    struct pollfd *slots = realloc(clients->slots, size);
    if (slots == NULL)
        return false;
    clients->slots = slots;
    clients->slots[clients->count++] =
        (struct pollfd){.fd = fd, .events = POLLIN};
    return true;
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
    if (!watch(client_fd, clients)) {
        trace_refused(client_fd, "no memory");
        close(client_fd);
    }
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

/* Handles each ready client once. */
static void handle_clients(struct clients *clients)
{
    for (nfds_t i = 1; i < clients->count;) {
        struct pollfd slot = clients->slots[i];
        if (slot.revents != 0) {
            trace_ready(slot.fd, (uint32_t)slot.revents);
            if (!echo(slot.fd)) {
                trace_close(slot.fd);
                close(slot.fd);
                /* The last client takes its place and is next. */
                clients->slots[i] = clients->slots[--clients->count];
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
    if (listener_set_nonblocking(listen_fd) < 0 || !watch(listen_fd, &clients))
        return -1;

    while (!demo_stopping() || clients.count > 1) {
        trace_wait("poll");
        int n = poll(clients.slots, clients.count, -1);
        trace_woke("poll", n);
        if (n < 0 && errno != EINTR) {
            free(clients.slots);
            return -1; /* it would fail again: stop instead of spinning */
        }
        if (n < 0)
            continue; /* revents has no meaning after an error */

        if (clients.slots[0].revents != 0) {
            trace_ready(listen_fd, (uint32_t)clients.slots[0].revents);
            accept_client(listen_fd, &clients);
        }
        handle_clients(&clients);
    }
    free(clients.slots);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
