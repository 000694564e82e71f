/*
 * trace_thread.c - the threads that print, their labels and their counts.
 */
#include "trace_thread.h"
#include "trace_sink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local struct thread self;
static pthread_key_t exit_key; /* its destructor is thread_exit() */
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards ended */
static struct trace_counts
    ended; /* the counts of server threads that have ended */

bool thread_is_server(const struct thread *thread)
{
    return thread->role <= TRACE_WORKER;
}

static void thread_exit(void *unused)
{
    (void)unused;
    if (thread_is_server(&self)) {
        pthread_mutex_lock(&lock);
        trace_add_counts(&ended, &self.counts);
        pthread_mutex_unlock(&lock);
    }
    self.known = false;
    if (trace_hooks.thread_ends != NULL)
        trace_hooks.thread_ends();
}

static void create_exit_key(void)
{
    pthread_key_create(&exit_key, thread_exit);
}

void trace_thread(enum trace_role role, int number)
{
    static const char *const names[] = {
        [TRACE_SERVER] = "server", [TRACE_THREAD] = "thread",
        [TRACE_WORKER] = "worker", [TRACE_CLIENT] = "client",
        [TRACE_PLAYER] = "player", [TRACE_DEMO] = "demo"};

    pthread_once(&exit_once, create_exit_key);
    pthread_setspecific(exit_key, &self); /* so that the destructor runs */
    self.known = true;
    self.role = role;
    self.number = number;
    self.tid = gettid();
    if (number == 0)
        snprintf(self.label, LABEL_SIZE, "[%s]", names[role]);
    else
        snprintf(self.label, LABEL_SIZE, "[%s %s%d]", names[role],
                 number < 0 ? "x" : "", abs(number));
    sink_thread_name(self.tid, self.label);
    if (trace_hooks.thread_begins != NULL)
        trace_hooks.thread_begins(role, number);
}

struct thread *current_thread(void)
{
    if (!self.known)
        trace_thread(TRACE_DEMO, 0);
    return &self;
}

struct trace_counts thread_counts(void)
{
    pthread_mutex_lock(&lock);
    struct trace_counts sum = ended;
    pthread_mutex_unlock(&lock);
    if (self.known && thread_is_server(&self))
        trace_add_counts(&sum, &self.counts);
    return sum;
}
