/*
 * http-notconn.c - well-known samples
 *
 * Claim: shutdown after the last byte cannot fail
 * Truth: depends. Over TCP it fails with ENOTCONN if the client has reset the
 * connection. The well-known Python server does not handle this error: the
 * fourth of four ways to stop it. On a Unix-domain socket shutdown returns 0.
 * Settled by: shutdown(2), ENOTCONN; net/ipv4/af_inet.c, inet_shutdown.
 * Try: SHUT_WR. Then remove the shutdown, and close.
 */
#include "claim.h"

/* Replies to a client that leaves without reading, then calls shutdown. Returns
 * 0 or the errno of shutdown. */
static int reply_and_shut_down(int pair[2])
{
    struct pollfd client = {.fd = pair[1], .events = POLLIN};
    struct pollfd server = {.fd = pair[0], .events = 0};
    send(pair[0], "HTTP/1.0 200 OK\r\n\r\n", 19, MSG_NOSIGNAL);
    poll(&client, 1, -1); /* the reply has arrived, and stays unread */
    close(pair[1]);
    poll(&server, 1, -1); /* ERR or HUP: the server has noticed */
    return shutdown(pair[0], SHUT_RDWR) < 0 ? errno : 0;
}

int main(void)
{
    int tcp[2], local[2];
    make_tcp_pair(tcp);
    make_pair(local);
    int error = reply_and_shut_down(tcp);
    saw(error == ENOTCONN, "TCP, the client leaves its reply unread: %s",
        error_name(error));
    int local_error = reply_and_shut_down(local);
    saw(local_error == 0, "the same on a Unix-domain socket, error: %s",
        error_name(local_error));
    return verdict("depends", "shutdown after the last byte cannot fail",
                   "the client leaves its reply unread: shutdown is ENOTCONN "
                   "over TCP, and succeeds on AF_UNIX");
}
