/*
 * claim.h - functions that the claim programs share.
 *
 * A claim program observes the machine. It prints each observation with saw(),
 * and whether its header predicts it, and ends with verdict(). Exit status: 0
 * the machine behaves as the header describes, 1 it does not, 77 it cannot be
 * tried here.
 *
 * Leaves out: the system calls that a claim is about. They are in the program.
 * Try: write a claim of your own, as README.md describes.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_TRIED 77

static int claim_differs; /* lines that contradict the header */

/* --- printing observations ----------------------------------------------- */

/* Prints an observation, after "!" if it contradicts the header. */
__attribute__((format(printf, 2, 3))) static inline void
saw(bool as_expected, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s", as_expected ? "  " : "! ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    claim_differs += as_expected ? 0 : 1;
}

/* Prints the last line. Returns the exit status. */
static inline int verdict(const char *truth, const char *claim,
                          const char *observed)
{
    if (claim_differs > 0)
        printf("claim \"%s\" : the text says %s, this machine differs (%d "
               "marked !)\n",
               claim, truth, claim_differs);
    else
        printf("claim \"%s\" : %s - %s\n", claim, truth, observed);
    return claim_differs > 0 ? 1 : 0;
}

/* Ends the program, because this machine cannot show the claim. */
__attribute__((noreturn)) static inline void not_tried(const char *why)
{
    printf("not tried: %s\n", why);
    exit(NOT_TRIED);
}

/* Returns a name such as ECONNRESET, or "none" for 0. */
static inline const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return error == 0 ? "none" : name ? name : "an error without a name";
}

/*
 * Returns the result of a call that only prepares. If it has failed, ends the
 * program. The claim is then not tried if a container refuses the call, an
 * older kernel does not have it or a limit forbids it. Otherwise it is a bug.
 */
static inline int must(int result, const char *call)
{
    char why[100];
    if (result >= 0)
        return result;
    snprintf(why, sizeof(why), "%s: %s", call, error_name(errno));
    if (errno == EPERM || errno == EACCES || errno == ENOSYS ||
        errno == EMFILE || errno == ENFILE || errno == ENOMEM)
        not_tried(why);
    fprintf(stderr, "%s\n", why);
    exit(EXIT_FAILURE);
}

/* Returns IN|HUP for EPOLLIN | EPOLLHUP, and "nothing" for 0. The bits of poll
 * are the same. */
static inline const char *event_names(uint32_t events)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } known[] = {{EPOLLIN, "IN"},   {EPOLLPRI, "PRI"}, {EPOLLOUT, "OUT"},
                 {EPOLLERR, "ERR"}, {EPOLLHUP, "HUP"}, {EPOLLRDHUP, "RDHUP"}};
    static char texts[4][40]; /* so that one printf can have several */
    static unsigned turn;
    char *text = texts[turn++ % 4];
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (events & known[i].bit) {
            strcat(text, text[0] ? "|" : "");
            strcat(text, known[i].name);
        }
    }
    return text[0] ? text : "nothing";
}

/* --- sockets and epoll --------------------------------------------------- */

/* Creates two connected stream sockets. */
static inline void make_pair(int pair[2])
{
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
         "socketpair");
}

/* Returns the address of a listening socket. */
struct place {
    struct sockaddr_un address;
    socklen_t size;
};

/* Creates two TCP sockets, connected over the loopback interface. */
static inline void make_tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listen_fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    pair[1] = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    if (bind(listen_fd, (struct sockaddr *)&address, size) < 0 ||
        listen(listen_fd, 1) < 0 ||
        getsockname(listen_fd, (struct sockaddr *)&address, &size) < 0 ||
        connect(pair[1], (struct sockaddr *)&address, size) < 0)
        not_tried("there is no loopback interface here");
    pair[0] = must(accept(listen_fd, NULL, NULL), "accept");
    close(listen_fd);
}

/* Sends text and a descriptor. A plain recv does not receive it. */
static inline int send_with_descriptor(int fd, const char *text, int passed)
{
    struct iovec bytes = {.iov_base = (void *)text, .iov_len = strlen(text)};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(sizeof(int))}};
    memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
    const struct msghdr message = {.msg_iov = &bytes,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof(control)};
    return (int)sendmsg(fd, &message, 0);
}

/* Creates a socket with a name from the kernel. It does not listen yet. */
static inline int bind_somewhere(struct place *place)
{
    const int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    place->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    place->size = sizeof(place->address);
    must(bind(fd, (struct sockaddr *)&place->address, sizeof(sa_family_t)),
         "bind");
    must(getsockname(fd, (struct sockaddr *)&place->address, &place->size),
         "getsockname");
    return fd;
}

/* Creates a listening socket. */
static inline int listen_somewhere(struct place *place, int backlog)
{
    const int fd = bind_somewhere(place);
    must(listen(fd, backlog), "listen");
    return fd;
}

/* Returns a TCP socket that listens at the address, which several sockets may
 * share. If the port is 0, sets it to a free one. */
