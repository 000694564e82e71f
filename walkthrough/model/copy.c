/*
 * copy.c - stops the kernel while epoll_wait copies an event.
 *
 * A second thread waits into a page that userfaultfd(2) withholds, so the
 * kernel stops in the copy of the first event, after it has taken the ready
 * list. This needs a privilege.
 */
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 16384 };

line_source *next_line;

/* The call of the second thread. */
static struct {
    int fd, maxevents;
    ssize_t result;
    int ended; /* an eventfd that is readable when the call has returned */
} call;

static int fault_fd = -1;          /* reports the first use of the page */
static struct epoll_event *events; /* on this page */
static bool lines_left;            /* the lines were not played yet */
static bool lines_equal;

bool can_stop_copies(void)
{
    if (fault_fd >= 0)
        return true;
    fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (fault_fd < 0)
        return false;
    events = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register page = {.range = {(uintptr_t)events, PAGE},
                                   .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (events == MAP_FAILED || ioctl(fault_fd, UFFDIO_API, &api) < 0 ||
        ioctl(fault_fd, UFFDIO_REGISTER, &page) < 0)
        die("userfaultfd: %s", strerrorname_np(errno));
    call.ended = eventfd(0, EFD_CLOEXEC);
    return true;
}

static void *wait_in_thread(void *unused)
{
    call.result = or_errno(epoll_wait(call.fd, events, call.maxevents, 0));
    eventfd_write(call.ended, 1);
    return unused;
}

/* Returns whether the thread has stopped in a copy. If not, it has returned. */
static bool wait_for_fault(void)
{
    struct uffd_msg fault;
    struct pollfd polled[] = {{.fd = fault_fd, .events = POLLIN},
                              {.fd = call.ended, .events = POLLIN}};
    if (poll(polled, 2, 60000) <= 0)
        die("the wait neither copies nor returns");
    if ((polled[0].revents & POLLIN) == 0)
        return false;
    if (read(fault_fd, &fault, sizeof(fault)) != (ssize_t)sizeof(fault))
        die("userfaultfd: %s", strerrorname_np(errno));
    return true;
}

/* Plays the lines up to the one that ends the copy. */
static void play_lines(void)
{
    char line[LINE_SIZE];
    model_copying = NULL;
    lines_left = false;
    for (;;) {
        if (!next_line(line))
            die("during-copy has no line with }");
        const char *text = line + strspn(line, " ");
        if (strcmp(text, "}") == 0)
            return;
        if (text[0] == '#' || text[0] == '\0')
            puts(line);
        else
            lines_equal = play_line(text) && lines_equal;
    }
}

void during_copy(struct step *step)
{
    struct epoll_event ours[NAMES];
    pthread_t thread;
    uint64_t ended;
    int most =
        step->count > 2 ? (int)number_of(step->words[1], 1, NAMES) : NAMES;
    if (strcmp(step->words[step->count - 1], "{") != 0)
        die("during-copy ends with {, and the lines after it with }");
    if (any_sleeps())
        die("no thread may sleep during a copy");
    if (!can_stop_copies()) {
        fflush(stdout);
        fputs("model: userfaultfd is not permitted, so nothing can happen "
              "during a copy\n",
              stderr);
        exit(77);
    }
    if (!quiet)
        puts(step->line);
    call.fd = step->set->fd;
    call.maxevents = most;
    madvise(events, PAGE, MADV_DONTNEED);
    errno = pthread_create(&thread, NULL, wait_in_thread, NULL);
    if (errno != 0)
        die("cannot create a thread: %s", strerrorname_np(errno));
    bool stopped = wait_for_fault();
    lines_left = true;
    lines_equal = true;
    model_copying = play_lines;
    struct waiter waiter = {.file = step->set->fd < 0 ? NULL
                                                      : step->set->open->file,
                            .events = ours,
                            .maxevents = most,
                            .room = INT_MAX,
                            .timed_out = true};
    model_wait(&waiter);
    if (lines_left)
        play_lines();
    struct uffdio_zeropage page = {.range = {(uintptr_t)events, PAGE}};
    if (stopped && ioctl(fault_fd, UFFDIO_ZEROPAGE, &page) < 0)
        die("userfaultfd: %s", strerrorname_np(errno));
    pthread_join(thread, NULL);
    eventfd_read(call.ended, &ended);
    add_events(&step->real, events, call.result);
    add_events(&step->ours, ours, waiter.result);
    if (!lines_equal)
        add(&step->ours, " (and a line above)");
}
