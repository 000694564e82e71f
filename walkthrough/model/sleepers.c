/*
 * sleepers.c - threads that block in epoll_wait or poll, on both sides.
 *
 * A thread has a capital letter as its name. In the kernel it is a real thread,
 * and in the model a struct waiter. After each step the player waits until
 * every real thread is blocked again or has returned, so nothing depends on
 * time.
 */
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LETTERS = 26, ROOM = 64 };

struct sleeper {
    pthread_t thread;
    bool exists;
    int call_fd, stat_fd; /* its files syscall and stat in /proc */
    sem_t go;             /* the thread begins a call, or ends */
    atomic_bool busy;     /* the real call has not returned */
    atomic_int tid;       /* 0 until the thread runs */
    bool quit;            /* written before go */
    bool polls;           /* what to call; written before go, like the next */
    int fd, maxevents;    /* its arguments */
    ssize_t result;       /* written before busy becomes false */
    struct epoll_event real[ROOM], ours[ROOM];
    bool in_real, in_model; /* the result was not shown yet */
    struct waiter waiter;
    struct name *name;
};

static struct sleeper sleepers[LETTERS];

static void on_signal(int number)
{
    (void)number;
}

/* --- the threads --------------------------------------------------------- */

static void *run_thread(void *argument)
{
    struct sleeper *sleeper = argument;
    sigset_t unblocked;
    sigemptyset(&unblocked);
    sleeper->tid = (int)syscall(SYS_gettid);
    for (;;) {
        while (sem_wait(&sleeper->go) < 0)
            continue;
        if (sleeper->quit)
            return NULL;
        if (sleeper->polls) {
            struct pollfd pollfd = {.fd = sleeper->fd, .events = POLLIN};
            sleeper->result = or_errno(ppoll(&pollfd, 1, NULL, &unblocked));
            sleeper->real[0].events = (uint32_t)pollfd.revents;
        } else {
            sleeper->result =
                or_errno(epoll_pwait(sleeper->fd, sleeper->real,
                                     sleeper->maxevents, -1, &unblocked));
        }
        sleeper->busy = false;
    }
}

/* Opens a file about the thread in /proc. */
static int open_about(const struct sleeper *sleeper, const char *file)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", sleeper->tid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("cannot read %s: %s", path, strerrorname_np(errno));
    return fd;
}

/* Returns the thread that a word names. It exists from its first use. */
static struct sleeper *sleeper_of(const char *word)
{
    static bool ready;
    if (word[0] < 'A' || word[0] > 'Z' || word[1] != '\0')
        die("a thread is a capital letter, not '%s'", word);
    struct sleeper *sleeper = &sleepers[word[0] - 'A'];
    if (!ready) {
        sigset_t blocked;
        const struct sigaction action = {.sa_handler = on_signal};
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &blocked, NULL);
        sigaction(SIGUSR1, &action, NULL);
        ready = true;
    }
    if (sleeper->exists)
        return sleeper;
    *sleeper = (struct sleeper){.exists = true};
    sem_init(&sleeper->go, 0, 0);
    errno = pthread_create(&sleeper->thread, NULL, run_thread, sleeper);
    if (errno != 0)
        die("cannot create a thread: %s", strerrorname_np(errno));
    while (sleeper->tid == 0)
        sched_yield();
    sleeper->call_fd = open_about(sleeper, "syscall");
    sleeper->stat_fd = open_about(sleeper, "stat");
    return sleeper;
}

/* Whether the thread sleeps in its call. Neither the number of the call nor the
 * state is enough alone: it could wait for a lock of the kernel. */
