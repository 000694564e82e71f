/*
 * http-gone.c - well-known samples
 *
 * Claim: a client that requests a page reads all of it
 * Truth: false. A client may leave in the middle of a large reply. Then send
 * fails with EPIPE, and the signal SIGPIPE ends the process, unless the server
 * passes MSG_NOSIGNAL or ignores the signal. In the well-known Python server
 * the error is a BrokenPipeError: the third of four ways to stop it.
 * Settled by: send(2), EPIPE and MSG_NOSIGNAL; signal(7), SIGPIPE.
 * Try: MSG_NOSIGNAL instead of 0.
 */
#include "sample.h"

static char page[1 << 20];

/* Sends the page to each client. Returns when a send fails, which is the end
 * of the server. */
static int serve(int listen_fd)
{
    char request[200];
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        recv(fd, request, sizeof(request), 0);
        for (size_t sent = 0; sent < sizeof(page);) {
            ssize_t n = send(fd, page + sent, sizeof(page) - sent, 0);
            if (n < 0)
                return errno;
            sent += (size_t)n;
        }
        close(fd);
    }
}

int main(void)
{
    struct place place;
    signal(SIGPIPE, SIG_DFL); /* it may have been inherited ignored */
    int listen_fd = listen_somewhere(&place, 5);
    pid_t server = start_child(serve, listen_fd);
    close(listen_fd);

    int client_fd = must(connect_to(&place), "connect");
    send(client_fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
    wait_asleep(server); /* in send, because the socket is full */
    struct pollfd entry = {.fd = client_fd, .events = POLLIN};
    poll(&entry, 1, -1);
    saw(entry.revents == POLLIN, "a page of 1 MiB is on its way");
    close(client_fd);
    int status = end_of(server);
    saw(status == 128 + SIGPIPE, "the client leaves; the server ends by %s",
        status == 128 + SIGPIPE ? "SIGPIPE" : "something else");
    int next_fd = connect_to(&place);
    saw(next_fd < 0 && errno == ECONNREFUSED, "the next client: %s",
        error_name(next_fd < 0 ? errno : 0));

    struct sample sample = start_sample("http_server.py", "0", "8000000");
    entry.fd = must(connect_to_sample(&sample), "connect");
    send(entry.fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
    poll(&entry, 1, -1);
    close(entry.fd);
    saw(sample_prints(&sample, "Error: [Errno") && end_of(sample.pid) == 1,
        "the server in Python ends: an exception of send");
    return verdict("false", "a client that requests a page reads all of it",
                   "a client leaves in the middle of 1 MiB: SIGPIPE ends the "
                   "server, the next is refused");
}
