/*
 * refusal.c - why io_uring_setup(2) fails.
 *
 * Systems refuse io_uring in several ways and with the same few errors, so
 * errno alone would not tell a user what to change. This file needs no header
 * of io_uring.
 */
#include "refusal.h"
#include "trace.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

enum { MAJOR = 6, MINOR = 1 }; /* of the first kernel with all that is used */
enum { RINGS_KIB = 52 };

static char reason[300];

/* Returns the first number in a file that follows the text key, or missing. */
static long read_number(const char *path, const char *key, long missing)
{
    char line[200];
    long number = missing;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return missing;
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0 &&
            sscanf(line + strlen(key), "%ld", &number) == 1)
            break;
    fclose(file);
    return number;
}

static bool kernel_is_old(const struct utsname *kernel)
{
    int major = 0, minor = 0;
    sscanf(kernel->release, "%d.%d", &major, &minor);
    return major < MAJOR || (major == MAJOR && minor < MINOR);
}

/* Writes the reason for EPERM or ENOSYS of a kernel that has io_uring. */
static void explain_policy(int error)
{
    long disabled = read_number("/proc/sys/kernel/io_uring_disabled", "", 0);
    long filter = read_number("/proc/self/status", "Seccomp:", 0);
    if (disabled == 2)
        snprintf(reason, sizeof(reason),
                 "kernel.io_uring_disabled is 2, so this system refuses "
                 "io_uring to everyone: ask its administrator for 0");
    else if (disabled == 1 && error == EPERM)
        snprintf(reason, sizeof(reason),
                 "kernel.io_uring_disabled is 1, so io_uring needs "
                 "CAP_SYS_ADMIN or membership in kernel.io_uring_group");
    else if (filter == 2)
        snprintf(reason, sizeof(reason),
                 "a seccomp filter refuses io_uring (%s), as container "
                 "runtimes do by default: run it outside of the container, or "
                 "with another filter",
                 trace_errno(error));
    else
        snprintf(reason, sizeof(reason), "io_uring_setup: %s",
                 trace_errno(error));
}

void refusal_explain(int error)
{
    struct utsname kernel;
    struct rlimit locked = {0};
    uname(&kernel);
    getrlimit(RLIMIT_MEMLOCK, &locked);
    if (kernel_is_old(&kernel))
        snprintf(reason, sizeof(reason),
                 "this stage needs io_uring of Linux %d.%d, and this is Linux "
                 "%.64s",
                 MAJOR, MINOR, kernel.release);
    else if (error == ENOMEM && locked.rlim_cur != RLIM_INFINITY)
        snprintf(reason, sizeof(reason),
                 "the rings of io_uring need %d KiB of locked memory, and the "
                 "limit for all processes of this user is %lu KiB: raise it "
                 "with ulimit -l",
                 RINGS_KIB, (unsigned long)locked.rlim_cur / 1024);
    else if (error == EPERM || error == ENOSYS || error == EACCES)
        explain_policy(error);
    else
        snprintf(reason, sizeof(reason), "io_uring_setup: %s",
                 trace_errno(error));
    errno = error;
}

const char *refusal_reason(void)
{
    return reason[0] != '\0' ? reason : NULL;
}
