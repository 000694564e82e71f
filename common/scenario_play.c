/*
 * scenario_play.c - play a scenario in lock-step with the server.
 *
 * Each client is a thread, as in a free run; the player hands it one step at a
 * time, and after each waits until the server has settled. What only the
 * outcome of a step can tell (a short send, an error) is traced when the
 * server has settled, and what a client reads is traced before it is taken
 * from the socket, since taking it may wake the server.
 *
 * What the player and the clients open must not take the low numbers from the
 * server: they get a table of descriptors of their own, and there c1 has
 * fd:101, c2 fd:102, so that nobody takes them for the server's.
 */
#include "scenario.h"
#include "trace.h"
#include "trace_format.h"
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_FD = 100,
    CHUNK = 4096, /* one of the server's sends: two would be two edges */
    STACK_SIZE = 256 * 1024,
    CONNECT_TURN_MS = 100,
    SETTLE_LIMIT_S = 30
};

static atomic_bool stopped;

/* A client, and the step that it has to do. */
struct actor {
    struct player *player;
    int number;
    pthread_t thread;
    bool started;
    int fd; /* -1: none; made before it is connected */
    bool connected;
    const struct step *step; /* NULL: none to do */
    bool reports;            /* it has done the step, and is to report on it */
    bool leave;
    size_t sent, expected; /* how far it is in the pattern */

    /* What came of the step. */
    bool met;     /* an expectation is met, or there was none */
    size_t moved; /* bytes that this step has sent or read */
    int error;    /* errno of a failed connect or send, until it is expected */
    const char *failed_call;
    char got[ESCAPED_SIZE + 40]; /* what came instead */
};

struct player {
    struct scenario *scenario;
    struct scenario_problem *problem;
    struct sockaddr_un address;
    socklen_t address_size;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct actor *actors; /* [1] is c1 */
    bool failed;          /* and said why */
    rlim_t descriptors;   /* the limit as it was */
    unsigned long timers; /* of the server, that were waited for */
};

/* --- what a client does, in its own thread ------------------------------- */

/* Fill buffer with n bytes of the pattern from position on. */
static void fill(char *buffer, size_t position, size_t n)
{
    static const char pattern[] = "abcdefghijklmnopqrstuvwxyz0123456789\n";
    for (size_t i = 0; i < n; i++)
        buffer[i] = pattern[(position + i) % (sizeof(pattern) - 1)];
}

/* Set the soft limit of descriptors; returns the one there was. */
static rlim_t limit_descriptors(rlim_t limit)
{
    struct rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    const rlim_t before = now.rlim_cur;
    now.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &now);
    return before;
}

/* A socket with the descriptor that belongs to the client, or -1. */
static int make_socket(const struct actor *a)
{
    const rlim_t limit = limit_descriptors(a->player->descriptors);
    const int low = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int high =
        low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, FIRST_FD + a->number);
    const int error = errno;
    if (low >= 0)
        close(low);
    limit_descriptors(limit);
    errno = error;
    return high;
}

static void failed(struct actor *a, const char *call)
{
    a->error = errno;
    a->failed_call = call;
}

static void do_connect(struct actor *a, bool nonblocking)
{
    const struct sockaddr *const to =
        (const struct sockaddr *)&a->player->address;
    if (a->fd < 0)
        a->fd = make_socket(a);
    if (a->fd < 0) {
        failed(a, "socket");
        return;
    }
    trace_bind_name(a->fd, a->number);
    trace_connect(a->fd);
    if (nonblocking)
        fcntl(a->fd, F_SETFL, O_NONBLOCK);
    struct timeval turn = {.tv_usec = CONNECT_TURN_MS * 1000L};
    setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &turn, sizeof(turn));
    int result;
    do
        result = connect(a->fd, to, a->player->address_size);
    while (result < 0 && !stopped &&
           (errno == EINTR || (errno == EAGAIN && !nonblocking)));
    if (result < 0)
        failed(a, "connect");
    a->connected = result == 0;
    if (nonblocking)
        fcntl(a->fd, F_SETFL, 0);
}

