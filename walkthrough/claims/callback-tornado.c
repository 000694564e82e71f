/*
 * callback-tornado.c - well-known samples
 *
 * Claim: the loop of tornado waits until a new client has sent its request
 * Truth: false. It calls the handlers of the descriptors that are registered,
 * and here only the listener is. This is the server of callback-loop.c, with
 * the loop of tornado. It reports the exception, and forgets the client. If
 * tornado is not installed, the claim cannot be tried.
 * Settled by: accept(2); recv(2), EAGAIN.
 * Try: tornado.tcpserver.TCPServer, which waits.
 */
#include "sample.h"

int main(void)
{
    char byte;
    struct sample server = start_sample("callback_loop.py", "tornado", NULL);
    int fd = must(connect_to_sample(&server), "connect");
    bool failed = sample_prints(&server, "BlockingIOError");
    saw(failed, "a client connects and is silent, the server's recv: %s",
        failed ? "EAGAIN" : "something else");
    send(fd, "hello", 5, MSG_NOSIGNAL);
    must(connect_to_sample(&server), "connect");
    failed = sample_prints(&server, "BlockingIOError");
    saw(failed, "it sends, then another client connects, recv: %s",
        failed ? "EAGAIN" : "something else");
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    saw(n <= 0, "the first client has %s", n <= 0 ? "no reply" : "a reply");
    kill_sample(&server);
    return verdict("false",
                   "the loop of tornado waits until a new client has sent its "
                   "request",
                   "a client that connects and is silent: recv is EAGAIN, and "
                   "what it sends later gets no reply");
}
