/*
 * reactor.c - tests of demos/reactor.h alone, without a server.
 *
 * `build/tests/reactor NAME` runs one test. Without a name it lists all tests.
 * A test ends at the first check that fails and prints it. No check depends on
 * time: a test counts calls and compares their order, and stops the clock while
 * it sets timers. Data is freed where a server frees its clients, so that
 * Valgrind and AddressSanitizer find uses after that. tests/reactor.bats runs
 * all tests.
 *
 * Try: let deliver() in demos/reactor.c ignore the generation, and run `reuse`.
 */
#include "../demos/reactor.h"
#include "trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK(good) check(good, #good, __LINE__)

static void check(bool good, const char *what, int line)
{
    if (good)
        return;
    printf("tests/reactor.c:%d: not so: %s\n", line, what);
    exit(1);
}

/* --- shared by the tests -------------------------------------------------- */

enum { MOST = 10000 };

static struct reactor *reactor;
static int order[MOST], called; /* numbers of the callbacks, and how many */

/* Notes a callback, and stops the loop after the last one that is expected. */
static void note(int number, int expected)
{
    CHECK(called < expected);
    order[called++] = number;
    if (called == expected)
        reactor_stop(reactor);
}

/* A pair of connected sockets. A write to peer makes fd readable. */
struct end {
    int number, fd, peer;
};

static struct end *new_end(int number)
{
    int fds[2];
    struct end *end = malloc(sizeof(*end));
    CHECK(end != NULL);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    *end = (struct end){.number = number, .fd = fds[0], .peer = fds[1]};
    return end;
}

static struct end *new_ready_end(int number)
{
    struct end *end = new_end(number);
    CHECK(write(end->peer, "x", 1) == 1);
    return end;
}

static void free_end(struct end *end)
{
    close(end->fd);
    close(end->peer);
    free(end);
}

static void take_byte(int fd)
{
    char byte;
    CHECK(read(fd, &byte, 1) == 1);
}

static void watch(struct end *end, reactor_callback *callback)
{
    CHECK(reactor_add(reactor, end->fd, EPOLLIN, callback, end) == 0);
}

static void stop_now(struct reactor *r, void *data)
{
    (void)data;
    reactor_stop(r);
}

/* Runs the loop for so many iterations. The timer that stops it expires after
 * the callbacks of descriptors. */
static void run_turns(int turns)
{
    for (int i = 0; i < turns; i++) {
        struct reactor_timer *end =
            reactor_timer_start(reactor, 0, 0, stop_now, NULL);
        CHECK(end != NULL);
        CHECK(reactor_run(reactor) == 0);
        reactor_timer_cancel(reactor, end);
    }
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static bool fails(int result, int error)
{
    bool so = result == -1 && errno == error;
    errno = 0;
    return so;
}

/* --- the clock ----------------------------------------------------------- */

static struct timespec stopped_at; /* the time of a stopped clock, or 0 */

/*
 * The clock of this program, in place of clock_gettime(2). While it is stopped,
 * deadlines differ by exactly the delays that a test gives, however long a busy
 * machine takes to set the timers.
 */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (stopped_at.tv_sec > 0) {
        *time = stopped_at;
        return 0;
    }
    return (int)syscall(SYS_clock_gettime, clock, time);
}

static void stop_clock(void)
{
    CHECK(clock_gettime(CLOCK_MONOTONIC, &stopped_at) == 0);
}

static void start_clock(void)
{
    stopped_at = (struct timespec){0};
}

/* --- timers -------------------------------------------------------------- */

struct alarm {
    int number, expected;
    struct reactor_timer *timer;
};

static void on_alarm(struct reactor *r, void *data)
{
    (void)r;
    const struct alarm *alarm = data;
    note(alarm->number, alarm->expected);
}

static void start(struct alarm *alarm, int delay_ms, int repeat_ms,
                  reactor_function *function)
{
    alarm->timer =
        reactor_timer_start(reactor, delay_ms, repeat_ms, function, alarm);
    CHECK(alarm->timer != NULL);
}

