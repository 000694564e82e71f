/*
 * 12-io-uring - completions: the kernel does the work and returns the results.
 *
 * This echo server runs in one thread. It does not wait until a socket is
 * ready. It writes requests (accept, recv, send) to a ring that it shares with
 * the kernel, and reads their results from a second ring.
 *
 * Adds: one io_uring_enter(2) submits all new requests and returns a batch of
 * results. Until the result arrives, a request is in flight, and its buffer
 * belongs to the kernel. Each client has exactly one request in flight, so its
 * memory can be freed after the result of the last one. For backpressure, the
 * server submits the next recv only after all bytes are sent.
 *
 * Limitations: each client needs a buffer, even while it is idle. The server
 * uses one CPU and accepts one connection at a time. It needs liburing and
 * Linux 6.1, and some systems refuse io_uring.
 *
 * Try: build/12-io-uring -q -c 100 -m 100 -i 0, then stage 07 with the same
 * options. Compare the calls per message.
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* With these sizes the rings take 52 KiB, because RLIMIT_MEMLOCK may be 64 KiB.
 * If there are more results, the others wait in the kernel. None is lost. */
enum { REQUESTS = 256, RESULTS = 2048 };

enum request { ACCEPT, RECV, SEND };
struct client {
    int fd;
    enum request in_flight;   /* the kernel has this request */
    size_t size, sent;        /* bytes in buffer, and how many are sent */
    char buffer[BUFFER_SIZE]; /* the kernel's while a request is in flight */
};

/* Creates the rings. Returns 0, or -1 with errno set. */
static int create_rings(struct io_uring *ring)
{
    /* One thread uses the rings, and the kernel completes requests only while
     * this thread waits. So it never interrupts the thread. */
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN |
                                              IORING_SETUP_CQSIZE,
                                     .cq_entries = RESULTS};
    int result = io_uring_queue_init_params(REQUESTS, ring, &params);
    if (result == 0)
        return 0;
    demo_io_uring_refused(-result); /* explains why, and sets errno */
    return -1;
}

/* Adds a request to the ring. An entry is free: see submit_and_wait(). */
static void submit(struct io_uring *ring, struct client *client,
                   enum request request)
{
    static const char *const names[] = {"accept", "recv", "send"};
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);
    char *unsent = client->buffer + client->sent;
    switch (request) {
    case ACCEPT:
        io_uring_prep_accept(entry, client->fd, NULL, NULL, SOCK_CLOEXEC);
        break;
    case RECV:
        io_uring_prep_recv(entry, client->fd, client->buffer, BUFFER_SIZE, 0);
        entry->ioprio = IORING_RECVSEND_POLL_FIRST; /* usually no data yet */
        break;
    case SEND:
        io_uring_prep_send(entry, client->fd, unsent,
                           client->size - client->sent, MSG_NOSIGNAL);
    }
    io_uring_sqe_set_data(entry, client);
    client->in_flight = request;
    trace_submit(names[request], client->fd);
}

/* Handles an accept result. Returns how many clients it added. */
static int accept_client(struct io_uring *ring, int client_fd)
{
    bool keep = listener_keep(&client_fd); /* if another descriptor is left */
    trace_accept(client_fd);
    if (client_fd < 0) {
        listener_request_failed(); /* if descriptors have run out */
        return 0;
    }
    struct client *client = keep ? malloc(sizeof(*client)) : NULL;
    if (client == NULL) {
        trace_refused(client_fd, keep ? "no memory" : "no descriptor left");
        close(client_fd);
        return 0;
    }
    client->fd = client_fd;
    client->size = client->sent = 0;
    submit(ring, client, RECV);
    return 1;
}

/* Handles a recv result. Returns false if the connection must be closed. */
static bool received(struct io_uring *ring, struct client *client, ssize_t n)
{
    trace_recv(client->fd, client->buffer, n);
    if (n == 0)
        return false; /* end of file: the client sends no more */
    if (n < 0 && errno != EINTR)
        return false; /* ECONNRESET, for example */
    client->size = n > 0 ? (size_t)n : 0;
    client->sent = 0;
    submit(ring, client, n > 0 ? SEND : RECV);
    return true;
}

/* Handles a send result. Returns false if the connection must be closed. */
static bool sent(struct io_uring *ring, struct client *client, ssize_t m)
{
    trace_send(client->fd, client->size - client->sent, m);
    if (m < 0 && errno != EINTR)
        return false; /* EPIPE: the client has closed the connection */
    if (m > 0)
        client->sent += (size_t)m;
    /* The next recv would overwrite bytes that are not sent yet. Without one,
     * the socket of a client that does not read fills up: backpressure. */
    submit(ring, client, client->sent < client->size ? SEND : RECV);
    return true;
}

/* Handles a result about a client. Returns how many clients it closed. */
static int handle_client(struct io_uring *ring, struct client *client, int n)
{
    bool open = client->in_flight == RECV ? received(ring, client, n)
                                          : sent(ring, client, n);
    if (open)
        return 0;
    /* No request is in flight now, so the kernel does not use the buffer. */
    trace_close(client->fd);
    close(client->fd);
    free(client);
    return 1;
}

/*
 * Submits the new requests and waits for a result. Returns how many results to
 * handle, or -1 with errno set. A result leads to two requests at most, so this
 * is at most half the number of free entries.
 */
static int submit_and_wait(struct io_uring *ring)
{
    int submitted = io_uring_submit_and_wait(ring, 1);
    if (submitted < 0) {
        errno = -submitted;
        return -1;
    }
    unsigned ready = io_uring_cq_ready(ring);
    unsigned most = io_uring_sq_space_left(ring) / 2;
    return (int)(ready < most ? ready : most);
}

/* Takes a result from the ring. Returns it as the system call would have: -1
 * with errno set if it failed. */
static int take_result(struct io_uring *ring, struct client **client)
{
    struct io_uring_cqe *entry;
    io_uring_peek_cqe(ring, &entry);
    int result = entry->res;
    *client = io_uring_cqe_get_data(entry);
    io_uring_cqe_seen(ring, entry);
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

static int serve(int listen_fd)
{
    struct client listener = {.fd = listen_fd};
    struct io_uring ring;
    int clients = 0;
    bool accepting = true;
    if (create_rings(&ring) < 0)
        return -1;
    submit(&ring, &listener, ACCEPT);

    while (!demo_stopping() || clients > 0 || accepting) {
        trace_wait("io_uring_enter");
        int n = submit_and_wait(&ring);
        trace_woke("io_uring_enter", n);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            io_uring_queue_exit(&ring);
            return -1; /* it would fail again: stop instead of spinning */
        }

        for (int i = 0; i < n; i++) {
            struct client *client;
            int result = take_result(&ring, &client);
            if (client != &listener) {
                clients -= handle_client(&ring, client, result);
                continue;
            }
            clients += accept_client(&ring, result);
            accepting = !demo_stopping();
            if (accepting)
                submit(&ring, &listener, ACCEPT);
        }
    }
    io_uring_queue_exit(&ring);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
