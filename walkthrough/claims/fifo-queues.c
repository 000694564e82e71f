/*
 * fifo-queues.c - level and edge
 *
 * Claim: a registration waits in one queue of its file
 * Truth: false. The file decides where. A pipe has a queue of readers and one
 * of writers. A descriptor for both directions, such as a FIFO that is opened
 * with O_RDWR, waits in both, and so does a terminal. All three registrations
 * here are for IN, OUT and ET.
 * Settled by: fs/pipe.c, pipe_poll(), which calls poll_wait() twice; fifo(7).
 * Try: a socket, which has one queue (et-rearm.c).
 */
#include "claim.h"

static char page[4096];

/* Prints the edges of the three registrations, which have their own sets. */
static void expect(const int sets[3], const char *done, const char *expected)
{
    char found[4] = "---";
    for (int i = 0; i < 3; i++) {
        if (ask(sets[i]) != 0)
            found[i] = "rwb"[i];
    }
    saw(strcmp(found, expected) == 0, "%-34s %s", done, found);
}

int main(void)
{
    int ends[2], sets[3];
    char path[40];
    must(pipe2(ends, O_NONBLOCK | O_CLOEXEC), "pipe2");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    int both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (both < 0)
        not_tried("/proc/self/fd cannot be opened");
    int fds[] = {ends[0], ends[1], both};
    for (int i = 0; i < 3; i++) {
        sets[i] = new_epoll();
        watch(sets[i], fds[i], EPOLLIN | EPOLLOUT | EPOLLET);
        ask(sets[i]); /* what ADD reports does not count */
    }
    must((int)write(ends[1], page, sizeof(page)), "write");
    expect(sets, "a write (r: the reading end):", "r-b");
    while (write(ends[1], page, sizeof(page)) > 0)
        ;
    for (int i = 0; i < 3; i++)
        ask(sets[i]);
    must((int)read(ends[0], page, sizeof(page)), "read");
    expect(sets, "full, a read (w: the writing end):", "-wb");
    return verdict("false", "a registration waits in one queue of its file",
                   "a write wakes the reading end of a pipe, a read the "
                   "writing end; a descriptor for both is woken by both");
}
