/*
 * lockstep.c - gives turns to the server's threads, and finds out whether they
 * sleep.
 */
#include "lockstep.h"
#include "asleep.h"
#include "trace.h"
#include "trace_format.h"
#include "trace_thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TASKS_FD = 99, /* leaves the numbers below any limit to read_proc() */
    PAUSE_US = 30, /* between two looks at the threads */
    QUICK_LOOKS = 20,
    YIELD_SCANS = 64 /* empty scans after which stage 03 yields the CPU */
};

/* A thread that has a role in the trace. */
struct member {
    struct member *next;
    pid_t tid;
    char label[LABEL_SIZE];  /* "[worker 2]" */
    bool server;             /* only server threads take turns */
    int number;              /* of a worker or of the thread's client */
    bool asks, begins_wait;  /* it asks for a turn, for a line of this kind */
    bool may_be_held;        /* this line is where a hold stops it */
    bool entered_held;       /* its last wait began while a hold lasted */
    bool granted;            /* it has the turn and has not continued yet */
    unsigned long last_wait; /* rank of its last wait, or 0 if it had none */
    unsigned long scans, empty_scans; /* of stage 03; the latter in a row */
    pthread_cond_t turn; /* signalled when it is granted, or none is needed */
};

/* Guards the variables from here to holding, and every member. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct member *members;
static int servers;            /* members that are server threads */
static struct member *current; /* had the last turn, or NULL */
static unsigned long waits;    /* rank of the last wait */
static unsigned long events;   /* lines, requests for a turn and new members */
static bool active, holding;

/* Called when the server is quiet after a step, or NULL. Set before other
 * threads exist. With it, a server of one thread waits for turns as well, so
 * that it does nothing while a client is in the middle of a step. */
static void (*observer)(void);
static bool playing; /* there is a player, which gives turns */
static bool settled; /* once, after the start; used by the player's thread */

static _Thread_local struct member *self;
static DIR *tasks; /* /proc/self/task; used by the player's thread */

/* --- in the threads of the server ---------------------------------------- */

static void on_thread_begins(enum trace_role role, int number)
{
    struct member *member = self != NULL ? self : calloc(1, sizeof(*member));
    if (member == NULL)
        return; /* without memory, its lines come in any order */
    pthread_mutex_lock(&lock);
    if (self == NULL) {
        pthread_cond_init(&member->turn, NULL);
        member->next = members;
        members = member;
    } else if (member->server) {
        servers--;
    }
    self = member;
    member->tid = gettid();
    memcpy(member->label, current_thread()->label, LABEL_SIZE);
    member->server = role <= TRACE_WORKER;
    member->number = number;
    if (member->server)
        servers++;
    events++;
    pthread_mutex_unlock(&lock);
}

static void on_thread_ends(void)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&lock);
    struct member **link = &members;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    if (self->server)
        servers--;
    if (current == self)
        current = NULL;
    events++;
    pthread_mutex_unlock(&lock);
    free(self);
    self = NULL;
}

/* Blocks until the calling thread gets a turn. The lock is held. */
static void await_turn(bool begins_wait, bool may_be_held)
{
    self->asks = true;
    self->begins_wait = begins_wait;
    self->may_be_held = may_be_held;
    events++;
    while (active && !self->granted)
        pthread_cond_wait(&self->turn, &lock);
    self->asks = self->granted = false;
}

/* A hold that begins while the server is in io_uring_enter(2) does not concern
 * this call, as it would not concern an epoll_wait(2). */
static void on_line(bool begins_wait, bool may_be_held)
{
    pthread_mutex_lock(&lock);
    if (self != NULL && !begins_wait && !self->entered_held)
        may_be_held = false;
    bool held = holding && may_be_held;
    bool takes_turns = servers > 1 || (playing && observer != NULL);
    if (active && self != NULL && (takes_turns || held))
        await_turn(begins_wait, may_be_held);
    if (begins_wait && self != NULL) {
        self->last_wait = ++waits;
        self->entered_held = holding;
    }
    events++;
    pthread_mutex_unlock(&lock);
}

/* Stage 03 never waits, so a hold stops it at the end of a busy scan. */
static void on_scan(bool busy)
{
    unsigned long empty_scans = 0;
    pthread_mutex_lock(&lock);
    if (self != NULL) {
        if (active && holding && busy)
            await_turn(true, true);
        self->scans++;
        self->empty_scans = busy ? 0 : self->empty_scans + 1;
        empty_scans = self->empty_scans;
    }
    pthread_mutex_unlock(&lock);
    if (empty_scans > 0 && empty_scans % YIELD_SCANS == 0)
        sched_yield(); /* the player may need this CPU */
}

/* --- what a thread does -------------------------------------------------- */

/* Returns the member with this thread id, or NULL. The lock is held. */
static struct member *find_member(pid_t tid)
{
    struct member *member = members;
    while (member != NULL && member->tid != tid)
        member = member->next;
    return member;
}

/* What one lockstep_settle() has seen so far. */
struct looks {
    unsigned long events; /* at the last look */
    bool asleep;          /* all threads slept then */
    unsigned long scans;  /* of stage 03, at the first look */
    bool scans_known;
};

