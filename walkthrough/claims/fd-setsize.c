/*
 * fd-setsize.c - select and poll
 *
 * Claim: select and poll watch at most 1024 descriptors, unless you recompile
 * the kernel
 * Truth: false. FD_SETSIZE is the size of fd_set, a C type in user space. It
 * limits the number of a descriptor, not how many there are. The kernel
 * accepts larger sets, and poll does not have such a limit. FD_SET with 1024
 * or more writes past the set, which is undefined behaviour and not an error.
 * Settled by: select(2), BUGS; poll(2); fs/select.c, core_sys_select.
 * Try: FD_SET(1500, &set), with and without -D_FORTIFY_SOURCE=2.
 */
#include "claim.h"

#include <limits.h>
#include <sys/select.h>

#define NUMBER    1500
#define LONG_BITS (sizeof(long) * CHAR_BIT)

int main(void)
{
    int pair[2];
    allow_descriptors(NUMBER + 1);
    make_pair(pair);
    send(pair[1], "x", 1, 0);
    const int fd = must(fcntl(pair[0], F_DUPFD, NUMBER), "fcntl F_DUPFD");
    saw(fd == NUMBER && fd >= FD_SETSIZE,
        "the process has six descriptors or so, one has the number %d", fd);
    saw(sizeof(fd_set) * CHAR_BIT == 1024, "an fd_set has %zu bits",
        sizeof(fd_set) * CHAR_BIT);

    unsigned long bits[2048 / LONG_BITS] = {0}; /* a set twice as large */
    bits[NUMBER / LONG_BITS] = 1UL << (NUMBER % LONG_BITS);
    const int selected =
        select(NUMBER + 1, (fd_set *)(void *)bits, NULL, NULL, NULL);
    saw(selected == 1 && bits[NUMBER / LONG_BITS] != 0,
        "the kernel's select with a set of 2048 bits: %d ready", selected);

    static struct pollfd entries[NUMBER];
    for (int i = 0; i < NUMBER; i++)
        entries[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    const int polled = poll(entries, NUMBER, 0);
    saw(polled == NUMBER, "poll with %d entries of this number: %d ready",
        NUMBER, polled);
    return verdict("false",
                   "select and poll watch at most 1024 descriptors, unless you "
                   "recompile the kernel",
                   "the kernel's select serves descriptor 1500 from a larger "
                   "set, poll takes 1500 entries");
}
