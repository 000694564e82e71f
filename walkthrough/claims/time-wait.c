/*
 * time-wait.c - TCP
 *
 * Claim: when all connections are closed, the port of a server is free
 * Truth: depends. The end that closes first keeps the connection for a minute,
 * in the state TIME_WAIT, and with it its port. If this was the server, bind
 * fails with EADDRINUSE. If both servers have set SO_REUSEADDR, the new one
 * gets the port, unless the old one still listens.
 * Settled by: RFC 9293, 3.6.1; socket(7), SO_REUSEADDR.
 * Try: ss -tan state time-wait, after this program has ended.
 */
#include "claim.h"

/* Creates a socket that listens on a port, which may be 0. Returns it, or -1
 * with errno. */
static int listen_on(in_port_t *port, int reuse)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = *port};
    socklen_t size = sizeof(name);
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)),
         "SO_REUSEADDR");
    if (bind(fd, (struct sockaddr *)&name, size) < 0 || listen(fd, 5) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    must(getsockname(fd, (struct sockaddr *)&name, &size), "getsockname");
    *port = name.sin_port;
    return fd;
}

/* A server accepts a client. One end closes first, then the other. */
static in_port_t serve_one(bool server_first, int reuse)
{
    char byte;
    in_port_t port = 0;
    struct sockaddr_in name = {.sin_family = AF_INET};
    int listen_fd = must(listen_on(&port, reuse), "listen");
    int client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    name.sin_port = port;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(connect(client, (struct sockaddr *)&name, sizeof(name)), "connect");
    int server = must(accept(listen_fd, NULL, NULL), "accept");
    int first = server_first ? server : client;
    int second = server_first ? client : server;
    close(first);
    recv(second, &byte, 1, 0); /* end of file */
    close(second);
    close(listen_fd);
    return port;
}

/* Prints whether a server can have the port again. */
static void try_port(const char *what, in_port_t port, int reuse, int expected)
{
    int fd = listen_on(&port, reuse);
    int error = fd < 0 ? errno : 0;
    saw(error == expected, "%s: bind %s", what,
        error != 0 ? error_name(error) : "succeeds");
    if (fd >= 0)
        close(fd);
}

int main(void)
{
    in_port_t port = serve_one(false, 0);
    try_port("the client closes first", port, 0, 0);
    port = serve_one(true, 0);
    try_port("the server closes first", port, 0, EADDRINUSE);
    try_port("SO_REUSEADDR in the new server only", port, 1, EADDRINUSE);
    port = serve_one(true, 1);
    try_port("SO_REUSEADDR in both servers", port, 1, 0);
    int listening = must(listen_on(&port, 1), "listen");
    try_port("the same, while a server listens", port, 1, EADDRINUSE);
    close(listening);
    return verdict("depends",
                   "when all connections are closed, the port of a server is "
                   "free",
                   "if the server closed first, bind is EADDRINUSE without "
                   "SO_REUSEADDR");
}
