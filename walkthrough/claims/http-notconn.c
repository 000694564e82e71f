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
#include "sample.h"

#define CLIENTS 100

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

/* Clients request a page from the server in Python, and leave at once. Returns
 * true if the server prints that shutdown has failed. */
static bool shuts_down_until_error(struct sample *sample)
{
    char error[40];
    int fd = 0;
    for (int i = 0; i < CLIENTS && fd >= 0; i++) {
        fd = connect_to_sample(sample);
        send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
        close(fd);
    }
    snprintf(error, sizeof(error), "OSError: [Errno %d]", ENOTCONN);
    return sample_prints(sample, error);
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

    struct sample sample = start_sample("http_server.py", "0", "13");
    bool failed = shuts_down_until_error(&sample);
    saw(failed && end_of(sample.pid) == 1, "the server in Python %s",
        failed ? "ends: ENOTCONN" : "does not end by ENOTCONN");
    return verdict("depends", "shutdown after the last byte cannot fail",
                   "the client leaves its reply unread: shutdown is ENOTCONN "
                   "over TCP, and succeeds on AF_UNIX");
}
