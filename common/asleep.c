/*
 * asleep.c - finds out whether a thread of this process sleeps.
 *
 * Linux shows this in /proc/self/task/TID/stat and .../syscall (proc(5)).
 * Either alone is wrong for a moment: a thread that is being woken still shows
 * its system call, and one that is about to sleep already shows the state S.
 */
#include "asleep.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PROBE_MS = 500 }; /* for a thread to fall asleep in a call that waits */

/*
 * The system calls in which a server waits. A blocking send(2) is one. futex(2)
 * is behind a condition and a lock. If all threads sleep, none holds a lock
 * that another one needs, so a sleep in futex(2) counts as well.
 */
static bool is_wait(long call)
{
    static const long calls[] = {
#ifdef SYS_poll /* new architectures have only ppoll, pselect6, epoll_pwait */
        SYS_poll,
        SYS_select,
        SYS_epoll_wait,
#endif
#ifdef SYS_socketcall /* 32-bit x86 */
        SYS_socketcall,
        SYS__newselect,
#endif
#ifdef SYS_futex_time64 /* 32-bit architectures */
        SYS_futex_time64,
        SYS_ppoll_time64,
        SYS_pselect6_time64,
#endif
        SYS_ppoll,
        SYS_pselect6,
        SYS_epoll_pwait,
        SYS_accept4,
        SYS_recvfrom,
        SYS_sendto,
        SYS_futex,
        SYS_io_uring_enter,
        SYS_restart_syscall, /* poll(2) after SIGCONT */
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i] == call)
            return true;
    return false;
}

/* Reads a small file of /proc. Returns its text, "" if the thread has ended, or
 * "?" if the file cannot be read. */
static const char *read_proc(pid_t tid, const char *name, char *text,
                             size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    bool ended = n < 0 && (errno == ENOENT || errno == ESRCH);
    if (fd >= 0)
        close(fd);
    if (n < 0 && !ended)
        return strcpy(text, "?"); /* no descriptor, for example */
    text[n > 0 ? n : 0] = '\0';
    return text;
}

bool thread_is_asleep(pid_t tid, bool unnamed)
{
    char text[512];
    read_proc(tid, "stat", text, sizeof(text));
    if (text[0] == '\0')
        return true;
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || strncmp(name_end, ") S", 3) != 0)
        return false;
    char *end;
    read_proc(tid, "syscall", text, sizeof(text));
    long call = strtol(text, &end, 10);
    if (end == text)
        return false; /* "running", or it has ended meanwhile */
    return is_wait(call) || (unnamed && call == SYS_nanosleep);
}

/* Sends its thread id to the other socket and then sleeps in recv(2). */
static void *sleep_in_recv(void *argument)
{
    int socket_fd = *(int *)argument;
    pid_t tid = gettid();
    char byte;
    if (send(socket_fd, &tid, sizeof(tid), MSG_NOSIGNAL) == sizeof(tid))
        while (recv(socket_fd, &byte, 1, 0) < 0 && errno == EINTR)
            ;
    return NULL;
}

/* A system call with a time-out. */
struct timed_call {
    long number;
    int argument; /* the time-out, counted from 0 */
    bool pointer; /* it is a pointer to a time, or NULL for no time-out */
};

/* Returns the system call with this number, or NULL if it has no time-out. */
static const struct timed_call *find_timed(long number)
{
    static const struct timed_call calls[] = {
#ifdef SYS_poll
        {SYS_poll, 2, false},        {SYS_select, 4, true},
        {SYS_epoll_wait, 3, false},
#endif
#ifdef SYS_socketcall
        {SYS__newselect, 4, true},
#endif
#ifdef SYS_futex_time64
        {SYS_ppoll_time64, 2, true}, {SYS_pselect6_time64, 4, true},
#endif
        {SYS_ppoll, 2, true},        {SYS_pselect6, 4, true},
        {SYS_epoll_pwait, 3, false},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

bool thread_timeout(pid_t tid, int *ms)
{
    char text[512];
    char *at;
    if (!thread_is_asleep(tid, false))
        return false;
    read_proc(tid, "syscall", text, sizeof(text));
    const struct timed_call *call = find_timed(strtol(text, &at, 10));
    if (at == text || call == NULL)
        return false;
    unsigned long value = 0;
    for (int i = 0; i <= call->argument; i++)
        value = strtoul(at, &at, 16);
    *ms = call->pointer ? UNKNOWN_TIMEOUT : (int)value;
    if (call->pointer ? value == 0 : *ms < 0)
        *ms = WITHOUT_TIMEOUT;
    return true;
}

bool threads_are_visible(void)
{
    int pair[2];
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    bool seen = false;
    if (pthread_create(&thread, NULL, sleep_in_recv, &pair[1]) == 0) {
        pid_t tid = 0;
        char text[512];
        bool known = recv(pair[0], &tid, sizeof(tid), MSG_WAITALL) ==
                         (ssize_t)sizeof(tid) &&
                     *read_proc(tid, "stat", text, sizeof(text)) != '\0';
        for (int ms = 0; known && !seen && ms < PROBE_MS; ms++) {
            seen = thread_is_asleep(tid, false);
            if (!seen)
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        shutdown(pair[0], SHUT_RDWR);
        pthread_join(thread, NULL);
    }
    close(pair[0]);
    close(pair[1]);
    return seen;
}