static void test_timer_order(void)
{
    static const int delays[] = {30, 10, 0, 20, 10, 0};
    static const int wanted[] = {2, 5, 1, 4, 3, 0};
    struct alarm alarms[6];
    stop_clock();
    for (int i = 0; i < 6; i++) {
        alarms[i] = (struct alarm){.number = i, .expected = 6};
        start(&alarms[i], delays[i], 0, on_alarm);
    }
    start_clock();
    CHECK(reactor_run(reactor) == 0);
    CHECK(memcmp(order, wanted, sizeof(wanted)) == 0);
}

static void test_timer_again(void)
{
    static const int wanted[] = {2, 1, 0};
    struct alarm alarms[4];
    stop_clock();
    for (int i = 0; i < 4; i++) {
        alarms[i] = (struct alarm){.number = i, .expected = 3};
        start(&alarms[i], i == 2 ? 1000000 : 10 + i, 0, on_alarm);
    }
    CHECK(reactor_timer_again(reactor, alarms[0].timer, 60) == 0);
    CHECK(reactor_timer_again(reactor, alarms[1].timer, 50) == 0);
    CHECK(reactor_timer_again(reactor, alarms[1].timer, 40) == 0);
    CHECK(reactor_timer_again(reactor, alarms[2].timer, 0) == 0);
    CHECK(reactor_timer_again(reactor, alarms[3].timer, -1) == 0);
    start_clock();
    CHECK(reactor_run(reactor) == 0);
    CHECK(memcmp(order, wanted, sizeof(wanted)) == 0);
    /* A timer that has expired still exists and can be set again. */
    called = 0;
    for (int i = 0; i < 3; i++)
        CHECK(reactor_timer_again(reactor, alarms[i].timer, 10 * i) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(order[0] == 0 && order[1] == 1 && order[2] == 2);
}

static struct alarm last_alarm = {.number = 2, .expected = 7};

static void on_fifth_cancel(struct reactor *r, void *data)
{
    struct alarm *alarm = data;
    note(alarm->number, alarm->expected);
    if (called == 6) { /* five times, and the one of `once` */
        reactor_timer_cancel(r, alarm->timer);
        free(alarm);
        start(&last_alarm, 20, 0, on_alarm); /* no sixth comes before it */
    }
}

static void test_timer_repeats(void)
{
    struct alarm *alarm = malloc(sizeof(*alarm));
    struct alarm once = {.number = 1, .expected = 7};
    CHECK(alarm != NULL);
    *alarm = (struct alarm){.number = 0, .expected = 7};
    start(&once, 0, 0, on_alarm);
    start(alarm, 1, 1, on_fifth_cancel);
    CHECK(reactor_run(reactor) == 0);
    CHECK(order[0] == 1 && order[6] == 2);
    for (int i = 1; i < 6; i++)
        CHECK(order[i] == 0);
}

/* Cancels itself and the next timer, which is due in the same iteration. */
static void on_cancel_both(struct reactor *r, void *data)
{
    struct alarm *alarms = data;
    reactor_timer_cancel(r, alarms[1].timer);
    reactor_timer_cancel(r, alarms[0].timer);
    memset(alarms, 0xff, 2 * sizeof(*alarms));
    free(alarms);
    called++;
}

static void test_timer_cancel(void)
{
    struct alarm *alarms = calloc(2, sizeof(*alarms));
    struct alarm last = {.number = 2, .expected = 2};
    CHECK(alarms != NULL);
    alarms[1].expected = 1;
    start(&alarms[0], 0, 1, on_cancel_both);
    start(&alarms[1], 0, 1, on_alarm);
    start(&last, 20, 0, on_alarm);
    CHECK(reactor_run(reactor) == 0);
    CHECK(called == 2 && order[1] == 2);
    reactor_timer_cancel(reactor, NULL);
}

/* Replaces its timer with a new one. */
static void on_start_next(struct reactor *r, void *data)
{
    struct alarm *alarm = data;
    note(alarm->number++, alarm->expected);
    reactor_timer_cancel(r, alarm->timer);
    start(alarm, 0, 0, on_start_next);
}

static void test_timer_starts_timer(void)
{
    struct alarm alarm = {.expected = 1000};
    start(&alarm, 0, 0, on_start_next);
    CHECK(reactor_run(reactor) == 0);
    for (int i = 0; i < 1000; i++)
        CHECK(order[i] == i);
}

/*
 * A timer expires before those that were set later with the same delay or a
 * longer one. A third of the timers is cancelled. Another third is set again,
 * most of these to a later deadline.
 */
static void test_many_timers(void)
{
    static struct alarm alarms[MOST];
    static int delays[MOST], set[MOST], fired[MOST];
    unsigned random = 1;
    int alive = 0, sets = 0;
    for (int i = 0; i < MOST; i++)
        alive += i % 3 != 0;
    for (int i = 0; i < MOST; i++) {
        random = random * 1103515245 + 12345;
        delays[i] = (int)(random >> 16) % 200;
        set[i] = sets++;
        alarms[i] = (struct alarm){.number = i, .expected = alive};
        start(&alarms[i], delays[i], 0, on_alarm);
    }
    for (int k = 0; k < MOST; k++) {
        int i = (int)((unsigned)k * 7919U % MOST);
        if (i % 3 == 0)
            reactor_timer_cancel(reactor, alarms[i].timer);
        if (i % 3 != 1)
            continue;
        random = random * 1103515245 + 12345;
        delays[i] = 150 + (int)(random >> 16) % 200;
        set[i] = sets++;
        CHECK(reactor_timer_again(reactor, alarms[i].timer, delays[i]) == 0);
    }
    CHECK(reactor_run(reactor) == 0);
    for (int i = 0; i < called; i++) {
        CHECK(order[i] % 3 != 0);
        CHECK(fired[order[i]]++ == 0);
    }
    for (int i = 0; i < called; i++)
        for (int j = i + 1; j < called; j++)
            CHECK(set[order[i]] < set[order[j]] ||
                  delays[order[i]] < delays[order[j]]);
}

/* --- descriptors --------------------------------------------------------- */

static struct end *ends[2], *newcomer;

/* The first callback removes the other end, which is in the same batch. */
static void on_end_other(struct reactor *r, int fd, uint32_t events, void *data)
{
    const struct end *end = data;
    int other = 1 - end->number;
    CHECK(events == EPOLLIN && end->fd == fd);
    called++;
    take_byte(fd);
    CHECK(reactor_remove(r, ends[other]->fd) == 0);
    free_end(ends[other]);
    ends[other] = NULL;
}

static void test_remove_in_batch(void)
{
    for (int i = 0; i < 2; i++) {
        ends[i] = new_ready_end(i);
        watch(ends[i], on_end_other);
    }
    run_turns(3);
    CHECK(called == 1);
    for (int i = 0; i < 2; i++)
        if (ends[i] != NULL)
            free_end(ends[i]);
}

static void on_newcomer(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)r;
    const struct end *end = data;
    CHECK(events == EPOLLIN && end->fd == fd);
    take_byte(fd); /* would fail for an event of the old one */
    called += 100;
}

