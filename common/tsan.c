/*
 * tsan.c - tell ThreadSanitizer what epoll does; without it, nothing.
 *
 * EPOLL_CTL_MOD hands a descriptor, and all that belongs to it, to the thread
 * that a wait tells of it next: what the one did before the call, the other
 * may use after its wait. ThreadSanitizer does not know that, and takes an
 * epoll_ctl that is still returning for a use of the descriptor, which the
 * next owner may have closed meanwhile. So in its builds these two stand in
 * for libc's. Whatever else two threads do to a client is a race, and it says
 * so: take EPOLLONESHOT out of stage 09, or look at a client after watch().
 */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What is handed over is known by the event's data; only its place counts. */
static void *place_of(const struct epoll_event *event)
{
    enum { PLACES = 65521 }; /* a prime number: pointers have a common factor */
    static char places[PLACES];
    return &places[event->data.u64 % PLACES];
}

int epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    if (event != NULL)
        __tsan_release(place_of(event));
    return (int)syscall(SYS_epoll_ctl, epoll_fd, op, fd, event);
}

int epoll_wait(int epoll_fd, struct epoll_event *events, int size, int timeout)
{
    const int n =
        (int)syscall(SYS_epoll_pwait, epoll_fd, events, size, timeout, NULL, 8);
    for (int i = 0; i < n; i++)
        __tsan_acquire(place_of(&events[i]));
    return n;
}
#else
extern int nothing_to_tell; /* ISO C wants a word in every file */
#endif
