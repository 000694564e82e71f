/*
 * http-eof.c - well-known samples
 *
 * Claim: a server may ignore a recv that returns 0
 * Truth: false. 0 is end of file, and the socket stays readable. A well-known
 * HTTP server in Python, of which this program is a version in C, appends the
 * empty bytes to the request and waits for the remaining ones. A client that
 * connects and leaves costs it a CPU and a descriptor.
 * Settled by: recv(2), RETURN VALUE.
 * Try: edge-triggered. What is lost then?
 */
#include "sample.h"

#define TURNS 1000

/* The sample's state of one client. */
struct request {
    int fd;
    char text[200];
    size_t length;
};

/* Waits, receives once and appends the bytes. Returns true if the request is
 * complete. */
static bool turn(int epoll_fd, struct request *request)
{
    struct epoll_event event;
    if (epoll_wait(epoll_fd, &event, 1, -1) < 1)
        return false;
    size_t room = sizeof(request->text) - 1 - request->length;
    ssize_t n = recv(request->fd, request->text + request->length, room, 0);
    request->length += n > 0 ? (size_t)n : 0; /* 0 is ignored here */
    return strstr(request->text, "\r\n\r\n") != NULL;
}

int main(void)
{
    int pair[2], turns = 0;
    make_pair(pair);
    struct request request = {.fd = pair[0]};
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);

    send(pair[1], "GET / HTTP/1.0\r\n", 16, 0);
    bool whole = turn(epoll_fd, &request);
    saw(!whole && request.length == 16,
        "half a request: %zu bytes, not complete", request.length);
    close(pair[1]);
    while (turns < TURNS && !whole) {
        whole = turn(epoll_fd, &request);
        turns++;
    }
    saw(turns == TURNS && request.length == 16,
        "the client leaves: %d waits, none blocks, still %zu bytes", turns,
        request.length);

    bool blocked = false;
    struct sample sample = start_sample("http_server.py", "0", "13");
    int half_fd = must(connect_to_sample(&sample), "connect");
    send(half_fd, "GET / HTTP/1.0\r\n", 16, 0);
    close(half_fd);
    int fd = must(connect_to_sample(&sample), "connect");
    send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0);
    while (recv(fd, request.text, sizeof(request.text), 0) > 0)
        ;
    for (int i = 0; i < TURNS; i++)
        blocked = blocked || asleep(sample.pid);
    kill_sample(&sample);
    saw(!blocked, "the server in Python: %s in %d looks",
        blocked ? "blocked" : "never blocked", TURNS);
    return verdict("false", "a server may ignore a recv that returns 0",
                   "half a request, then the client leaves: 1000 waits, none "
                   "blocks, nothing is closed");
}
