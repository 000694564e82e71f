/*
 * address.c - converts addresses, and gives clients addresses of their own.
 *
 * Leaves out names of hosts, and all addresses of other machines.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PORT_LIMIT = 65535,
    BUFFER_BYTES = 104 * 1024, /* Linux doubles it: 212,992, as for AF_UNIX */
    CLIENTS_LIMIT = 1000000,
    CLIENTS_BEGIN = 0x7f010000 /* client N has the address 127.1.0.0 + N */
};

/* The TCP port of client N of this process, or 0. Written before the client
 * connects, and read after its connection is accepted. */
static atomic_ushort client_ports[CLIENTS_LIMIT + 1];
static atomic_int last_client; /* the highest N that has a port */

/* --- texts --------------------------------------------------------------- */

static bool parse_local(const char *text, struct address *address,
                        char *problem)
{
    size_t length = strlen(text);
    struct sockaddr_un *name = &address->name.local;
    if (length == 0 || strcmp(text, "@") == 0) {
        snprintf(problem, ADDRESS_PROBLEM_SIZE,
                 "the path of the socket is empty: use a path such as "
                 "/tmp/echo, or @NAME for the abstract namespace, or tcp:PORT");
        return false;
    }
    if (length > ADDRESS_PATH_LIMIT) {
        snprintf(problem, ADDRESS_PROBLEM_SIZE,
                 "the path of the socket has %zu bytes, but the limit is %d "
                 "(unix(7)): %.100s...",
                 length, ADDRESS_PATH_LIMIT, text);
        return false;
    }
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, text, length);
    address->size = sizeof(*name);
    if (text[0] == '@') { /* its length ends the name, not a NUL */
        name->sun_path[0] = '\0';
        address->size =
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    }
    return true;
}

/* Returns the port, or -1 if the text is not a number from 0 to 65535. */
static int parse_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -1;
    long port = strtol(text, NULL, 10);
    return port <= PORT_LIMIT ? (int)port : -1;
}

/* Parses what follows "tcp:". */
static bool parse_tcp(const char *text, struct address *address, char *problem)
{
    static const char ipv4[] = "127.0.0.1:", ipv6[] = "[::1]:";
    bool is_ipv6 = strncmp(text, ipv6, strlen(ipv6)) == 0;
    const char *port_text = text;
    if (is_ipv6)
        port_text = text + strlen(ipv6);
    else if (strncmp(text, ipv4, strlen(ipv4)) == 0)
        port_text = text + strlen(ipv4);
    if (strpbrk(port_text, ":[]") != NULL) {
        snprintf(problem, ADDRESS_PROBLEM_SIZE,
                 "a TCP server listens on this machine alone: use tcp:PORT for "
                 "127.0.0.1, or tcp:[::1]:PORT for ::1, not 'tcp:%.100s'",
                 text);
        return false;
    }
    int port = parse_port(port_text);
    if (port < 0) {
        snprintf(problem, ADDRESS_PROBLEM_SIZE,
                 "the port in 'tcp:%.100s' must be a number from 0 to %d: use "
                 "tcp:8080, for example, or tcp:0 for a free port",
                 text, PORT_LIMIT);
        return false;
    }
    in_port_t network_port = htons((in_port_t)port);
    if (is_ipv6) {
        address->name.ipv6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6,
            .sin6_port = network_port,
            .sin6_addr = IN6ADDR_LOOPBACK_INIT,
        };
        address->size = sizeof(address->name.ipv6);
    } else {
        address->name.ipv4 = (struct sockaddr_in){
            .sin_family = AF_INET,
            .sin_port = network_port,
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        address->size = sizeof(address->name.ipv4);
    }
    return true;
}

bool address_parse(const char *text, struct address *address, char *problem)
{
    *address = (struct address){.size = 0};
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_tcp(text + 4, address, problem);
    return parse_local(text, address, problem);
}

bool address_is_tcp(const struct address *address)
{
    return address->name.any.sa_family != AF_UNIX;
}

int address_port(const struct address *address)
{
    if (address->name.any.sa_family == AF_INET6)
        return ntohs(address->name.ipv6.sin6_port);
    return ntohs(address->name.ipv4.sin_port);
}

void address_print(const struct address *address, char *text)
{
    bool is_ipv6 = address->name.any.sa_family == AF_INET6;
    snprintf(text, ADDRESS_TEXT_SIZE, "tcp:%s%d", is_ipv6 ? "[::1]:" : "",
             address_port(address));
}

/* --- sockets ------------------------------------------------------------- */