/* Replaces an end by a new one with the same number, which is not readable. */
static void replace_end(struct reactor *r, int which)
{
    int number = ends[which]->fd;
    CHECK(reactor_remove(r, number) == 0);
    free_end(ends[which]);
    newcomer = ends[which] = new_end(which);
    if (newcomer->fd != number) {
        CHECK(dup2(newcomer->fd, number) == number);
        close(newcomer->fd);
        newcomer->fd = number;
    }
    CHECK(fcntl(number, F_SETFL, O_NONBLOCK) == 0);
    watch(newcomer, on_newcomer);
}

static int replacements = 1; /* that on_replace_other() makes */

/* The first callback replaces the other end. */
static void on_replace_other(struct reactor *r, int fd, uint32_t events,
                             void *data)
{
    const struct end *end = data;
    CHECK(events == EPOLLIN);
    called++;
    take_byte(fd);
    for (int i = 0; i < replacements; i++)
        replace_end(r, 1 - end->number);
}

static void test_reuse(void)
{
    for (int i = 0; i < 2; i++) {
        ends[i] = new_ready_end(i);
        watch(ends[i], on_replace_other);
    }
    run_turns(1);
    CHECK(called == 1);
    CHECK(write(newcomer->peer, "x", 1) == 1);
    run_turns(1);
    CHECK(called == 101);
    for (int i = 0; i < 2; i++)
        free_end(ends[i]);
}