static void do_send(struct actor *a, const struct step *step, int flags)
{
    char *const buffer = malloc(step->size);
    if (buffer == NULL) {
        failed(a, "malloc");
        return;
    }
    if (step->bytes != NULL)
        memcpy(buffer, step->bytes, step->size);
    else
        fill(buffer, a->sent, step->size);
    trace_sending(a->fd, buffer, step->size);
    const ssize_t n =
        send(a->fd, buffer, step->size, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        a->moved = (size_t)n;
    else if (errno != EAGAIN)
        failed(a, "send");
    if (step->bytes == NULL)
        a->sent += a->moved;
    free(buffer);
}

/* Look at what has come, without taking it, and trace it. */
static ssize_t look(struct actor *a, char *buffer, size_t size)
{
    const ssize_t n = recv(a->fd, buffer, size, MSG_PEEK | MSG_DONTWAIT);
    const int error = errno;
    trace_recv(a->fd, buffer, n);
    if (n == 0)
        snprintf(a->got, sizeof(a->got), "the end (eof)");
    else if (n < 0)
        snprintf(a->got, sizeof(a->got), "%s",
                 error == EAGAIN ? "nothing" : strerrorname_np(error));
    errno = error;
    return n;
}

/* Say in a->got which bytes came. */
static void note_bytes(struct actor *a, const char *bytes, size_t n)
{
    snprintf(a->got, sizeof(a->got), "%zu bytes: ", n);
    escape(bytes, n, a->got + strlen(a->got));
}

/* Take what has come of the bytes expected, up to a buffer full. */
static void do_expect(struct actor *a, const struct step *step)
{
    char got[CHUNK], wanted[CHUNK];
    size_t size = step->size - a->moved;
    if (size > sizeof(got))
        size = sizeof(got);
    const ssize_t n = look(a, got, size);
    if (n <= 0) {
        a->met = false;
        return;
    }
    if (step->bytes != NULL)
        memcpy(wanted, step->bytes + a->moved, (size_t)n);
    else
        fill(wanted, a->expected, (size_t)n);
    if (recv(a->fd, got, (size_t)n, MSG_DONTWAIT) != n ||
        memcmp(got, wanted, (size_t)n) != 0) {
        note_bytes(a, got, (size_t)n);
        a->met = false;
        return;
    }
    a->moved += (size_t)n;
    if (step->bytes == NULL)
        a->expected += (size_t)n;
}

static void do_expect_no_bytes(struct actor *a, const struct step *step)
{
    char got[CHUNK];
    if (step->verb == EXPECT_ERROR && a->error != 0) {
        a->met = a->error == step->error;
        snprintf(a->got, sizeof(a->got), "%s of %s", strerrorname_np(a->error),
                 a->failed_call);
        a->error = 0;
        return;
    }
    const ssize_t n = look(a, got, sizeof(got));
    if (n > 0)
        note_bytes(a, got, (size_t)n);
    a->met = step->verb == EXPECT_EOF       ? n == 0
             : step->verb == EXPECT_NOTHING ? n < 0 && errno == EAGAIN
                                            : n < 0 && errno == step->error;
}

static void do_close(struct actor *a)
{
    trace_close(a->fd);
    close(a->fd);
    a->fd = -1;
    a->connected = false;
    a->sent = a->expected = 0;
    a->error = 0;
}

static void do_abort(struct actor *a)
{
    int unread = 0;
    if (ioctl(a->fd, FIONREAD, &unread) < 0 || unread == 0) {
        a->met = false;
        snprintf(a->got, sizeof(a->got),
                 "nothing unread, so it would be an ordinary close");
        return;
    }
    do_close(a);
}

/* What only the outcome tells, when the server has settled after the step. */
static void report(struct actor *a, const struct step *step)
{
    const bool sends = step->verb == SEND_STEP || step->verb == SEND_OOB;
    if (a->error != 0) {
        errno = a->error;
        trace_failed(a->failed_call, a->fd);
    } else if (sends && a->moved < step->size) {
        trace_short(a->fd, step->size, a->moved);
    }
}

static void act(struct actor *a, const struct step *step)
{
    switch (step->verb) {
    case CONNECT_STEP:
    case CONNECT_NONBLOCKING:
        do_connect(a, step->verb == CONNECT_NONBLOCKING);
        break;
    case SEND_STEP:
        do_send(a, step, 0);
        break;
    case SEND_OOB:
        do_send(a, step, MSG_OOB);
        break;
    case EXPECT:
        do_expect(a, step);
        break;
    case EXPECT_EOF:
    case EXPECT_ERROR:
    case EXPECT_NOTHING:
        do_expect_no_bytes(a, step);
        break;
    case SHUTDOWN_STEP:
        trace_shutdown(a->fd);
        shutdown(a->fd, SHUT_WR);
        break;
    case CLOSE_STEP:
        do_close(a);
        break;
    case ABORT:
        do_abort(a);
        break;
    default:
        break;
    }
}

static void *run(void *argument)
{
    struct actor *const a = argument;
    struct player *const p = a->player;
    trace_thread("client", a->number);
    pthread_mutex_lock(&p->lock);
    while (!a->leave) {
        if (a->step == NULL) {
            pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        pthread_mutex_unlock(&p->lock);
        if (a->reports)
            report(a, a->step);
        else
            act(a, a->step);
        pthread_mutex_lock(&p->lock);
        a->step = NULL;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* --- what the player does ------------------------------------------------ */

static int fail(struct player *p, const struct step *step, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

/* Say what went wrong at a step. Returns -1. */
static int fail(struct player *p, const struct step *step, const char *format,
                ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(p->problem->text, sizeof(p->problem->text), "%s:%d: %s",
             p->scenario->name, step->line, text);
    p->failed = true;
    return -1;
}

/*
 * Wait until the server has settled: twice in a row all its threads sleep in
 * the kernel (trace_server_sleeps()), and no event came in between. A step of
 * the server that never ends, ends here after a limit. Returns 0, or -1.
 */
static int settle(struct player *p, const struct step *step)
{
    struct timespec begin, now;
    unsigned long events = 0;
    bool before = false;
    struct trace_rest rest = {0};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (;;) {
        const bool sleeps = trace_server_sleeps(&rest);
        const unsigned long count = trace_events();
        if (sleeps && before && count == events)
            return 0;
        before = sleeps;
        events = count;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (stopped || trace_error() != 0)
            return -1;
        if (now.tv_sec - begin.tv_sec > SETTLE_LIMIT_S)
            return fail(p, step,
                        "the server does not come to rest within %d s after "
                        "this step: it neither sleeps nor is done",
                        SETTLE_LIMIT_S);
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
}

/* Let a client do a step, or report on it, and wait until it has. */
static int let_act(struct player *p, struct actor *a, const struct step *step,
                   bool reports)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += SETTLE_LIMIT_S;
    pthread_mutex_lock(&p->lock);
    a->reports = reports;
    a->step = step;
    pthread_cond_broadcast(&p->changed);
    int error = 0;
    while (a->step != NULL && error == 0)
        error = pthread_cond_clockwait(&p->changed, &p->lock, CLOCK_MONOTONIC,
                                       &end);
    pthread_mutex_unlock(&p->lock);
    if (error == 0)
        return 0;
    stopped = true; /* ends its connect(2) */
    return fail(p, step,
                "c%d is still not done after %d s: is the backlog "
                "full? connect-nonblocking does not wait",
                a->number, SETTLE_LIMIT_S);
}

/* Say of an expectation what was expected and what came. Returns -1. */
static int unmet(struct player *p, const struct step *step,
                 const struct actor *a)
{
    char wanted[ESCAPED_SIZE] = "";
    if (step->verb == EXPECT && step->bytes != NULL)
        escape(step->bytes, step->size, wanted);
    else if (step->verb == EXPECT)
        snprintf(wanted, sizeof(wanted), "%zu bytes of the pattern",
                 step->size);
    else if (step->verb == EXPECT_EOF)
        snprintf(wanted, sizeof(wanted), "the end (eof)");
    else if (step->verb == EXPECT_ERROR)
        snprintf(wanted, sizeof(wanted), "%s", strerrorname_np(step->error));
    else if (step->verb == EXPECT_NOTHING)
        snprintf(wanted, sizeof(wanted), "nothing");
    else
        snprintf(wanted, sizeof(wanted), "unread data");
    return fail(p, step, "c%d expected %s; after %zu bytes there came %s",
                a->number, wanted, a->moved, a->got);
}

/* One step of a client. */
static int play_client(struct player *p, const struct step *step)
{
    struct actor *const a = &p->actors[step->client];
    const bool connects =
        step->verb == CONNECT_STEP || step->verb == CONNECT_NONBLOCKING;
    if (a->error != 0 && step->verb != EXPECT_ERROR && step->verb != CLOSE_STEP)
        return fail(p, step,
                    "c%d: %s failed before: %s (%s); if that is "
                    "meant, say 'c%d expect-error %s' after it",
                    a->number, a->failed_call, strerrorname_np(a->error),
                    strerror(a->error), a->number, strerrorname_np(a->error));
    if (connects && a->connected)
        return fail(p, step, "c%d is connected already", a->number);
    const bool gives_up = step->verb == CLOSE_STEP && a->fd >= 0;
    if (!connects && !a->connected && a->error == 0 && !gives_up)
        return fail(p, step, "c%d is not connected", a->number);
    a->met = true;
    a->moved = 0;
    const int error_before = a->error;
    do {
        if (let_act(p, a, step, false) < 0 || settle(p, step) < 0)
            return -1;
        if (!a->met)
            return unmet(p, step, a);
    } while (step->verb == EXPECT && a->moved < step->size);
    if (step->verb == SEND_STEP || step->verb == SEND_OOB)
        p->scenario->sends++;
    return error_before == 0 ? let_act(p, a, step, true) : 0;
}

/*
 * A table of descriptors for this thread and those that it starts. A container
 * may refuse unshare(2), and still allow close_range(2), which can do it too.
 */
static bool have_own_descriptors(void)
{
    return unshare(CLONE_FILES) == 0 ||
           syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE) == 0;
}

/* Does the server have the descriptor fd? Its table is the main thread's. */
static bool server_has(int fd)
{
    char path[64];
    struct stat link;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    return lstat(path, &link) == 0;
}

/* Leave the server so many descriptors that it can open. */
static void make_room(size_t room)
{
    int limit = 0;
    for (size_t unused = 0; unused < room || server_has(limit); limit++)
        unused += !server_has(limit);
    limit_descriptors((rlim_t)limit);
}

/*
 * Stop the process as Ctrl-Z does, and let it go on as fg does. A child does
 * both: the process itself cannot. Somebody else may let it go on before the
 * child has seen it stopped: so it is told to stop again and again.
 */
static int stop_and_continue(struct player *p, const struct step *step)
{
    char path[64], stat[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)getpid());
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0)
        return fail(p, step, "fork: %s (%s)", strerrorname_np(errno),
                    strerror(errno));
    if (child == 0) {
        limit_descriptors(p->descriptors); /* it must be able to look */
        const char *state = NULL;
        while (state == NULL || strncmp(state, ") T", 3) != 0) {
            kill(parent, SIGSTOP);
            const int fd = open(path, O_RDONLY | O_CLOEXEC);
            const ssize_t n = read(fd, stat, sizeof(stat) - 1);
            close(fd);
            if (n <= 0) {
                kill(parent, SIGCONT);
                _exit(EXIT_FAILURE); /* Valgrind has statuses of its own */
            }
            stat[n] = '\0';
            state = strrchr(stat, ')');
        }
        kill(parent, SIGCONT);
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE)
        return fail(p, step, "cannot see in %s whether it has stopped", path);
    return 0;
}

/*
 * Wait for the first timer that no such step has waited for yet. Returns 0, or
 * -1 when none fires.
 */
static int await_timer(struct player *p, const struct step *step)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (p->timers++; trace_timers() < p->timers;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (stopped || trace_error() != 0)
            return -1;
        if (now.tv_sec - begin.tv_sec > SETTLE_LIMIT_S)
            return fail(p, step,
                        "no timer of the server fires within %d s: has this "
                        "stage one, and was it told to set it?",
                        SETTLE_LIMIT_S);
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    return 0;
}

/* One step of the player itself. */
static int play_own(struct player *p, const struct step *step)
{
    char text[64];
    switch (step->verb) {
    case HOLD:
        trace_note("hold");
        trace_hold(true);
        break;
    case RELEASE:
        trace_note("release");
        trace_hold(false);
        break;
    case SIGNAL_STOP:
        trace_note("signal stop");
        return 0;
    case SIGNAL_CONT:
        trace_note("signal cont");
        if (stop_and_continue(p, step) < 0)
            return -1;
        break;
    case ROOM:
        snprintf(text, sizeof(text), "room %zu", step->size);
        trace_note(text);
        make_room(step->size);
        return 0;
    case AWAIT_TIMER:
        trace_note("await-timer");
        if (await_timer(p, step) < 0)
            return -1;
        break;
    case NOTE_STEP:
        trace_note(step->bytes);
        return 0;
    default:
        return 0;
    }
    return settle(p, step);
}

static int play_steps(struct player *p)
{
    const struct scenario *const s = p->scenario;
    size_t *const left = calloc(s->count + 1, sizeof(*left));
    int result = left != NULL ? settle(p, &s->steps[0]) : -1;
    for (size_t i = 0; i < s->count && result == 0 && !stopped; i++) {
        const struct step *const step = &s->steps[i];
        if (step->client > 0)
            result = play_client(p, step);
        else if (step->verb == REPEAT)
            left[i] = step->size;
        else if (step->verb == REPEAT_END && --left[step->other] > 0)
            i = step->other;
        else
            result = play_own(p, step);
    }
    free(left);
    return !p->failed && (stopped || trace_error() != 0) ? 0 : result;
}

/* Who is still connected leaves, one after the other. */
static int close_all(struct player *p)
{
    const struct scenario *const s = p->scenario;
    int result = settle(p, &s->steps[s->count - 1]); /* if it was held */
    for (int i = 1; i <= p->scenario->clients && result == 0; i++) {
        static const struct step close_step = {.verb = CLOSE_STEP};
        struct actor *const a = &p->actors[i];
        if (a->connected) {
            result = let_act(p, a, &close_step, false);
            if (result == 0)
                result = settle(p, &close_step);
        }
    }
    return result;
}

static int start_actor(struct player *p, int number)
{
    struct actor *const a = &p->actors[number];
    pthread_attr_t attributes;
    *a = (struct actor){.player = p, .number = number, .fd = -1};
    a->fd = make_socket(a);
    if (a->fd < 0) {
        snprintf(p->problem->text, sizeof(p->problem->text),
                 "no descriptor for c%d: %s (%s); allow more with ulimit -n",
                 number, strerrorname_np(errno), strerror(errno));
        return -1;
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    const int error = pthread_create(&a->thread, &attributes, run, a);
    pthread_attr_destroy(&attributes);
    a->started = error == 0;
    if (error != 0)
        snprintf(p->problem->text, sizeof(p->problem->text),
                 "no thread for c%d: %s (%s)", number, strerrorname_np(error),
                 strerror(error));
    return a->started ? 0 : -1;
}

static void end_actors(struct player *p)
{
    pthread_mutex_lock(&p->lock);
    for (int i = 1; i <= p->scenario->clients; i++)
        p->actors[i].leave = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i <= p->scenario->clients; i++) {
        if (p->actors[i].started)
            pthread_join(p->actors[i].thread, NULL);
        if (p->actors[i].fd >= 0)
            close(p->actors[i].fd);
    }
}

int scenario_play(struct scenario *scenario, const char *path,
                  struct scenario_problem *problem)
{
    struct player player = {.scenario = scenario,
                            .problem = problem,
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER};
    struct listener_error unused;
    struct rlimit limit;
    int result = 0;

    /* The last one is for the JSON trace. */
    const int needed = FIRST_FD + scenario->clients + 2;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur < (rlim_t)needed) {
        snprintf(problem->text, sizeof(problem->text),
                 "to play it needs %d descriptors, the limit is %lu: raise it "
                 "with 'ulimit -n %d'",
                 needed, (unsigned long)limit.rlim_cur, needed);
        return -1;
    }
    if (!have_own_descriptors()) {
        snprintf(problem->text, sizeof(problem->text),
                 "the player cannot have descriptors of its own, unshare: "
                 "%s (%s); is this a container that forbids it?",
                 strerrorname_np(errno), strerror(errno));
        return -1;
    }
    /* Copies of the server's: what the player reads of /proc needs a low one.
     */
    for (int fd = STDERR_FILENO + 1; fd < FIRST_FD; fd++)
        close(fd);
    player.address_size = listener_address(path, &player.address, &unused);
    player.descriptors = limit.rlim_cur;
    player.actors =
        calloc((size_t)scenario->clients + 1, sizeof(*player.actors));
    if (player.actors == NULL) {
        snprintf(problem->text, sizeof(problem->text), "no memory");
        return -1;
    }
    for (int i = 1; i <= scenario->clients; i++)
        player.actors[i].fd = -1;
    for (int i = 1; i <= scenario->clients && result == 0; i++)
        result = start_actor(&player, i);
    if (trace_lockstep(true) < 0 && result == 0) {
        snprintf(problem->text, sizeof(problem->text),
                 "the player cannot look at the server's threads, "
                 "/proc/self/task: %s (%s)",
                 strerrorname_np(errno), strerror(errno));
        result = -1;
    }
    if (result == 0)
        result = play_steps(&player);
    trace_hold(false);
    if (result == 0 && !stopped && trace_error() == 0)
        result = close_all(&player);
    trace_lockstep(false);
    stopped = true;
    limit_descriptors(player.descriptors);
    end_actors(&player);
    free(player.actors);
    return result;
}

void scenario_stop(void)
{
    stopped = true;
}
