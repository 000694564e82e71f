/*
 * player_steps.c - descriptors, signals and timers of the whole process.
 */
#include "player_steps.h"
#include "connections.h"
#include "lockstep.h"
#include "stopping.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    STOP_LIMIT_MS = 10000, /* for the process to be seen stopped */
    TRACED_MS = 50         /* in which a stop under a debugger must not end */
};

static char reason[200];
static rlim_t normal_limit;          /* of descriptors */
static unsigned long timers_awaited; /* timers that a step has waited for */

/* --- descriptors --------------------------------------------------------- */

rlim_t player_limit_descriptors(rlim_t limit)
{
    struct rlimit now = {0};
    getrlimit(RLIMIT_NOFILE, &now);
    rlim_t before = now.rlim_cur;
    now.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &now);
    return before;
}

void player_remember_limit(void)
{
    struct rlimit now = {0};
    getrlimit(RLIMIT_NOFILE, &now);
    normal_limit = now.rlim_cur;
}

rlim_t player_restore_limit(void)
{
    return player_limit_descriptors(normal_limit);
}

const char *player_unshare_descriptors(int first_fd, rlim_t needed, int *fd)
{
    if (normal_limit < needed) {
        snprintf(reason, sizeof(reason),
                 "this scenario needs %lu descriptors, but the limit is %lu: "
                 "raise it with 'ulimit -Sn %lu'",
                 (unsigned long)needed, (unsigned long)normal_limit,
                 (unsigned long)needed);
        return reason;
    }
    /* A container may forbid unshare(2) and allow close_range(2). */
    if (unshare(CLONE_FILES) < 0 &&
        syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE) < 0) {
        snprintf(reason, sizeof(reason),
                 "the player cannot have its own descriptors: unshare: %s; a "
                 "container may forbid it",
                 trace_errno(errno));
        return reason;
    }
    *fd = fcntl(*fd, F_DUPFD_CLOEXEC, first_fd);
    for (int copy = STDERR_FILENO + 1; copy < first_fd; copy++)
        close(copy); /* the server's descriptors */
    return NULL;
}

/* Returns true if fd is open in the table of the server's threads. */
static bool server_has(int fd)
{
    char path[64];
    struct stat link;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    return lstat(path, &link) == 0;
}

void player_make_room(size_t room)
{
    int limit = 0;
    for (size_t unused = 0; unused < room || server_has(limit); limit++)
        unused += !server_has(limit);
    player_limit_descriptors((rlim_t)limit);
}

/* --- signals ------------------------------------------------------------- */

/* Returns the state of a process as in proc(5), or '\0' if it is unknown. Only
 * async-signal-safe. */
static char state_of(const char *stat_path)
{
    char text[512];
    int fd = open(stat_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return '\0';
    text[n] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && name_end[1] == ' ' ? name_end[2] : '\0';
}

/*
 * In a child of the process: stops it, sees that it is stopped, and lets it go
 * on. Under a debugger, a stopped process has the state t, but so has one for a
 * moment at each system call. Never returns.
 */
static void stop_parent(pid_t parent, const char *stat_path)
{
    int traced_ms = 0;
    player_restore_limit(); /* so that it can open stat_path */
    for (int ms = 0; ms < STOP_LIMIT_MS; ms++) {
        if (traced_ms == 0)
            kill(parent, SIGSTOP); /* again, if something continued it */
        char state = state_of(stat_path);
        traced_ms = state == 't' ? traced_ms + 1 : 0;
        if (state == '\0')
            break;
        if (state == 'T' || traced_ms == TRACED_MS) {
            kill(parent, SIGCONT);
            _exit(EXIT_SUCCESS);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    kill(parent, SIGCONT);
    _exit(EXIT_FAILURE);
}

const char *player_stop_and_continue(void)
{
    char stat_path[64];
    pid_t parent = getpid();
    snprintf(stat_path, sizeof(stat_path), "/proc/%d/stat", (int)parent);
    pid_t child = fork();
    if (child < 0) {
        snprintf(reason, sizeof(reason), "fork: %s", trace_errno(errno));
        return reason;
    }
    if (child == 0)
        stop_parent(parent, stat_path);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    /* Valgrind exits with a status of its own if it finds errors. */
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FAILURE)
        return NULL;
    snprintf(reason, sizeof(reason),
             "the process was not seen to stop within %d s in %s",
             STOP_LIMIT_MS / 1000, stat_path);
    return reason;
}

const char *player_terminate(int limit_s)
{
    stop_by_scenario();
    for (long ms = 0; !connections_stopping(); ms++) {
        if (ms == limit_s * 1000L) {
            snprintf(reason, sizeof(reason),
                     "the server has not handled SIGTERM after %d s", limit_s);
            return reason;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return NULL;
}

/* --- timers -------------------------------------------------------------- */

const char *player_await_timer(int limit_s, bool (*interrupted)(void))
{
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    timers_awaited++;
    while (trace_timers() < timers_awaited && !interrupted()) {
        lockstep_settle(1, interrupted); /* its lines may need turns */
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec > limit_s) {
            snprintf(reason, sizeof(reason),
                     "no timer of the server has expired within %d s: does "
                     "this stage have one, and was its option given?",
                     limit_s);
            return reason;
        }
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    return NULL;
}
