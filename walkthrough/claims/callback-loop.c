/*
 * callback-loop.c - well-known samples
 *
 * Claim: after accept the request can be received at once
 * Truth: false. accept returns when there is a connection. Its data may arrive
 * later, or never. The echo server of a well-known text receives in the
 * callback that has accepted. Its socket is non-blocking, so recv fails with
 * EAGAIN. The loop reports the exception, and Python closes the socket.
 * Settled by: accept(2); recv(2), EAGAIN.
 * Try: register the client with add_handler(), and receive in its callback.
 */
#include "sample.h"

int main(void)
{
    char byte;
    struct sample server = start_sample("callback_loop.py", "own", NULL);
    int fd = must(connect_to_sample(&server), "connect");
    bool failed = sample_prints(&server, "BlockingIOError");
    saw(failed, "a client connects and is silent, the server's recv: %s",
        failed ? "EAGAIN" : "something else");
    ssize_t n = recv(fd, &byte, 1, 0);
    saw(n == 0, "the client's recv: %zd, end of file", n);
    int next_fd = connect_to_sample(&server);
    saw(next_fd >= 0, "the loop continues, another client connects");
    kill_sample(&server);
    return verdict("false", "after accept the request can be received at once",
                   "a client that connects and is silent: recv is EAGAIN, and "
                   "its connection is closed");
}
