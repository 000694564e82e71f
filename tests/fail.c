/*
 * fail.c - lets one system call of a server fail, for tests/hazard.py.
 *
 * A library for LD_PRELOAD. FAIL="NAMES ERROR FILE": each function in the
 * comma-separated NAMES fails with the number ERROR while the failures are
 * switched on. FILE holds struct orders, which the test writes and reads.
 * poll(2) without descriptors is a pause and does not fail.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct orders {
    atomic_long on;       /* written by the test: failures are switched on */
    atomic_long failures; /* written here: so many calls have failed */
};

static char names[100];
static int error;
static struct orders *orders;

__attribute__((constructor)) static void read_orders(void)
{
    char path[200];
    const char *text = getenv("FAIL");
    if (text == NULL || sscanf(text, "%99s %d %199s", names, &error, path) != 3)
        abort();
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        abort();
    orders =
        mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (orders == MAP_FAILED)
        abort();
    close(fd);
}

/* Returns true with errno set if this call of the function must fail. */
static bool fails(const char *name)
{
    const char *found = strstr(names, name);
    size_t size = strlen(name);
    if (found == NULL || (found[size] != '\0' && found[size] != ',') ||
        (found > names && found[-1] != ','))
        return false;
    if (!orders->on)
        return false;
    orders->failures++;
    errno = error;
    return true;
}

/* Sets *real to the function that this library hides. */
static void find(const char *name, void *real)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(real, &found, sizeof(found));
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *size, int flags)
{
    int (*real)(int, __SOCKADDR_ARG, socklen_t *, int);
    if (fails("accept4"))
        return -1;
    find("accept4", &real);
    return real(fd, address, size, flags);
}

int accept(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
    return accept4(fd, address, size, 0);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);
    if (fails("send"))
        return -1;
    find("send", &real);
    return real(fd, bytes, size, flags);
}

int select(int n, fd_set *in, fd_set *out, fd_set *except,
           struct timeval *limit)
{
    int (*real)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
    if (fails("select"))
        return -1;
    find("select", &real);
    return real(n, in, out, except, limit);
}

int poll(struct pollfd *slots, nfds_t n, int limit)
{
    int (*real)(struct pollfd *, nfds_t, int);
    if (n > 0 && fails("poll"))
        return -1;
    find("poll", &real);
    return real(slots, n, limit);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int limit)
{
    int (*real)(int, struct epoll_event *, int, int);
    if (fails("epoll_wait"))
        return -1;
    find("epoll_wait", &real);
    return real(fd, events, most, limit);
}

#if __has_include(<liburing.h>)
#include <liburing.h>

/* Lets the accept requests that are about to be submitted fail. Returns the
 * user data of one that does, or 0. */
static __u64 spoil_accepts(struct io_uring *ring)
{
    __u64 spoiled = 0;
    for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++) {
        struct io_uring_sqe *entry = &ring->sq.sqes[i & *ring->sq.kring_mask];
        if (entry->opcode == IORING_OP_ACCEPT && fails("accept4")) {
            entry->fd = -1; /* EBADF */
            spoiled = entry->user_data;
        }
    }
    return spoiled;
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned results)
{
    int (*real)(struct io_uring *, unsigned);
    if (fails("io_uring_enter"))
        return -error;
    find("io_uring_submit_and_wait", &real);
    __u64 spoiled = spoil_accepts(ring);
    int n = real(ring, results);
    for (unsigned i = *ring->cq.khead; i != *ring->cq.ktail; i++) {
        struct io_uring_cqe *result = &ring->cq.cqes[i & *ring->cq.kring_mask];
        if (spoiled != 0 && result->user_data == spoiled)
            result->res = -error;
    }
    return n;
}
#endif
