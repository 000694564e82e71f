/*
 * idle-threads.c - limits and costs
 *
 * Claim: a few hundred blocked threads cost the machine its CPU time
 * Truth: false. A thread that blocks in recv uses none. It costs memory, which
 * is a part of its stack and some structures of the kernel, and a switch when
 * it is woken.
 * Settled by: pthreads(7); pthread_getcpuclockid(3), which counts it.
 * Try: 4000 threads, and look at RSS in /proc/PID/status.
 */
#include "claim.h"

#define THREADS 200

static int pair[2];
static _Atomic pid_t tids[THREADS];

static void *sleep_in_recv(void *argument)
{
    char byte;
    _Atomic pid_t *tid = argument;
    *tid = (pid_t)syscall(SYS_gettid);
    recv(pair[0], &byte, 1, 0);
    return NULL;
}

static int64_t cpu_of_all(const pthread_t threads[THREADS])
{
    int64_t sum = 0;
    for (int i = 0; i < THREADS; i++) {
        clockid_t clock;
        struct timespec used;
        pthread_getcpuclockid(threads[i], &clock);
        must(clock_gettime(clock, &used), "clock_gettime");
        sum += used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
    }
    return sum;
}

int main(void)
{
    pthread_t threads[THREADS];
    make_pair(pair);
    for (int i = 0; i < THREADS; i++) {
        errno =
            pthread_create(&threads[i], NULL, sleep_in_recv, (void *)&tids[i]);
        if (errno != 0)
            not_tried("so many threads are not allowed here");
        while (tids[i] == 0)
            sched_yield();
        wait_asleep(tids[i]);
    }
    const int64_t before = cpu_of_all(threads);
    const int64_t end = cpu_ns() + 50000000;
    while (cpu_ns() < end) /* uses 50 ms of CPU time */
        ;
    const int64_t used = cpu_of_all(threads) - before;
    saw(used == 0,
        "%d threads block in recv, while another uses 50 ms of CPU; "
        "they use %s",
        THREADS, used == 0 ? "0 ns" : "some");

    shutdown(pair[1], SHUT_WR); /* end of file: all of them are woken */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return verdict(
        "false", "a few hundred blocked threads cost the machine its CPU time",
        "200 threads that block in recv use 0 ns of CPU time");
}
