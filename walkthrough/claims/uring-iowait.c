/*
 * uring-iowait.c - completions with io_uring
 *
 * Claim: a server that waits for requests of io_uring looks idle
 * Truth: false in many kernels from 6.1 on. A thread that waits in
 * io_uring_enter for a request in flight counts as blocked by I/O: the CPU's
 * idle time is then iowait, and /proc/pressure/io grows. The wait costs no CPU
 * time. Linux 6.15 has a flag for it, IORING_ENTER_NO_IOWAIT.
 * Settled by: proc_stat(5), procs_blocked and iowait; io_uring_enter(2).
 * Try: run `top` while one of these servers is idle, and look at "wa".
 */
#include "uring.h"

#define SERVERS 8

/* A server that waits for a byte that never comes. */
static int wait_in_ring(int fd)
{
    struct io_uring ring;
    char byte;
    open_ring(&ring, 8, 0);
    io_uring_prep_recv(request(&ring, 1), fd, &byte, 1, 0);
    io_uring_submit_and_wait(&ring, 1);
    return 0;
}

static int wait_in_epoll(int fd)
{
    struct epoll_event event;
    int epoll_fd = new_epoll();
    watch(epoll_fd, fd, EPOLLIN);
    epoll_wait(epoll_fd, &event, 1, -1);
    return 0;
}

/* Returns how many threads of the machine are blocked by I/O: the lowest of
 * many looks, because others may be blocked for a moment. */
static int blocked_by_io(void)
{
    int blocked, lowest = INT32_MAX;
    char line[8192];
    for (int look = 0; look < 50; look++) {
        FILE *file = fopen("/proc/stat", "re");
        blocked = -1;
        while (file != NULL && fgets(line, sizeof(line), file) != NULL)
            sscanf(line, "procs_blocked %d", &blocked);
        if (blocked < 0)
            not_tried("/proc/stat has no procs_blocked");
        fclose(file);
        lowest = blocked < lowest ? blocked : lowest;
    }
    return lowest;
}

/* Starts servers. Returns how many more threads are blocked while they wait. */
static int count_blocked(int (*server)(int), int fd)
{
    pid_t children[SERVERS];
    int before = blocked_by_io();
    for (int i = 0; i < SERVERS; i++) {
        children[i] = start_child(server, fd);
        wait_asleep(children[i]);
    }
    int more = blocked_by_io() - before;
    for (int i = 0; i < SERVERS; i++)
        kill(children[i], SIGKILL);
    for (int i = 0; i < SERVERS; i++)
        end_of(children[i]);
    return more;
}

int main(void)
{
    struct io_uring ring;
    int pair[2];
    make_pair(pair);
    open_ring(&ring, 8, 0); /* or the program ends, before it has children */
    int epoll = count_blocked(wait_in_epoll, pair[0]);
    int uring = count_blocked(wait_in_ring, pair[0]);
    if (uring < SERVERS / 2)
        not_tried("this kernel does not count a waiting ring as I/O");
    saw(epoll < SERVERS / 2, "%d servers wait in epoll_wait: %s blocked by I/O",
        SERVERS, epoll < SERVERS / 2 ? "none is" : "they are");
    saw(uring >= SERVERS / 2, "%d servers wait in io_uring_enter: %s", SERVERS,
        uring >= SERVERS / 2 ? "all are" : "none is");
    return verdict("false",
                   "a server that waits for requests of io_uring looks idle",
                   "8 servers without clients: procs_blocked grows by 8 with "
                   "io_uring, and by 0 with epoll");
}
