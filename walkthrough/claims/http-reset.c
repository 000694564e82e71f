/*
 * http-reset.c - well-known samples
 *
 * Claim: an error of recv is a bug of the server, so the server may exit
 * Truth: false. A client can make recv fail. This program is a version in C of
 * a well-known Python server. There the reset of one connection raises an
 * exception that ends the server for all clients: the first of four ways to
 * stop it. An error that a client can cause must end at most that client.
 * Settled by: recv(2), ECONNRESET; Python's ConnectionResetError.
 * Try: replace "return errno" by closing that client, and see the last line.
 */
#include "sample.h"

/* The loop of the sample. Returns an errno, which is the end of the server. */
static int serve(int listen_fd)
{
    struct epoll_event event;
    char buffer[200];
    int epoll_fd = new_epoll();
    watch(epoll_fd, listen_fd, EPOLLIN);
    for (;;) {
        if (epoll_wait(epoll_fd, &event, 1, -1) < 1)
            continue;
        if (event.data.fd == listen_fd) {
            watch(epoll_fd, accept(listen_fd, NULL, NULL), EPOLLIN);
            continue;
        }
        ssize_t n = recv(event.data.fd, buffer, sizeof(buffer), 0);
        if (n < 0)
            return errno; /* the exception that is not caught */
        if (n > 0)
            send(event.data.fd, "HTTP/1.0 200 OK\r\n\r\n", 19, MSG_NOSIGNAL);
        else
            close(event.data.fd);
    }
}

int main(void)
{
    struct place place;
    int listen_fd = listen_somewhere(&place, 5);
    pid_t server = start_child(serve, listen_fd);
    close(listen_fd);

    int client_fd = must(connect_to(&place), "connect");
    send(client_fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
    struct pollfd entry = {.fd = client_fd, .events = POLLIN};
    poll(&entry, 1, -1);
    saw(entry.revents == POLLIN,
        "the first client sends a request, the reply arrives");
    close(client_fd);
    int error = end_of(server);
    saw(error == ECONNRESET, "it leaves without reading; the server ends: %s",
        error_name(error));
    int next_fd = connect_to(&place);
    saw(next_fd < 0 && errno == ECONNREFUSED, "the next client: %s",
        error_name(next_fd < 0 ? errno : 0));

    struct sample sample = start_sample("http_server.py", "0", "13");
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    client_fd = must(connect_to_sample(&sample), "connect");
    setsockopt(client_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(client_fd); /* TCP: a reset instead of the end of file */
    saw(sample_prints(&sample, "ConnectionResetError") &&
            end_of(sample.pid) == 1,
        "the server in Python ends: ConnectionResetError");
    return verdict(
        "false",
        "an error of recv is a bug of the server, so the server may exit",
        "one client leaves its reply unread: ECONNRESET ends the "
        "server, the next is refused");
}
