/*
 * not-tcp.c - Unix-domain sockets
 *
 * Claim: SOCK_STREAM means TCP, so a local stream server is a TCP server
 * Truth: false. SOCK_STREAM is a type of socket. AF_UNIX implements it without
 * a protocol: there are no packets, ports, losses or TIME_WAIT, and TCP's
 * options do not exist. Instead there are credentials, and descriptors can be
 * passed.
 * Settled by: unix(7), tcp(7), socket(2).
 * Try: ss -x and ss -t while a stage serves.
 */
#include "claim.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static int option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    must(getsockopt(fd, SOL_SOCKET, name, &value, &size), "getsockopt");
    return value;
}

int main(void)
{
    const int on = 1;
    struct place place;
    const int listen_fd = listen_somewhere(&place, 5);
    const int domain = option(listen_fd, SO_DOMAIN);
    const int protocol = option(listen_fd, SO_PROTOCOL);
    saw(domain == AF_UNIX, "SO_DOMAIN: %s",
        domain == AF_UNIX ? "AF_UNIX" : "another");
    saw(protocol == 0, "SO_PROTOCOL: %d, TCP is %d", protocol, IPPROTO_TCP);
    const int result =
        setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    saw(result < 0 && errno == EOPNOTSUPP, "TCP_NODELAY: %s",
        error_name(result < 0 ? errno : 0));
    const int fd = socket(AF_UNIX, SOCK_STREAM, IPPROTO_TCP);
    saw(fd < 0 && errno == EPROTONOSUPPORT, "AF_UNIX with IPPROTO_TCP: %s",
        error_name(fd < 0 ? errno : 0));
    return verdict("false",
                   "SOCK_STREAM means TCP, so a local stream server is a TCP "
                   "server",
                   "SO_DOMAIN is AF_UNIX, SO_PROTOCOL 0, TCP_NODELAY "
                   "EOPNOTSUPP");
}
