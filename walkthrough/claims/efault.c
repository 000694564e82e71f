/*
 * efault.c - epoll's interface
 *
 * Claim: a wait that fails with EFAULT has lost its events
 * Truth: false. If the kernel cannot write an event to the array, it puts the
 * registration back on the ready list. If it has written some already, the
 * call returns their number. The array is not checked before: while nothing
 * is ready, even a NULL pointer is accepted.
 * Settled by: epoll_wait(2), EFAULT; fs/eventpoll.c, ep_send_events().
 * Try: level-triggered registrations.
 */
#include "claim.h"

#include <sys/mman.h>

int main(void)
{
    int a[2], b[2];
    struct epoll_event event;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        not_tried("mmap failed");
    char *second = pages + page; /* the program may not write here */
    must(mprotect(second, page, PROT_READ), "mprotect");
    make_pair(a);
    make_pair(b);
    int epoll_fd = new_epoll();
    watch(epoll_fd, a[0], EPOLLIN | EPOLLET);
    watch(epoll_fd, b[0], EPOLLIN | EPOLLET);

    struct epoll_event *array = (void *)second;
    int n = epoll_wait(epoll_fd, array, 1, 0);
    saw(n == 0, "a read-only array, nothing is ready: returns %d", n);
    send(a[1], "x", 1, 0);
    n = epoll_wait(epoll_fd, array, 1, 0);
    saw(n < 0 && errno == EFAULT, "one edge: %s",
        error_name(n < 0 ? errno : 0));
    n = epoll_wait(epoll_fd, &event, 1, 0);
    saw(n == 1 && event.data.fd == a[0], "a good array: the edge is there: %d",
        n);

    send(a[1], "x", 1, 0);
    send(b[1], "x", 1, 0);
    array = (void *)(second - sizeof(event)); /* the first one has room */
    n = epoll_wait(epoll_fd, array, 2, 0);
    saw(n == 1, "two edges, and only the first can be written: returns %d", n);
    n = epoll_wait(epoll_fd, &event, 1, 0);
    saw(n == 1 && event.data.fd == b[0], "a good array: the other edge: %d", n);
    return verdict("false", "a wait that fails with EFAULT has lost its events",
                   "the next wait with a good array reports the same edge; of "
                   "two, the one that could be written is returned");
}
