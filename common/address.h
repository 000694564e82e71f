/*
 * address.h - the addresses of servers and clients: paths, abstract names and
 * TCP ports.
 *
 * The rules of paths and names are those of unix(7). A path has at most 107
 * bytes. A name that begins with @ is in the abstract namespace. TCP is for
 * this machine alone, so there are two addresses, 127.0.0.1 and ::1.
 */
#ifndef IOMUX_ADDRESS_H
#define IOMUX_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* An address for bind(2) and connect(2). */
struct address {
    union {
        struct sockaddr any; /* for the system calls */
        struct sockaddr_un local;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } name;
    socklen_t size;
};

enum {
    ADDRESS_PATH_LIMIT = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
    ADDRESS_TEXT_SIZE = 109,   /* of the text of an address */
    ADDRESS_PROBLEM_SIZE = 400 /* of a sentence on what is wrong with one */
};

/*
 * Converts PATH, @NAME, tcp:PORT, tcp:127.0.0.1:PORT or tcp:[::1]:PORT. Returns
 * false if the text is wrong. It then writes a sentence that explains why to
 * problem, which has ADDRESS_PROBLEM_SIZE bytes.
 */
bool address_parse(const char *text, struct address *address, char *problem);

bool address_is_tcp(const struct address *address);

/* Returns the port of a TCP address, or 0 for any free port. */
int address_port(const struct address *address);

/* Writes a TCP address as a text that address_parse() understands. text has
 * ADDRESS_TEXT_SIZE bytes. */
void address_print(const struct address *address, char *text);

/*
 * Creates a stream socket for an address. A TCP socket sends without delay
 * (TCP_NODELAY, tcp(7)). If lockstep is true, its buffers have the fixed size
 * of those of a Unix-domain socket, so that a scenario does not depend on how
 * TCP changes their size. The sockets that a listening socket accepts inherit
 * both. Returns the descriptor, or -1 with errno of socket(2).
 */
int address_socket(const struct address *address, bool lockstep);

/*
 * Calls connect(2). nonblocking must be true if fd is non-blocking. Otherwise
 * fd has a send time-out. Returns 0, or -1 with errno. While the backlog is
 * full, a blocking call fails with EAGAIN when the time-out expires. A
 * non-blocking one fails at once: with EAGAIN, or over TCP with EINPROGRESS,
 * because the kernel has then begun to connect.
 */
int address_connect(int fd, const struct address *address, bool nonblocking);

/*
 * Binds the socket fd of the client with this number to a name from which the
 * server learns the number. The name is an abstract name, or over TCP an
 * address in 127.0.0.0/8. For ::1 the name is a port, which only a server in
 * the same process understands. server is the address that the client will
 * connect to. Returns 0, or -1 with errno of bind(2). After a failure the
 * client can still connect, but its connection has a name such as x1.
 */
int address_bind_client(int fd, const struct address *server, int number);

/*
 * Returns the number of the client thread at the other end of the accepted
 * socket fd, or 0 if the peer is another program. If own is true, a TCP client
 * has a number only if it belongs to this process. If own is false, any program
 * of this machine can pretend to have one, because TCP has no credentials.
 */
int address_client_number(int fd, bool own);

#endif
