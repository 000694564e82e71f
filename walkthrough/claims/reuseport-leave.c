/*
 * reuseport-leave.c - who is woken
 *
 * Claim: a worker with SO_REUSEPORT can leave without a lost connection
 * Truth: false. Its close resets the connections that wait at its socket. They
 * do not move to the other workers, unless net.ipv4.tcp_migrate_req is 1.
 * Settled by: net/ipv4/inet_connection_sock.c, inet_csk_listen_stop();
 * Documentation/networking/ip-sysctl.rst, tcp_migrate_req.
 * Try: accept until EAGAIN before the close. What can arrive in between?
 */
#include "claim.h"

#define CONNECTIONS 100

/* Is the connection reset? */
static bool is_reset(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
}

int main(void)
{
    struct sockaddr_in address = {0};
    int clients[CONNECTIONS], resets = 0;
    char text[2] = "0";
    int sysctl = open("/proc/sys/net/ipv4/tcp_migrate_req", O_RDONLY);
    if (sysctl >= 0 && read(sysctl, text, 1) == 1 && text[0] != '0')
        not_tried("net.ipv4.tcp_migrate_req moves the connections");
    int leaving_fd = listen_reuseport(&address, CONNECTIONS);
    int staying_fd = listen_reuseport(&address, CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++)
        clients[i] = connect_tcp(&address);
    while (count_waiting(leaving_fd) + count_waiting(staying_fd) < CONNECTIONS)
        sched_yield();

    int waiting = count_waiting(leaving_fd);
    saw(waiting > 0 && waiting < CONNECTIONS,
        "%d connections wait at two sockets, some at each", CONNECTIONS);
    close(leaving_fd);
    for (int i = 0; i < CONNECTIONS; i++)
        resets += is_reset(clients[i]);
    saw(resets == waiting, "close: all that waited there get ECONNRESET");
    saw(count_waiting(staying_fd) == CONNECTIONS - waiting,
        "none of them has moved to the other socket");
    return verdict("false",
                   "a worker with SO_REUSEPORT can leave without a lost "
                   "connection",
                   "all connections that wait at its socket get ECONNRESET");
}