/* A generation of 8 bits would be the same again. */
static void test_reuse_often(void)
{
    replacements = 256;
    test_reuse();
}

static void on_replace_itself(struct reactor *r, int fd, uint32_t events,
                              void *data)
{
    struct end *end = data;
    CHECK(events == EPOLLIN);
    called++;
    CHECK(reactor_remove(r, fd) == 0);
    if (called < 3)
        watch(end, on_replace_itself);
    else
        free_end(end);
}

static void test_remove_itself(void)
{
    watch(new_ready_end(0), on_replace_itself);
    run_turns(5);
    CHECK(called == 3);
}

static void on_count(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)r, (void)fd, (void)events, (void)data;
    called++;
}

/* Adds a descriptor for which the reactor must enlarge its table. */
static void on_add_another(struct reactor *r, int fd, uint32_t events,
                           void *data)
{
    struct end *end = data;
    CHECK(events == EPOLLIN);
    take_byte(fd);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 500);
    CHECK(high >= 500 && write(end->peer, "x", 1) == 1);
    CHECK(reactor_remove(r, fd) == 0);
    close(fd);
    end->fd = high;
    watch(end, on_count);
}

static void test_add_in_callback(void)
{
    struct end *end = new_ready_end(0);
    watch(end, on_add_another);
    run_turns(1);
    CHECK(called == 0);
    run_turns(1);
    CHECK(called == 1);
    free_end(end);
}

static void on_silence_other(struct reactor *r, int fd, uint32_t events,
                             void *data)
{
    const struct end *end = data;
    CHECK(events == EPOLLIN);
    called++;
    take_byte(fd);
    CHECK(reactor_modify(r, ends[1 - end->number]->fd, 0) == 0);
}

static void test_modify_in_batch(void)
{
    for (int i = 0; i < 2; i++) {
        ends[i] = new_ready_end(i);
        watch(ends[i], on_silence_other);
    }
    run_turns(3);
    CHECK(called == 1); /* the other was reported, but is not registered */
    for (int i = 0; i < 2; i++)
        CHECK(reactor_modify(reactor, ends[i]->fd, EPOLLIN) == 0);
    run_turns(3);
    CHECK(called == 2);
    for (int i = 0; i < 2; i++)
        free_end(ends[i]);
}

static struct end *walked[4];
static int high; /* added by on_walk() */

/* Counts itself. The first one removes itself and the second one, and adds a
 * descriptor with a high number, so that the array of the reactor moves. */
static void on_walk(struct reactor *r, int fd, uint32_t events, void *data)
{
    const struct end *end = data;
    (void)fd;
    CHECK(events == 0);
    note(end->number, MOST);
    if (end->number != 0)
        return;
    for (int i = 0; i < 2; i++) {
        reactor_remove(r, walked[i]->fd);
        free_end(walked[i]);
    }
    high = fcntl(walked[2]->fd, F_DUPFD_CLOEXEC, 500);
    CHECK(reactor_add(r, high, EPOLLIN, on_walk, walked[3]) == 0);
}

