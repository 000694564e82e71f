/*
 * watch-caches.c - limits and costs
 *
 * Claim: a registration is one object in the memory of the kernel
 * Truth: false. It is a struct epitem and one struct eppoll_entry for each wait
 * queue of its file. They come from two slab caches, which eventpoll_init()
 * creates at boot. A FIFO that is open for both directions has two wait queues.
 * Linux 5.11 and later have a third cache, ep_head, with an object for each
 * watched file. Only root can read these numbers.
 * Settled by: fs/eventpoll.c, ep_insert(), ep_ptable_queue_proc() and
 * eventpoll_init(); fs/pipe.c, pipe_poll().
 * Try: sudo grep -e eventpoll -e ep_head /proc/slabinfo. A cache may be missing
 * there, because the kernel merges caches whose objects have the same size.
 */
#include "claim.h"

enum { COPIES = 100, SETS = 200, WATCHES = COPIES * SETS };

/* Returns how many objects of a cache are in use. */
static long objects(const char *cache)
{
    char path[100];
    long count = -1;
    snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        not_tried("the slab caches in /sys/kernel/slab cannot be read");
    if (fscanf(file, "%ld", &count) != 1)
        not_tried("the kernel does not count the objects of a slab cache");
    fclose(file);
    return count;
}

/* Rounds count to a multiple of the registrations, because other programs use
 * the same caches. */
static long per_watch(long count)
{
    return (count + WATCHES / 2) / WATCHES;
}

/* Registers COPIES duplicates of fd with SETS sets each. */
static void fill(int fd, const char *kind, long entries)
{
    int copies[COPIES];
    long items = objects("eventpoll_epi"), hooks = objects("eventpoll_pwq");
    for (int i = 0; i < COPIES; i++)
        copies[i] = must(dup(fd), "dup");
    for (int i = 0; i < SETS; i++) {
        int epoll_fd = new_epoll();
        for (int k = 0; k < COPIES; k++)
            watch(epoll_fd, copies[k], EPOLLIN);
    }
    items = per_watch(objects("eventpoll_epi") - items);
    hooks = per_watch(objects("eventpoll_pwq") - hooks);
    saw(items == 1 && hooks == entries,
        "%d registrations, %s %ld eventpoll_epi, %ld eventpoll_pwq each",
        WATCHES, kind, items, hooks);
}

int main(void)
{
    int pair[2], ends[2];
    char path[40];
    allow_descriptors(2 * (COPIES + SETS) + 20);
    make_pair(pair);
    must(pipe2(ends, O_CLOEXEC), "pipe2");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    int both = must(open(path, O_RDWR | O_CLOEXEC), "open");
    fill(pair[0], "socket:", 1);
    fill(both, "FIFO:  ", 2);
    return verdict("false",
                   "a registration is one object in the memory of the kernel",
                   "it is an epitem and an eppoll_entry; a FIFO for both "
                   "directions has two eppoll_entries");
}
