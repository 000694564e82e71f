/*
 * tsan.c - tells ThreadSanitizer what epoll does.
 *
 * EPOLL_CTL_MOD hands a descriptor, and all that belongs to it, to the thread
 * whose wait reports it next. What the first thread did before the call is
 * visible to the second one after its wait. ThreadSanitizer does not know this,
 * and it takes an epoll_ctl that has not returned yet for a use of the
 * descriptor, which its next owner may have closed. So these two functions
 * replace those of libc in its builds. Everything else that two threads do to a
 * client is still reported as a race: remove EPOLLONESHOT from stage 09, or use
 * a client after watch().
 */
#include <sanitizer/tsan_interface.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Returns an address that stands for what an event hands over. */
static void *address_of(const struct epoll_event *event)
{
    enum { PLACES = 65521 }; /* a prime, because pointers have common factors */
    static char places[PLACES];
    return &places[event->data.u64 % PLACES];
}

int epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    if (event != NULL)
        __tsan_release(address_of(event));
    return (int)syscall(SYS_epoll_ctl, epoll_fd, op, fd, event);
}

int epoll_wait(int epoll_fd, struct epoll_event *events, int size, int timeout)
{
    int n;
    /* ThreadSanitizer defers a signal handler until the call returns if the
     * signal arrives just before it, so no call may block for long. */
    do
        n = epoll_pwait(epoll_fd, events, size, timeout < 0 ? 500 : timeout,
                        NULL);
    while (n == 0 && timeout < 0);
    for (int i = 0; i < n; i++)
        __tsan_acquire(address_of(&events[i]));
    return n;
}