int address_socket(const struct address *address, bool lockstep)
{
    int fd = socket(address->name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !address_is_tcp(address))
        return fd;
    /* Otherwise a small message may wait for the acknowledgement of the one
     * before it, which the peer delays (Nagle's algorithm, RFC 9293, 3.7.4). */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (lockstep) {
        int size = BUFFER_BYTES;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    return fd;
}

int address_connect(int fd, const struct address *address, bool nonblocking)
{
    int result = connect(fd, &address->name.any, address->size);
    if (result < 0 && errno == EINPROGRESS) /* over loopback it has ended */
        result = connect(fd, &address->name.any, address->size);
    if (result < 0 && errno == EALREADY)
        errno = nonblocking ? EINPROGRESS : EAGAIN;
    return result;
}

/* --- names of clients ---------------------------------------------------- */

/* Formats the abstract name of client number of a process. Returns its length.
 */
static int format_name(char *name, size_t size, int pid, int number)
{
    return snprintf(name, size, "iomux-%d-c%d", pid, number);
}

/* Binds to a free port, and notes it. A fixed port could not be used again for
 * a minute, because the closed connection would be in TIME_WAIT. */
static int bind_tcp_client(int fd, const struct address *server, int number)
{
    struct address own = *server;
    if (own.name.any.sa_family == AF_INET6) {
        own.name.ipv6.sin6_port = 0;
    } else {
        own.name.ipv4.sin_port = 0;
        own.name.ipv4.sin_addr.s_addr =
            htonl(CLIENTS_BEGIN + (in_addr_t)number);
    }
    if (bind(fd, &own.name.any, own.size) < 0 ||
        getsockname(fd, &own.name.any, &own.size) < 0)
        return -1;
    if (number > CLIENTS_LIMIT)
        return 0;
    client_ports[number] = (unsigned short)address_port(&own);
    int last = last_client;
    while (last < number &&
           !atomic_compare_exchange_weak(&last_client, &last, number))
        ;
    return 0;
}

int address_bind_client(int fd, const struct address *server, int number)
{
    if (address_is_tcp(server))
        return bind_tcp_client(fd, server, number);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int n = format_name(name.sun_path + 1, sizeof(name.sun_path) - 1,
                        (int)getpid(), number);
    size_t size = offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n;
    return bind(fd, (struct sockaddr *)&name, (socklen_t)size);
}

/* Returns the number that a TCP address stands for, or 0. */
static int number_of_tcp_client(const struct sockaddr_in *peer, bool own)
{
    unsigned short port = ntohs(peer->sin_port);
    if (peer->sin_family == AF_INET) {
        in_addr_t number = ntohl(peer->sin_addr.s_addr) - CLIENTS_BEGIN;
        bool known = number >= 1 && number <= CLIENTS_LIMIT &&
                     (!own || client_ports[number] == port);
        return known ? (int)number : 0;
    }
    int number = last_client; /* on ::1, a port belongs to one client */
    while (number > 0 && client_ports[number] != port)
        number--;
    return number;
}

/*
 * Returns the number that an abstract name contains, or 0. Any process may bind
 * any free abstract name, so the name must also contain the process that the
 * kernel reports as the peer.
 */
static int number_of_local_client(int fd, struct sockaddr_un *peer,
                                  socklen_t size)
{
    if (size <= offsetof(struct sockaddr_un, sun_path) ||
        size >= sizeof(*peer) || peer->sun_path[0] != '\0')
        return 0;
    ((char *)peer)[size] = '\0';
    char name[sizeof(peer->sun_path)];
    int pid = 0, number = 0;
    if (sscanf(peer->sun_path + 1, "iomux-%9d-c%7d", &pid, &number) != 2 ||
        number < 1)
        return 0;
    size_t length = (size_t)format_name(name, sizeof(name), pid, number);
    if (length + 1 != size - offsetof(struct sockaddr_un, sun_path) ||
        memcmp(name, peer->sun_path + 1, length) != 0)
        return 0; /* it only begins like one of our names */
    struct ucred owner;
    size = sizeof(owner);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) < 0 ||
        owner.pid != pid)
        return 0;
    return number;
}

int address_client_number(int fd, bool own)
{
    /* Unlike getpeername(2), SO_PEERNAME also works after a reset. It returns
     * as many bytes as it is asked for. These have the family and the port. */
    struct sockaddr_in tcp = {.sin_family = AF_UNSPEC};
    socklen_t size = sizeof(tcp);
    getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &tcp, &size);
    if (tcp.sin_family == AF_INET || tcp.sin_family == AF_INET6)
        return number_of_tcp_client(&tcp, own);
    struct sockaddr_un local = {0};
    size = sizeof(local);
    if (getpeername(fd, (struct sockaddr *)&local, &size) < 0)
        return 0;
    return number_of_local_client(fd, &local, size);
}