static inline int listen_reuseport(struct sockaddr_in *address, int backlog)
{
    socklen_t size = sizeof(*address);
    const int on = 1;
    const int fd =
        must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)),
         "SO_REUSEPORT");
    if (bind(fd, (struct sockaddr *)address, size) < 0 ||
        listen(fd, backlog) < 0 ||
        getsockname(fd, (struct sockaddr *)address, &size) < 0)
        not_tried("there is no loopback interface here");
    return fd;
}

/* Connects over TCP. Returns the descriptor. */
static inline int connect_tcp(const struct sockaddr_in *address)
{
    const int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(connect(fd, (const struct sockaddr *)address, sizeof(*address)),
         "connect");
    return fd;
}

/* Returns how many connections wait to be accepted at a TCP socket (tcp(7)). */
static inline int count_waiting(int listen_fd)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    must(getsockopt(listen_fd, IPPROTO_TCP, TCP_INFO, &info, &size),
         "TCP_INFO");
    return (int)info.tcpi_unacked;
}

/* Connects without blocking. Returns the descriptor, or -1 with errno. */
static inline int connect_to(const struct place *place)
{
    const int fd =
        must(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    if (connect(fd, (const struct sockaddr *)&place->address, place->size) <
        0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static inline int new_epoll(void)
{
    return must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
}

/* Adds fd to the interest list, with its number in data.fd. */
static inline void watch(int epoll_fd, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event), "epoll_ctl ADD");
}

/* Returns the events of the first descriptor that is ready, or 0. */
static inline uint32_t ask(int epoll_fd)
{
    struct epoll_event event;
    const int n = epoll_wait(epoll_fd, &event, 1, 0);
    return n == 1 ? event.events : 0;
}

/* Raises the limit, so that this process can open so many descriptors. */
static inline void allow_descriptors(rlim_t wanted)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    if (limit.rlim_max < wanted)
        not_tried("the hard limit of open files is too low (ulimit -Hn)");
    if (limit.rlim_cur < wanted)
        limit.rlim_cur = wanted;
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

/* Returns the CPU time of this process in ns, for comparisons only. */
static inline int64_t cpu_ns(void)
{
    struct timespec used;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), "clock_gettime");
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

static inline int claim_compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/*
 * Sorts the figures and returns the median. On a busy or virtual machine single
 * figures are far too high or, if stolen time is subtracted, far too low.
 */
static inline int64_t median(int64_t *figures, size_t count)
{
    qsort(figures, count, sizeof(*figures), claim_compare);
    return figures[count / 2];
}

/* --- threads and processes that block ------------------------------------ */

/* Reads a file of /proc/TID. Returns false if there is nothing to read. */
static inline bool read_proc(pid_t tid, const char *name, char text[512])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, 511);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Returns whether the thread blocks in a system call other than for a lock. */
static inline bool asleep(pid_t tid)
{
    char text[512];
    if (!read_proc(tid, "stat", text) || strstr(text, ") S ") == NULL)
        return false;
    return !read_proc(tid, "syscall", text) || /* some containers refuse it */
           (isdigit((unsigned char)text[0]) && atoi(text) != SYS_futex);
}

/* Waits until the thread or process blocks, without a fixed pause. */
static inline void wait_asleep(pid_t tid)
{
    for (int in_a_row = 0; in_a_row < 2; sched_yield())
        in_a_row = asleep(tid) ? in_a_row + 1 : 0;
}

/* Runs body(argument) in a child, which ends with this process. */
static inline pid_t start_child(int (*body)(int), int argument)
{
    const pid_t parent = getpid();
    const pid_t child = must(fork(), "fork");
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(getppid() == parent ? body(argument) : 0);
}

/* Waits for its end. Returns the result of body, or 128 + the signal. */
static inline int end_of(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A thread that calls epoll_wait once, without a time-out. */
struct sleeper {
    pthread_t thread;
    int epoll_fd;
    _Atomic pid_t tid;
    _Atomic int place; /* 1, 2, ... in the order of waking; 0: blocked */
    struct epoll_event event;
};

static _Atomic int sleepers_woken;

static inline void *sleep_once(void *argument)
{
    struct sleeper *sleeper = argument;
    sleeper->tid = (pid_t)syscall(SYS_gettid);
    epoll_wait(sleeper->epoll_fd, &sleeper->event, 1, -1);
    sleeper->place = ++sleepers_woken;
    return NULL;
}

/* Starts it, and returns when it blocks. */
static inline void start_sleeper(struct sleeper *sleeper, int epoll_fd)
{
    *sleeper = (struct sleeper){.epoll_fd = epoll_fd};
    errno = pthread_create(&sleeper->thread, NULL, sleep_once, sleeper);
    must(errno == 0 ? 0 : -1, "pthread_create");
    while (sleeper->tid == 0)
        sched_yield();
    wait_asleep(sleeper->tid);
}

/*
 * Waits until each of them has woken or blocks. Returns how many have woken.
 * One may wake the next meanwhile, so this repeats until nothing has changed.
 */
static inline int count_woken(struct sleeper *sleepers, int count)
{
    int before;
    do {
        before = sleepers_woken;
        for (int i = 0; i < count; i++) {
            while (sleepers[i].place == 0 && !asleep(sleepers[i].tid))
                sched_yield();
        }
    } while (sleepers_woken != before);
    return before;
}

#endif