static void test_walk(void)
{
    for (int i = 0; i < 4; i++)
        walked[i] = new_end(i);
    for (int i = 0; i < 3; i++) /* ready, but a walk does not wait */
        CHECK(write(walked[i]->peer, "x", 1) == 1);
    for (int i = 0; i < 3; i++)
        watch(walked[i], on_walk);
    reactor_walk(reactor);
    CHECK(called >= 2 && order[0] == 0 && order[1] == 2);
    CHECK(called == 2 || (called == 3 && order[2] == 3));
    reactor_remove(reactor, high);
    close(high);
    free_end(walked[2]);
    free_end(walked[3]);
}

static void on_stop(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)events, (void)data;
    take_byte(fd);
    called++;
    reactor_stop(r);
}

static void test_stop(void)
{
    struct end *pair[] = {new_ready_end(0), new_ready_end(1)};
    reactor_stop(reactor); /* before it runs */
    CHECK(reactor_run(reactor) == 0);
    CHECK(called == 0);
    watch(pair[0], on_stop);
    watch(pair[1], on_stop);
    CHECK(reactor_run(reactor) == 0);
    CHECK(called == 1); /* the other one is not called */
    CHECK(reactor_run(reactor) == 0);
    CHECK(called == 2); /* it is reported again */
    free_end(pair[0]);
    free_end(pair[1]);
}

static void test_errors(void)
{
    struct end *end = new_end(0);
    struct end *other = new_ready_end(1);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(fails(reactor_add(reactor, -1, EPOLLIN, on_count, NULL), EBADF));
    CHECK(fails(reactor_add(reactor, 5000, EPOLLIN, on_count, NULL), EBADF));
    CHECK(fails(reactor_add(reactor, file, EPOLLIN, on_count, NULL), EPERM));
    watch(other, on_count);
    CHECK(fails(reactor_add(reactor, other->fd, 0, NULL, NULL), EEXIST));
    run_turns(1);
    CHECK(called == 1); /* the watch that exists has not changed */
    CHECK(fails(reactor_modify(reactor, end->fd, EPOLLIN), ENOENT));
    CHECK(fails(reactor_modify(reactor, -1, EPOLLIN), ENOENT));
    CHECK(fails(reactor_remove(reactor, end->fd), ENOENT));
    CHECK(fails(reactor_remove(reactor, 1000000), ENOENT));
    /* A descriptor that was closed first is no longer watched either. */
    int number = other->fd;
    close(number);
    CHECK(fails(reactor_remove(reactor, number), EBADF));
    CHECK(fails(reactor_remove(reactor, number), ENOENT));
    CHECK(dup2(end->fd, number) == number);
    watch(other, on_count);
    CHECK(reactor_remove(reactor, number) == 0);
    close(file);
    free_end(end);
    free_end(other);

    struct alarm alarm = {.expected = 1};
    start(&alarm, -1, 0, on_alarm);
    CHECK(fails(reactor_timer_again(reactor, alarm.timer, -2), EINVAL));
    CHECK(reactor_timer_start(reactor, -2, 0, on_alarm, NULL) == NULL &&
          errno == EINVAL);
    errno = 0;
    CHECK(reactor_timer_start(reactor, 0, -1, on_alarm, NULL) == NULL &&
          errno == EINVAL);
    CHECK(fails(reactor_signal(reactor, 0, NULL, NULL), EINVAL));
    CHECK(fails(reactor_signal(reactor, NSIG, NULL, NULL), EINVAL));
    CHECK(fails(reactor_signal(reactor, SIGKILL, NULL, NULL), EINVAL));
    CHECK(fails(reactor_signal(reactor, SIGSTOP, NULL, NULL), EINVAL));
    run_turns(2);
    CHECK(called == 1);
}