static bool is_blocked(const struct sleeper *sleeper)
{
    char text[512];
    ssize_t n = pread(sleeper->call_fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    long number = strtol(text, NULL, 10);
    if (number != (sleeper->polls ? SYS_ppoll : SYS_epoll_pwait))
        return false;
    n = pread(sleeper->stat_fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    const char *state = strrchr(text, ')');
    return state != NULL && strncmp(state, ") S", 3) == 0;
}

/* A thread that returns may have woken another one, so the same threads must
 * have returned in two looks. */
void settle(void)
{
    unsigned none = UINT_MAX;
    time_t limit = time(NULL) + 60;
    unsigned before = none;
    for (;;) {
        unsigned now = 0;
        bool settled = true;
        for (int i = 0; i < LETTERS; i++) {
            const struct sleeper *sleeper = &sleepers[i];
            if (!sleeper->in_real)
                continue;
            if (!sleeper->busy)
                now |= 1U << i;
            else if (!is_blocked(sleeper))
                settled = false;
        }
        if (settled && (now == before || !any_sleeps()))
            return;
        before = settled ? now : none;
        if (time(NULL) > limit)
            die("a thread neither blocks nor returns");
        sched_yield();
    }
}

/* --- steps --------------------------------------------------------------- */

/* Ends a call that has returned on one side only, after a difference. */
static void abandon(struct sleeper *sleeper)
{
    if (sleeper->in_real && sleeper->busy)
        pthread_kill(sleeper->thread, SIGUSR1);
    while (sleeper->busy)
        sched_yield();
    if (sleeper->in_model && sleeper->waiter.asleep)
        model_interrupt(&sleeper->waiter, true);
    sleeper->in_real = false;
    sleeper->in_model = false;
}

static void begin_call(struct sleeper *sleeper, const char *word,
                       struct name *name, bool polls, int maxevents)
{
    bool signal = sleeper->waiter.signal;
    if (sleeper->in_real != sleeper->in_model)
        abandon(sleeper);
    if (sleeper->in_real)
        die("%s is in a call: awake shows whether it has returned", word);
    sleeper->name = name;
    sleeper->fd = name->fd;
    sleeper->polls = polls;
    sleeper->maxevents = maxevents;
    sleeper->in_real = true;
    sleeper->in_model = true;
    sleeper->waiter =
        (struct waiter){.file = name->fd < 0 ? NULL : name->open->file,
                        .polls = polls,
                        .events = sleeper->ours,
                        .maxevents = maxevents,
                        .room = INT_MAX,
                        .signal = signal};
    sleeper->busy = true;
    sem_post(&sleeper->go);
    model_wait(&sleeper->waiter);
}

void sleep_step(struct step *step)
{
    struct sleeper *sleeper = sleeper_of(step->words[1]);
    size_t most = step->count > 2 ? number_of(step->words[2], 1, ROOM) : ROOM;
    begin_call(sleeper, step->words[1], step->set, false, (int)most);
}

void sleep_poll_step(struct step *step)
{
    struct name *name = name_of(step->words[2], false);
    struct sleeper *sleeper = sleeper_of(step->words[1]);
    if (name->fd < 0)
        die("%s is closed", name->text);
    begin_call(sleeper, step->words[1], name, true, 1);
    sleeper->real[0].data.u64 = (uint64_t)(name - names);
    sleeper->ours[0].data.u64 = (uint64_t)(name - names);
}

/* The signal stays pending until a call returns EINTR because of it. */
void signal_step(struct step *step)
{
    struct sleeper *sleeper = sleeper_of(step->words[1]);
    pthread_kill(sleeper->thread, SIGUSR1);
    if (sleeper->in_model && sleeper->waiter.asleep)
        model_interrupt(&sleeper->waiter, false);
    else
        sleeper->waiter.signal = true;
}

void awake_step(struct step *step)
{
    for (int i = 0; i < LETTERS; i++) {
        struct sleeper *sleeper = &sleepers[i];
        if (sleeper->in_real && !sleeper->busy) {
            add(&step->real, "%s%c{", step->real.length > 0 ? " " : "",
                'A' + i);
            add_events(&step->real, sleeper->real, sleeper->result);
            add(&step->real, "}");
            sleeper->in_real = false;
        }
        if (sleeper->in_model && !sleeper->waiter.asleep) {
            add(&step->ours, "%s%c{", step->ours.length > 0 ? " " : "",
                'A' + i);
            add_events(&step->ours, sleeper->ours, sleeper->waiter.result);
            add(&step->ours, "}");
            sleeper->in_model = false;
        }
    }
    if (step->real.length == 0)
        add(&step->real, "none");
    if (step->ours.length == 0)
        add(&step->ours, "none");
}

bool is_sleeping(int letter)
{
    return sleepers[letter].in_real || sleepers[letter].in_model;
}

bool any_sleeps(void)
{
    for (int i = 0; i < LETTERS; i++)
        if (sleepers[i].in_real && sleepers[i].busy)
            return true;
    return false;
}

static bool is_in(const struct file *file, bool polls)
{
    for (int i = 0; i < LETTERS; i++)
        if (is_sleeping(i) && sleepers[i].name->open->file == file &&
            sleepers[i].polls == polls)
            return true;
    return false;
}

bool waits_in(const struct file *file)
{
    return is_in(file, false);
}

bool polls_in(const struct file *file)
{
    return is_in(file, true);
}

bool sleeps_in(const struct file *file)
{
    return waits_in(file) || polls_in(file);
}

void end_sleepers(void)
{
    for (int i = 0; i < LETTERS; i++) {
        struct sleeper *sleeper = &sleepers[i];
        if (!sleeper->exists)
            continue;
        if (sleeper->in_model && sleeper->waiter.asleep)
            model_interrupt(&sleeper->waiter, true);
        sleeper->quit = true;
        sem_post(&sleeper->go);
        pthread_kill(sleeper->thread, SIGUSR1);
        pthread_join(sleeper->thread, NULL);
        sem_destroy(&sleeper->go);
        close(sleeper->call_fd);
        close(sleeper->stat_fd);
        sleeper->exists = false;
        sleeper->in_real = false;
        sleeper->in_model = false;
        sleeper->waiter.signal = false;
    }
    model_run();
}
