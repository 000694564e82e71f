/*
 * before-accept.c - Unix-domain sockets
 *
 * Claim: a client can send only when the server has accepted it
 * Truth: false. connect returns when the connection is in the backlog. The
 * kernel keeps what the client sends, and the server can receive it after
 * accept, even if the client has left. But a server that closes its listening
 * socket resets these connections.
 * Settled by: connect(2), accept(2), listen(2).
 * Try: a client that connects and leaves. What does accept return?
 */
#include "claim.h"

int main(void)
{
    struct place place;
    char buffer[10];
    const int listen_fd = listen_somewhere(&place, 5);
    const int early_fd = must(connect_to(&place), "connect");
    ssize_t n = send(early_fd, "early", 5, MSG_NOSIGNAL);
    saw(n == 5, "connected, not accepted, send: %zd bytes", n);
    close(early_fd);
    const int server_fd = must(accept(listen_fd, NULL, NULL), "accept");
    n = recv(server_fd, buffer, sizeof(buffer), 0);
    saw(n == 5, "the client has closed; accept, recv: %zd bytes", n);
    n = recv(server_fd, buffer, sizeof(buffer), 0);
    saw(n == 0, "recv again: %zd, end of file", n);

    const int late_fd = must(connect_to(&place), "connect");
    close(listen_fd);
    n = recv(late_fd, buffer, sizeof(buffer), 0);
    saw(n < 0 && errno == ECONNRESET,
        "the listener closes; a client in its queue, recv: %s",
        error_name(n < 0 ? errno : 0));
    return verdict("false",
                   "a client can send only when the server has accepted it",
                   "5 bytes sent before accept are received after it, although "
                   "the client has closed");
}
