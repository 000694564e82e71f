/*
 * overflow.c - epoll's interface
 *
 * Claim: an event that occurs while epoll_wait copies is lost
 * Truth: false. The kernel keeps it on a second list, and puts it on the ready
 * list after the copy. So the order is not only that of becoming ready. First
 * are the registrations that had no room, then those of the second list, then
 * the level-triggered ones that were reported. The program stops the copy with
 * userfaultfd(2), which needs a privilege.
 * Settled by: fs/eventpoll.c, ep_poll_callback (ovflist) and ep_done_scan.
 * Try: EPOLLET for all of them.
 */
#include "claim.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define SOCKETS 5

static int epoll_fd, pair[SOCKETS][2], reported;
static struct epoll_event *events; /* on the page that is withheld */

static void *wait_for_two(void *unused)
{
    reported = epoll_wait(epoll_fd, events, 2, 0);
    return unused;
}

/* Creates the page. Returns the descriptor that reports its first use. */
static int withhold_page(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0)
        not_tried("userfaultfd is not permitted");
    must(ioctl(fd, UFFDIO_API, &(struct uffdio_api){.api = UFFD_API}), "API");
    events = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register page = {.range = {(uintptr_t)events, 4096},
                                   .mode = UFFDIO_REGISTER_MODE_MISSING};
    must(ioctl(fd, UFFDIO_REGISTER, &page), "REGISTER");
    return fd;
}

int main(void)
{
    const char ready_first[] = "abe", ready_later[] = "cd";
    char order[2 * SOCKETS + 1] = "";
    struct uffd_msg fault;
    pthread_t thread;
    epoll_fd = new_epoll();
    for (int i = 0; i < SOCKETS; i++) {
        make_pair(pair[i]);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = 'a' + i};
        must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[i][0], &event), "ADD");
    }
    for (const char *name = ready_first; *name != '\0'; name++)
        send(pair[*name - 'a'][1], "x", 1, 0);
    int fault_fd = withhold_page();
    errno = pthread_create(&thread, NULL, wait_for_two, NULL);
    must(errno == 0 ? 0 : -1, "pthread_create");
    must((int)read(fault_fd, &fault, sizeof(fault)), "read"); /* it copies a */
    for (const char *name = ready_later; *name != '\0'; name++)
        send(pair[*name - 'a'][1], "x", 1, 0);
    struct uffdio_zeropage page = {.range = {(uintptr_t)events, 4096}};
    must(ioctl(fault_fd, UFFDIO_ZEROPAGE, &page), "ZEROPAGE");
    pthread_join(thread, NULL);

    saw(reported == 2 && events[0].data.u32 == 'a' && events[1].data.u32 == 'b',
        "a b e are ready, room for two, c d become ready in the copy: %c %c",
        (int)events[0].data.u32, (int)events[1].data.u32);
    int n = epoll_wait(epoll_fd, events, SOCKETS, 0);
    for (int i = 0; i < n; i++)
        snprintf(order + 2 * i, 3, " %c", (int)events[i].data.u32);
    saw(strcmp(order, " e c d a b") == 0, "the next wait reports:%s", order);
    return verdict("false",
                   "an event that occurs while epoll_wait copies is lost",
                   "the next wait reports it, after those that had no room and "
                   "before those reported already");
}