/* Whichever descriptor cannot be opened, nothing stays open. */
static void test_no_descriptor_left(void)
{
    struct rlimit limit;
    int before = open_descriptors();
    int free_number = dup(0);
    close(free_number);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int room = 0; room < 2; room++) {
        const struct rlimit less = {.rlim_cur = (rlim_t)(free_number + room),
                                    .rlim_max = limit.rlim_max};
        CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
        CHECK(reactor_create() == NULL && errno == EMFILE);
        CHECK(room > 0 ||
              fails(reactor_signal(reactor, SIGUSR1, NULL, NULL), EMFILE));
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    /* A signal that cannot be watched does not stay blocked. */
    sigset_t blocked;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0);
    CHECK(sigismember(&blocked, SIGUSR1) == 0);
    CHECK(open_descriptors() == before);
}

static void test_all_is_given_back(void)
{
    int before = open_descriptors();
    struct reactor *r = reactor_create();
    CHECK(r != NULL);
    CHECK(reactor_signal(r, SIGUSR1, NULL, NULL) == 0);
    CHECK(reactor_call(r, stop_now, NULL) == 0);
    CHECK(reactor_call(r, stop_now, NULL) == 0);
    CHECK(reactor_timer_start(r, 0, 0, stop_now, NULL) != NULL);
    reactor_destroy(r);
    reactor_destroy(NULL);
    CHECK(open_descriptors() == before);
}

/* --- signals ------------------------------------------------------------- */

static void on_signal(struct reactor *r, int signo, void *data)
{
    (void)r;
    note(signo, *(int *)data);
}

static void on_wrong_signal(struct reactor *r, int signo, void *data)
{
    (void)r, (void)data;
    CHECK(signo < 0); /* never called, because it was replaced */
}

static void test_signals(void)
{
    int expected = 2;
    CHECK(reactor_signal(reactor, SIGUSR1, on_wrong_signal, NULL) == 0);
    CHECK(reactor_signal(reactor, SIGUSR2, on_signal, &expected) == 0);
    CHECK(reactor_signal(reactor, SIGUSR1, on_signal, &expected) == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(kill(getpid(), SIGUSR1) ==
          0); /* pending already, so it counts once */
    CHECK(reactor_run(reactor) == 0);
    CHECK(order[0] + order[1] == SIGUSR1 + SIGUSR2);
    called = 0;
    expected = 1;
    CHECK(kill(getpid(), SIGUSR2) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(order[0] == SIGUSR2);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
    (void)signo;
    interrupted = interrupted + 1;
}

static void stop_if_interrupted(struct reactor *r, void *data)
{
    (void)data;
    if (interrupted >= 3)
        reactor_stop(r);
}

/* A signal handler that interrupts the wait does not end the loop. */
static void test_eintr(void)
{
    const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0}, {0}};
    CHECK(sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_interrupt},
                    NULL) == 0);
    CHECK(reactor_timer_start(reactor, 20, 20, stop_if_interrupted, NULL) !=
          NULL);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(interrupted >= 3);
}

/* --- calls --------------------------------------------------------------- */

enum { CALLERS = 4, CALLS = 2000 };

struct call {
    int caller, number; /* not atomic, because reactor_call() orders them */
};

static int next[CALLERS];

static void on_call(struct reactor *r, void *data)
{
    struct call *call = data;
    CHECK(call->number == next[call->caller]++);
    free(call);
    if (++called == CALLERS * CALLS)
        reactor_stop(r);
}

static void *make_calls(void *number)
{
    for (int i = 0; i < CALLS; i++) {
        struct call *call = malloc(sizeof(*call));
        CHECK(call != NULL);
        *call = (struct call){.caller = *(int *)number, .number = i};
        CHECK(reactor_call(reactor, on_call, call) == 0);
    }
    return NULL;
}

/* Each call runs once, and those of one thread run in their order. */
static void test_calls(void)
{
    pthread_t threads[CALLERS];
    int numbers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, make_calls, &numbers[i]) == 0);
    }
    CHECK(reactor_run(reactor) == 0);
    for (int i = 0; i < CALLERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(called == CALLERS * CALLS);
}

