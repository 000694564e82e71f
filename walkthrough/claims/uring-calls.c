/*
 * uring-calls.c - completions with io_uring
 *
 * Claim: io_uring needs fewer system calls than epoll
 * Truth: depends on how many clients send together. A call submits requests
 * and returns completions of all. An echo of one client costs two calls.
 * Settled by: io_uring_enter(2); scripts/bench, the columns "calls".
 * Try: strace -c build/claims/uring-calls
 */
#include "uring.h"

#define MOST 100 /* clients. The data of a send is that of the recv + MOST */
static struct io_uring ring;
static int pairs[MOST][2], epoll_fd;
static char bytes[MOST];

static void submit_recv(unsigned i)
{
    io_uring_prep_recv(request(&ring, 1 + i), pairs[i][0], &bytes[i], 1, 0);
}

/* Handles what one call returns. Returns the number of completed echoes. */
static unsigned turn_of_uring(int *calls)
{
    unsigned done = 0;
    *calls += 1;
    must(io_uring_submit_and_wait(&ring, 1), "io_uring_submit_and_wait");
    struct completion next = completed(&ring);
    for (; next.data != 0; next = completed(&ring)) {
        unsigned i = (next.data - 1) % MOST;
        done += next.data > MOST ? 1 : 0;
        if (next.data > MOST)
            continue; /* a send */
        io_uring_prep_send(request(&ring, next.data + MOST), pairs[i][0],
                           &bytes[i], 1, 0);
        submit_recv(i);
    }
    return done;
}

/* The same with epoll. */
static unsigned turn_of_epoll(int *calls)
{
    struct epoll_event events[MOST];
    int n = must(epoll_wait(epoll_fd, events, MOST, -1), "epoll_wait");
    for (int i = 0; i < n; i++) {
        recv(events[i].data.fd, bytes, 1, 0);
        send(events[i].data.fd, bytes, 1, 0);
    }
    *calls += 1 + 2 * n;
    return (unsigned)n;
}

/* Counts the calls for 1000 messages of so many clients. */
static int count_calls(unsigned clients, bool by_uring)
{
    int calls = 0;
    open_ring(&ring, 2 * MOST, 0);
    epoll_fd = new_epoll();
    for (unsigned i = 0; i < clients; i++) {
        make_pair(pairs[i]);
        watch(epoll_fd, pairs[i][0], EPOLLIN);
        if (by_uring)
            submit_recv(i);
    }
    for (unsigned round = 0; round < 1000 / clients; round++) {
        for (unsigned i = 0; i < clients; i++)
            send(pairs[i][1], "x", 1, 0);
        for (unsigned done = 0; done < clients;)
            done += by_uring ? turn_of_uring(&calls) : turn_of_epoll(&calls);
        for (unsigned i = 0; i < clients; i++)
            recv(pairs[i][1], bytes, 1, 0);
    }
    io_uring_queue_exit(&ring);
    return calls;
}

int main(void)
{
    int epoll = count_calls(1, false), uring = count_calls(1, true);
    saw(epoll == 3000 && uring == 2000,
        "1000 messages, 1 client: %d calls, io_uring %d", epoll, uring);
    epoll = count_calls(MOST, false);
    uring = count_calls(MOST, true);
    saw(epoll == 2010 && uring <= 100, "100 clients: %d calls, io_uring %s 100",
        epoll, uring <= 100 ? "at most" : "more than");
    return verdict("depends", "io_uring needs fewer system calls than epoll",
                   "1000 messages: 2000 calls instead of 3000 with 1 client, "
                   "at most 100 instead of 2010 with 100");
}
