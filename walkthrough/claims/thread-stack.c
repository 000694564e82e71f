/*
 * thread-stack.c - limits and costs
 *
 * Claim: each thread takes as much memory as its stack is large
 * Truth: false. glibc maps the stack with mmap, as large as the soft limit
 * RLIMIT_STACK was when the program started. This is address space. The kernel
 * allocates a page of it only when the thread first touches that page. With
 * transparent huge pages, before Linux 6.7, that may be a page of 2 MiB.
 * Settled by: pthread_create(3), NOTES; proc(5), VmSize and VmRSS.
 * Try: let the thread fill an array of 1 MiB first.
 */
#include "claim.h"

#define THREADS 20
#define STACK   (8L << 20)

static int pair[2];
static _Atomic pid_t tids[THREADS];

static void *block_in_recv(void *argument)
{
    char byte;
    _Atomic pid_t *tid = argument;
    *tid = (pid_t)syscall(SYS_gettid);
    recv(pair[0], &byte, 1, 0);
    return NULL;
}

/* Reads the sizes of this process in bytes: mapped, and resident in memory. */
static void sizes(long *mapped, long *resident)
{
    char text[512];
    if (!read_proc(getpid(), "statm", text))
        not_tried("/proc cannot be read");
    *mapped = strtol(text, NULL, 10) * sysconf(_SC_PAGESIZE);
    *resident = strtol(strchr(text, ' '), NULL, 10) * sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_STACK, &limit), "getrlimit");
    if (limit.rlim_max < STACK)
        not_tried("the hard limit of the stack is too low (ulimit -Hs)");
    if (argc == 1) { /* start again, with a limit that is known */
        limit.rlim_cur = STACK;
        must(setrlimit(RLIMIT_STACK, &limit), "setrlimit");
        execl("/proc/self/exe", argv[0], "again", NULL);
        must(-1, "execl");
    }

    pthread_attr_t attributes;
    pthread_t threads[THREADS];
    size_t stack;
    pthread_getattr_default_np(&attributes);
    pthread_attr_getstacksize(&attributes, &stack);
    if ((long)stack != STACK)
        not_tried("this libc does not take the stack size from RLIMIT_STACK");
    saw(true, "RLIMIT_STACK is 8 MiB, and so is the stack of a thread");

    long mapped, resident, more_mapped, more_resident;
    make_pair(pair);
    must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), "no huge pages");
    sizes(&mapped, &resident);
    for (int i = 0; i < THREADS; i++) {
        errno =
            pthread_create(&threads[i], NULL, block_in_recv, (void *)&tids[i]);
        if (errno != 0)
            not_tried("not enough threads or memory are allowed");
        while (tids[i] == 0)
            sched_yield();
        wait_asleep(tids[i]);
    }
    sizes(&more_mapped, &more_resident);
    saw(more_mapped - mapped >= THREADS * STACK,
        "%d threads block in recv: at least %d times 8 MiB more is mapped",
        THREADS, THREADS);
    saw(more_resident - resident < THREADS * STACK / 100,
        "of this, less than 1/100 is in memory");

    shutdown(pair[1], SHUT_WR); /* end of file for all of them */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return verdict("false",
                   "each thread takes as much memory as its stack is large",
                   "20 stacks of 8 MiB are mapped, less than 1/100 of them is "
                   "in memory");
}