/* --- no starvation ------------------------------------------------------- */

static void on_enough(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)fd, (void)events, (void)data;
    reactor_stop(r);
}

static void call_again(struct reactor *r, void *data)
{
    called++;
    CHECK(reactor_call(r, call_again, data) == 0);
}

/* A call that calls itself again runs once per iteration. */
static void test_call_again(void)
{
    CHECK(reactor_call(reactor, call_again, NULL) == 0);
    for (int turn = 1; turn <= 3; turn++) {
        run_turns(1);
        CHECK(called == turn);
    }
}

/* Such calls, more than one iteration handles, do not starve descriptors. */
static void test_bounded_calls(void)
{
    struct end *end = new_ready_end(0);
    for (int i = 0; i < 2 * REACTOR_BATCH; i++)
        CHECK(reactor_call(reactor, call_again, NULL) == 0);
    watch(end, on_enough);
    CHECK(reactor_run(reactor) == 0);
    CHECK(called <= REACTOR_BATCH);
    free_end(end);
}

static void on_ready_after_timers(struct reactor *r, int fd, uint32_t events,
                                  void *data)
{
    (void)fd, (void)events, (void)data;
    if (called > 0) /* in the iteration after the first timers */
        reactor_stop(r);
}

/* Nor do a thousand timers that are due. */
static void test_bounded_timers(void)
{
    static struct alarm alarms[1000];
    struct end *end = new_end(0);
    for (int i = 0; i < 1000; i++) {
        alarms[i] = (struct alarm){.number = i, .expected = 1000};
        start(&alarms[i], 0, 0, on_alarm);
    }
    CHECK(write(end->peer, "x", 1) == 1);
    watch(end, on_ready_after_timers);
    CHECK(reactor_run(reactor) == 0);
    CHECK(called == REACTOR_BATCH);
    CHECK(reactor_remove(reactor, end->fd) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(called == 1000);
    free_end(end);
}

/* Clients with an idle time-out, whose descriptor is an eventfd(2). */
enum { CLIENTS = 400 };
static struct client {
    int fd;
    struct reactor_timer *idle;
} clients[CLIENTS];
static int expired;

static void on_client(struct reactor *r, int fd, uint32_t events, void *data)
{
    const struct client *client = data;
    eventfd_t value;
    CHECK(events == EPOLLIN && eventfd_read(fd, &value) == 0);
    CHECK(reactor_timer_again(r, client->idle, 1000000) == 0);
    if (++called + expired == CLIENTS)
        reactor_stop(r);
}

static void on_idle(struct reactor *r, void *data)
{
    const struct client *client = data;
    CHECK(reactor_remove(r, client->fd) == 0);
    if (called + ++expired == CLIENTS)
        reactor_stop(r);
}

/* The time-outs of all clients are over, but their data is there. */
static void test_ready_before_timers(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].fd = eventfd(1, EFD_CLOEXEC);
        CHECK(clients[i].fd >= 0);
        CHECK(reactor_add(reactor, clients[i].fd, EPOLLIN, on_client,
                          &clients[i]) == 0);
        clients[i].idle =
            reactor_timer_start(reactor, 0, 0, on_idle, &clients[i]);
        CHECK(clients[i].idle != NULL);
    }
    CHECK(reactor_run(reactor) == 0);
    CHECK(expired == 0);
    CHECK(called == CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i].fd);
}

static struct end *interrupted_end;

/* Interrupts the wait until the timer has expired. Only then data arrives. */
static void on_late_interrupt(int signo)
{
    (void)signo;
    poll(NULL, 0, 60);
    CHECK(write(interrupted_end->peer, "x", 1) == 1);
}

static void on_interrupted_end(struct reactor *r, int fd, uint32_t events,
                               void *data)
{
    (void)r, (void)events;
    take_byte(fd);
    note(((struct end *)data)->number, 2);
}