/* Returns true if the thread neither runs nor is about to run. */
static bool is_quiet(pid_t tid, struct looks *looks)
{
    pthread_mutex_lock(&lock);
    struct member *member = find_member(tid);
    bool unnamed = member == NULL;
    bool ignored = member != NULL && !member->server;
    bool asks = member != NULL && member->asks;
    bool granted = member != NULL && member->granted;
    unsigned long scans = member != NULL ? member->scans : 0;
    unsigned long in_vain = member != NULL ? member->empty_scans : 0;
    pthread_mutex_unlock(&lock);
    if (ignored)
        return true;
    if (asks)
        return !granted;
    if (scans > 0 && !looks->scans_known) {
        looks->scans_known = true;
        looks->scans = scans;
    }
    if (scans >= looks->scans + 2 && in_vain >= 2)
        return true; /* only stage 03 scans */
    return thread_is_asleep(tid, unnamed);
}

/* Returns true if every thread is quiet. */
static bool all_quiet(struct looks *looks)
{
    const struct dirent *entry;
    if (tasks == NULL)
        return false;
    rewinddir(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid != 0 && !is_quiet(tid, looks))
            return false;
    }
    return true;
}

/* --- in the thread of the player ----------------------------------------- */

static bool comes_before(const struct member *a, const struct member *b)
{
    if (a->last_wait != 0 && b->last_wait != 0)
        return a->last_wait < b->last_wait;
    if (a->last_wait != b->last_wait)
        return a->last_wait != 0; /* new threads are last */
    return a->number < b->number;
}

/* Gives the next turn. Returns false if no thread may have one. */
static bool grant_turn(void)
{
    struct member *next = NULL;
    pthread_mutex_lock(&lock);
    for (struct member *m = members; m != NULL; m = m->next) {
        if (!m->asks || (holding && m->may_be_held))
            continue;
        if (m == current && !m->begins_wait) {
            next = m;
            break;
        }
        if (next == NULL || comes_before(m, next))
            next = m;
    }
    if (next != NULL) {
        next->granted = true;
        current = next;
        pthread_cond_signal(&next->turn);
    }
    pthread_mutex_unlock(&lock);
    return next != NULL;
}

static void observe(void)
{
    if (observer != NULL)
        observer();
}

static unsigned long count_events(void)
{
    pthread_mutex_lock(&lock);
    unsigned long result = events;
    pthread_mutex_unlock(&lock);
    return result;
}

enum settled lockstep_settle(int limit_s, bool (*interrupted)(void))
{
    struct timespec begin, now;
    struct looks looks = {0};
    bool turns = false; /* a thread has had one */
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned long n = 0;; n++) {
        bool asleep = all_quiet(&looks);
        unsigned long count = count_events();
        if (asleep && looks.asleep && count == looks.events) {
            bool first = settled && !turns;
            if (first)
                observe();
            if (!grant_turn()) {
                if (!first)
                    observe();
                settled = true;
                return SETTLED;
            }
            turns = true;
            asleep = false;
            n = 0;
        }
        looks.asleep = asleep;
        looks.events = count;
        if (interrupted())
            return INTERRUPTED;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec > limit_s)
            return NOT_SETTLED;
        if (n < QUICK_LOOKS)
            sched_yield();
        else
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_US * 1000L}, NULL);
    }
}

void lockstep_timeouts(struct line *line)
{
    pthread_mutex_lock(&lock);
    for (const struct member *m = members; m != NULL; m = m->next) {
        int ms;
        if (!m->server || m->asks || line->used > LINE_SIZE - 100 ||
            !thread_timeout(m->tid, &ms))
            continue; /* a line that is cut would not be JSON */
        int length = (int)strcspn(m->label + 1, "]");
        append(line, "%s\"%.*s\":", line->used > 0 ? "," : "", length,
               m->label + 1);
        if (ms == UNKNOWN_TIMEOUT)
            append(line, "null");
        else
            append(line, "%d", ms);
    }
    pthread_mutex_unlock(&lock);
}

void lockstep_hold(bool hold)
{
    pthread_mutex_lock(&lock);
    holding = hold;
    pthread_mutex_unlock(&lock);
}

/* --- begin and end ------------------------------------------------------- */

/*
 * Opens the directory once, because later there may be no descriptor left. A
 * low number would be the only one that "room" leaves to read_proc().
 */
static DIR *open_tasks(void)
{
    int low = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (low < 0)
        return NULL;
    int high = fcntl(low, F_DUPFD_CLOEXEC, TASKS_FD);
    if (high >= 0)
        close(low);
    return fdopendir(high >= 0 ? high : low);
}

const char *lockstep_begin(void)
{
    static char reason[200];
    tasks = open_tasks();
    if (tasks == NULL) {
        snprintf(reason, sizeof(reason),
                 "a scenario needs to see the server's threads, but "
                 "/proc/self/task: %s",
                 trace_errno(errno));
        return reason;
    }
    if (!threads_are_visible()) {
        closedir(tasks);
        tasks = NULL;
        return "a scenario needs to see in which system call a thread sleeps, "
               "but /proc/self/task/TID/syscall does not show it here: play it "
               "on a Linux that runs this program natively";
    }
    pthread_mutex_lock(&lock);
    playing = true;
    pthread_mutex_unlock(&lock);
    return NULL;
}

void lockstep_end(void)
{
    pthread_mutex_lock(&lock);
    active = holding = false;
    for (struct member *m = members; m != NULL; m = m->next)
        pthread_cond_signal(&m->turn);
    pthread_mutex_unlock(&lock);
    if (tasks != NULL)
        closedir(tasks);
    tasks = NULL;
}

void lockstep_observe(void (*new_observer)(void))
{
    active = true;
    observer = new_observer;
    trace_hooks.thread_begins = on_thread_begins;
    trace_hooks.thread_ends = on_thread_ends;
    trace_hooks.line = on_line;
    trace_hooks.scan = on_scan;
}
