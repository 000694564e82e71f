/*
 * listener-shutdown.c - Unix-domain sockets
 *
 * Claim: a server that stops can still accept the connections that wait
 * Truth: depends. After shutdown of the listening socket, a Unix-domain socket
 * refuses new connections and gives out those that wait. Over TCP, shutdown
 * resets them, as close does.
 * Settled by: net/unix/af_unix.c, unix_stream_connect() and unix_accept();
 * net/ipv4/af_inet.c, inet_shutdown(): TCP_LISTEN.
 * Try: close instead of shutdown.
 */
#include "claim.h"

#define CONNECTIONS 3

/* Shuts the socket down. Returns how many connections it still accepts, with
 * errno of the accept after them. */
static int accept_after_shutdown(int listen_fd)
{
    int count = 0;
    must(shutdown(listen_fd, SHUT_RDWR), "shutdown");
    while (accept4(listen_fd, NULL, NULL, 0) >= 0)
        count++;
    return count;
}

int main(void)
{
    struct place place;
    struct sockaddr_in address = {0};
    char byte;
    int client = -1;
    int listen_fd = listen_somewhere(&place, CONNECTIONS);
    fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
    for (int i = 0; i < CONNECTIONS; i++)
        must(connect_to(&place), "connect");
    int accepted = accept_after_shutdown(listen_fd);
    saw(accepted == CONNECTIONS && errno == EAGAIN,
        "Unix-domain, after shutdown: accept %d times, then %s", accepted,
        error_name(errno));
    client = connect_to(&place);
    saw(client < 0 && errno == ECONNREFUSED, "connect: %s",
        error_name(client < 0 ? errno : 0));

    listen_fd = listen_reuseport(&address, CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++)
        client = connect_tcp(&address);
    while (count_waiting(listen_fd) < CONNECTIONS)
        sched_yield();
    accepted = accept_after_shutdown(listen_fd);
    saw(accepted == 0 && errno == EINVAL,
        "TCP, after shutdown: accept %d times, then %s", accepted,
        error_name(errno));
    bool failed = recv(client, &byte, 1, MSG_DONTWAIT) < 0;
    saw(failed && errno == ECONNRESET, "the client gets %s",
        error_name(failed ? errno : 0));
    return verdict("depends",
                   "a server that stops can still accept the connections that "
                   "wait",
                   "Unix-domain: 3 of 3; TCP: none, and they are reset");
}