/* A wait that fails with EINTR has reported nothing, so no timer expires. */
static void test_eintr_before_timers(void)
{
    const struct itimerval once = {{0, 0}, {0, 1000}};
    struct alarm alarm = {.number = 1, .expected = 2};
    interrupted_end = new_end(0);
    watch(interrupted_end, on_interrupted_end);
    CHECK(sigaction(SIGALRM,
                    &(struct sigaction){.sa_handler = on_late_interrupt},
                    NULL) == 0);
    start(&alarm, 50, 0, on_alarm);
    CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(order[0] == 0 && order[1] == 1);
    free_end(interrupted_end);
}

static int turns[200];

static void on_turn(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)fd, (void)events;
    turns[((struct end *)data)->number]++;
    if (++called == 2000)
        reactor_stop(r);
}

/* 200 descriptors that are always ready are served equally often. */
static void test_fair(void)
{
    struct end *always[200];
    for (int i = 0; i < 200; i++) {
        always[i] = new_ready_end(i);
        watch(always[i], on_turn);
    }
    CHECK(reactor_run(reactor) == 0);
    for (int i = 0; i < 200; i++) {
        CHECK(turns[i] >= 9 && turns[i] <= 11);
        free_end(always[i]);
    }
}

static void on_busy(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)r, (void)fd, (void)events;
    turns[((struct end *)data)->number]++;
    CHECK(++called < 1000);
}

/* Although no wait reports all of them, a timer expires after each has been
 * reported once. */
static void test_timer_while_busy(void)
{
    struct end *always[200];
    for (int i = 0; i < 200; i++) {
        always[i] = new_ready_end(i);
        watch(always[i], on_busy);
    }
    /* Descriptors that have been removed do not count. */
    for (int i = 0; i < 1000; i++) {
        CHECK(reactor_remove(reactor, always[0]->fd) == 0);
        watch(always[0], on_busy);
    }
    for (int round = 1; round <= 3; round++) {
        run_turns(1);
        for (int i = 0; i < 200; i++)
            CHECK(turns[i] >= round && turns[i] <= 2 * round);
    }
    for (int i = 0; i < 200; i++)
        free_end(always[i]);
}

/* ------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"timer-order", test_timer_order},
    {"timer-again", test_timer_again},
    {"timer-repeats", test_timer_repeats},
    {"timer-cancel", test_timer_cancel},
    {"timer-starts-timer", test_timer_starts_timer},
    {"many-timers", test_many_timers},
    {"remove-in-batch", test_remove_in_batch},
    {"reuse", test_reuse},
    {"reuse-often", test_reuse_often},
    {"remove-itself", test_remove_itself},
    {"add-in-callback", test_add_in_callback},
    {"modify-in-batch", test_modify_in_batch},
    {"walk", test_walk},
    {"stop", test_stop},
    {"errors", test_errors},
    {"no-descriptor-left", test_no_descriptor_left},
    {"all-is-given-back", test_all_is_given_back},
    {"signals", test_signals},
    {"eintr", test_eintr},
    {"calls", test_calls},
    {"call-again", test_call_again},
    {"bounded-calls", test_bounded_calls},
    {"bounded-timers", test_bounded_timers},
    {"fair", test_fair},
    {"ready-before-timers", test_ready_before_timers},
    {"eintr-before-timers", test_eintr_before_timers},
    {"timer-while-busy", test_timer_while_busy},
};

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (argc < 2)
            printf("%s\n", tests[i].name);
        if (argc < 2 || strcmp(argv[1], tests[i].name) != 0)
            continue;
        reactor = reactor_create();
        CHECK(reactor != NULL);
        tests[i].run();
        reactor_destroy(reactor);
        trace_end();
        return 0;
    }
    if (argc > 1)
        fprintf(stderr, "%s: there is no test '%s'\n", argv[0], argv[1]);
    return argc > 1 ? 2 : 0;
}
