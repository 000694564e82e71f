/*
 * uring-close.c - completions with io_uring
 *
 * Claim: closing a socket ends the requests that wait for it
 * Truth: false. A request holds the socket itself, and not its number. After
 * close(2) the recv waits on, the peer sees no end of file, and the next bytes
 * go to the recv. shutdown(2) or a cancel request ends it.
 * Settled by: close(2); io_uring_prep_cancel(3); shutdown(2).
 * Try: open /dev/null after the close. It gets the number, and no bytes.
 */
#include "uring.h"

int main(void)
{
    struct io_uring ring;
    char buffer[8], byte;
    int pair[2];
    open_ring(&ring, 8, 0);

    make_pair(pair);
    io_uring_prep_recv(request(&ring, 1), pair[0], buffer, sizeof(buffer), 0);
    must(io_uring_submit(&ring), "io_uring_submit");
    close(pair[0]);
    struct completion recv_done = completed(&ring);
    saw(recv_done.data == 0, "after close: the recv %s",
        recv_done.data == 0 ? "waits" : "has completed");
    ssize_t n = recv(pair[1], &byte, 1, MSG_DONTWAIT);
    int error = n < 0 ? errno : 0;
    saw(error == EAGAIN, "the peer's recv: %s, and not an end of file",
        n < 0 ? error_name(error) : "0");
    n = send(pair[1], "hello", 5, MSG_NOSIGNAL);
    recv_done = completed(&ring);
    saw(n == 5 && recv_done.data == 1 && recv_done.result == 5,
        "the peer sends %zd bytes: the recv completes with %d", n,
        recv_done.result);
    n = recv(pair[1], &byte, 1, 0);
    saw(n == 0, "the peer's next recv: %zd, because no request is left", n);

    make_pair(pair);
    io_uring_prep_recv(request(&ring, 2), pair[0], buffer, sizeof(buffer), 0);
    must(io_uring_submit(&ring), "io_uring_submit");
    shutdown(pair[0], SHUT_RDWR);
    recv_done = completed(&ring);
    saw(recv_done.data == 2 && recv_done.result == 0,
        "after shutdown: the recv completes with %d", recv_done.result);
    return verdict("false",
                   "closing a socket ends the requests that wait for it",
                   "after close a recv waits on, and gets the next 5 bytes; "
                   "shutdown ends it");
}
