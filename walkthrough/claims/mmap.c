/*
 * mmap.c - epoll's interface
 *
 * Claim: epoll is fast because kernel and program share memory (mmap)
 * Truth: false. An epoll descriptor cannot be mapped, and no memory appears in
 * the process. epoll_wait copies each event into the caller's array, and fails
 * with EFAULT if the array cannot be written.
 * Settled by: epoll_wait(2), ERRORS, EFAULT; fs/eventpoll.c:
 * eventpoll_fops has no .mmap, epoll_put_uevent copies.
 * Try: strace -e trace=memory build/claims/mmap
 */
#include "claim.h"

#include <sys/mman.h>

static void read_maps(char *text, size_t size)
{
    const int fd = must(open("/proc/self/maps", O_RDONLY), "open maps");
    size_t filled = 0;
    ssize_t n;
    while ((n = read(fd, text + filled, size - 1 - filled)) > 0)
        filled += (size_t)n;
    text[filled] = '\0';
    close(fd);
}

int main(void)
{
    static char before[1 << 16], after[1 << 16];
    int pair[2];
    make_pair(pair);
    struct epoll_event *page =
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(page == MAP_FAILED ? -1 : 0, "mmap");

    read_maps(before, sizeof(before));
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    send(pair[1], "x", 1, 0);
    const uint32_t events = ask(epoll_fd);
    read_maps(after, sizeof(after));
    saw(events == EPOLLIN, "epoll_create1, epoll_ctl, epoll_wait: %s",
        event_names(events));
    saw(strcmp(before, after) == 0, "/proc/self/maps is the same %s",
        "before and after");

    const void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, epoll_fd, 0);
    saw(mapped == MAP_FAILED && errno == ENODEV,
        "mmap of the epoll descriptor: %s",
        error_name(mapped == MAP_FAILED ? errno : 0));
    const int n = epoll_wait(epoll_fd, page, 1, 0);
    saw(n < 0 && errno == EFAULT,
        "epoll_wait into a page that can only be read: %s",
        error_name(n < 0 ? errno : 0));
    return verdict("false",
                   "epoll is fast because kernel and program share memory "
                   "(mmap)",
                   "mmap of the descriptor is ENODEV, the process maps nothing "
                   "new, a read-only array is EFAULT");
}
