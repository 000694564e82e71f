/*
 * reuseport-busy.c - who is woken
 *
 * Claim: with SO_REUSEPORT a connection goes to a worker that is free
 * Truth: false. A hash of the addresses and ports chooses the listening socket,
 * when the connection arrives. It then waits there, whatever its owner does.
 * Settled by: net/core/sock_reuseport.c, reuseport_select_sock(); socket(7),
 * SO_REUSEPORT.
 * Try: one listening socket for both workers. The free one accepts all.
 */
#include "claim.h"

#define CONNECTIONS 100

int main(void)
{
    struct sockaddr_in address = {0};
    int busy_fd = listen_reuseport(&address, CONNECTIONS);
    int free_fd = listen_reuseport(&address, CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++)
        connect_tcp(&address);
    while (count_waiting(busy_fd) + count_waiting(free_fd) < CONNECTIONS)
        sched_yield();
    saw(true, "%d connections wait at two sockets", CONNECTIONS);

    int accepted = 0; /* by the worker that is free */
    while (accept4(free_fd, NULL, NULL, 0) >= 0)
        accepted++;
    saw(accepted > 0 && accepted < CONNECTIONS && errno == EAGAIN,
        "the free worker accepts some of them, then EAGAIN");
    saw(count_waiting(busy_fd) == CONNECTIONS - accepted,
        "all others still wait at the socket of the busy one");
    return verdict("false",
                   "with SO_REUSEPORT a connection goes to a worker that is "
                   "free",
                   "of 100 connections a part waits at the socket of the busy "
                   "worker, while the free one gets EAGAIN");
}
