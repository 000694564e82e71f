/*
 * reuseport-unix.c - Unix-domain sockets
 *
 * Claim: with SO_REUSEPORT several Unix-domain sockets listen at one address
 * Truth: false. The option is for IPv4 and IPv6. New kernels refuse it for
 * other sockets with EOPNOTSUPP. Older ones accept and ignore it, and the
 * second bind fails with EADDRINUSE.
 * Settled by: net/core/sock.c, sk_setsockopt() and sk_is_inet().
 * Try: AF_INET and two sockaddr_in, as listen_reuseport() in claim.h.
 */
#include "claim.h"

/* Binds a socket to the place, and listens. Returns the errno of the first call
 * that failed, or 0. */
static int listen_too(const struct place *place)
{
    const int on = 1;
    const int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&place->address, place->size) < 0 ||
        listen(fd, 5) < 0)
        return errno;
    return 0;
}

int main(void)
{
    struct place place;
    close(bind_somewhere(&place)); /* a free address */
    int first = listen_too(&place), second = first;
    if (first == 0)
        second = listen_too(&place);
    bool refused = first == EOPNOTSUPP, in_use = second == EADDRINUSE;
    saw(refused || (first == 0 && in_use),
        "the option, or the second bind, fails with %s",
        refused || in_use ? "EOPNOTSUPP or EADDRINUSE" : error_name(second));
    return verdict("false",
                   "with SO_REUSEPORT several Unix-domain sockets listen at "
                   "one address",
                   "the option is refused, or the second bind");
}
