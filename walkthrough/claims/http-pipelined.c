/*
 * http-pipelined.c - well-known samples
 *
 * Claim: a client waits for the reply before it sends its next request
 * Truth: false. HTTP/1.1 allows several requests at once, and recv returns them
 * together. The well-known Python server accepts a request in pieces, but it
 * looks for one end, replies once and closes. The second request is lost
 * without an error.
 * Settled by: RFC 9112, 9.3.2; recv(2).
 * Try: the same with stage 11.
 */
#include "sample.h"

/* Sends the pieces. Returns how many replies arrive before the end of file. */
static int count_replies(const struct sample *server, const char *pieces[])
{
    char reply[4096];
    size_t length = 0;
    ssize_t n;
    int fd = must(connect_to_sample(server), "connect");
    for (int i = 0; pieces[i] != NULL; i++)
        send(fd, pieces[i], strlen(pieces[i]), MSG_NOSIGNAL);
    while ((n = recv(fd, reply + length, sizeof(reply) - 1 - length, 0)) > 0)
        length += (size_t)n;
    reply[length] = '\0';
    close(fd);
    int replies = 0;
    for (char *at = reply; (at = strstr(at, "HTTP/1.0 200")) != NULL; at++)
        replies++;
    return replies;
}

int main(void)
{
    const char *in_pieces[] = {"GET", " / HTTP/1.1\r\nHost: a\r\n", "\r", "\n",
                               NULL};
    const char *two[] = {"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                         "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
                         NULL};
    struct sample server = start_sample("http_server.py", "0", "13");
    int replies = count_replies(&server, in_pieces);
    saw(replies == 1, "one request in four pieces: %d reply", replies);
    replies = count_replies(&server, two);
    saw(replies == 1, "two requests in one piece:  %d reply", replies);
    kill_sample(&server);
    return verdict("false",
                   "a client waits for the reply before it sends its next "
                   "request",
                   "two requests in one send: the Python server replies to "
                   "one, and closes");
}
