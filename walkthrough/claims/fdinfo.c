/*
 * fdinfo.c - epoll's interface
 *
 * Claim: no program can show what an epoll instance watches
 * Truth: false. /proc/PID/fdinfo/FD shows the interest list. tfd is the
 * descriptor, events are the registered events in hexadecimal, and data is the
 * value that you gave. The kernel has added ERR and HUP, 0x18.
 * Settled by: proc_pid_fdinfo(5), in older pages proc(5); fs/eventpoll.c,
 * ep_show_fdinfo.
 * Try: cat /proc/PID/fdinfo/4 of a stage that runs with --serve.
 */
#include "claim.h"

#include <inttypes.h>

/* Reads events and data of fd from /proc/self/fdinfo. False: no line. */
static bool look(int epoll_fd, int fd, unsigned *mask, uint64_t *data)
{
    char path[64], line[200];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll_fd);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        not_tried("/proc/self/fdinfo cannot be read");
    bool found = false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        int tfd;
        found = sscanf(line, "tfd: %d events: %x data: %" SCNx64, &tfd, mask,
                       data) == 3 &&
                tfd == fd;
    }
    fclose(file);
    return found;
}

int main(void)
{
    int pair[2];
    unsigned mask = 0;
    uint64_t data = 0;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = 0xc0ffee};
    saw(!look(epoll_fd, pair[0], &mask, &data), "before ADD: no line");
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event), "ADD");
    saw(look(epoll_fd, pair[0], &mask, &data) && mask == 0x40000019 &&
            data == 0xc0ffee,
        "ADD IN|ONESHOT:   events %8x data %" PRIx64, mask, data);
    send(pair[1], "x", 1, 0);
    ask(epoll_fd);
    saw(look(epoll_fd, pair[0], &mask, &data) && mask == EPOLLONESHOT,
        "ONESHOT is spent: events %8x data %" PRIx64, mask, data);
    close(pair[0]);
    saw(!look(epoll_fd, pair[0], &mask, &data), "after close: no line");
    return verdict("false",
                   "no program can show what an epoll instance watches",
                   "fdinfo has a line for each registration, with ERR and HUP "
                   "added; a spent ONESHOT has no events");
}
