/*
 * player.c - plays the steps of a scenario.
 *
 * The descriptors of the player and the clients must not take low numbers from
 * the server, because the trace shows them. So these threads have a table of
 * descriptors of their own, in which c1 has descriptor 101, c2 has 102, etc.
 */
#include "player.h"
#include "client.h"
#include "connections.h"
#include "lockstep.h"
#include "player_steps.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_FD = 100, /* the listening socket; client N has FIRST_FD + N */
    STACK_SIZE = 256 * 1024,
    LIMIT_S = 30,     /* for each wait */
    STOP_LIMIT_S = 10 /* for the end of the server */
};

/* The thread of a client. */
struct actor {
    struct client client;
    pthread_t thread;
    bool started;
    pthread_cond_t called; /* signalled when it has a step, or leaves */
    /* Guarded by the lock of the player. */
    const struct step *step; /* to execute, or NULL */
    client_action *act;      /* client_step() or client_report() */
    bool leaves;             /* the thread must end */
};

static struct {
    struct scenario *scenario;
    const struct listener *listener;
    void (*stop_server)(void), (*give_up)(const char *reason);
    pthread_t thread;
    bool started;         /* the thread exists */
    int listen_fd;        /* a copy in the player's table */
    struct actor *actors; /* actors[1] is c1 */
    pthread_mutex_t lock; /* guards step, act and leaves of all actors */
    pthread_cond_t acted; /* signalled when an actor has finished its step */
    bool stuck;           /* a wait has reached its limit */
    struct scenario_error error; /* "" if all is well */
} player = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .acted = PTHREAD_COND_INITIALIZER};

/* --- errors -------------------------------------------------------------- */

static int fail(const struct step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reports what has gone wrong, at this step unless it is NULL. Returns -1. */
static int fail(const struct step *step, const char *format, ...)
{
    char text[300];
    va_list arguments;
    if (player.error.text[0] != '\0')
        return -1; /* the first error is the cause of the others */
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (step != NULL)
        snprintf(player.error.text, sizeof(player.error.text), "%s:%d: %s",
                 player.scenario->name, step->line, text);
    else
        snprintf(player.error.text, sizeof(player.error.text), "%s", text);
    return -1;
}

/* --- the threads of the clients ------------------------------------------ */

static void *run_actor(void *argument)
{
    struct actor *a = argument;
    trace_thread(TRACE_CLIENT, a->client.number);
    pthread_mutex_lock(&player.lock);
    while (!a->leaves) {
        if (a->step == NULL) {
            pthread_cond_wait(&a->called, &player.lock);
            continue;
        }
        pthread_mutex_unlock(&player.lock);
        trace_source(player.scenario->name, a->step->line);
        a->act(&a->client, a->step);
        pthread_mutex_lock(&player.lock);
        a->step = NULL;
        pthread_cond_signal(&player.acted);
    }
    pthread_mutex_unlock(&player.lock);
    return NULL;
}

/* Opens the socket of a client with the number that belongs to it. */
static int open_client_socket(const struct client *c)
{
    rlim_t room = player_restore_limit();
    int low = address_socket(&c->address, c->lockstep);
    int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, FIRST_FD + c->number);
    int error = errno;
    if (low >= 0)
        close(low);
    player_limit_descriptors(room);
    errno = error;
    return fd;
}

static int start_actor(int number)
{
    struct actor *a = &player.actors[number];
    char unused[ADDRESS_PROBLEM_SIZE];
    pthread_attr_t attributes;
    struct client *c = &a->client;
    c->number = number;
    c->lockstep = true;
    address_parse(player.listener->path, &c->address, unused);
    c->fd = open_client_socket(c);
    if (c->fd < 0)
        return fail(NULL,
                    "no descriptor for c%d: %s; raise the limit with "
                    "ulimit -Sn",
                    number, trace_errno(errno));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int error = pthread_create(&a->thread, &attributes, run_actor, a);
    pthread_attr_destroy(&attributes);
    a->started = error == 0;
    return error == 0 ? 0
                      : fail(NULL, "no thread for c%d: %s", number,
                             trace_errno(error));
}

static int start_actors(void)
{
    int count = player.scenario->clients;
    player.actors = calloc((size_t)count + 1, sizeof(*player.actors));
    if (player.actors == NULL)
        return fail(NULL, "no memory for %d clients", count);
    for (int i = 0; i <= count; i++)
        player.actors[i] =
            (struct actor){.client.fd = -1, .called = PTHREAD_COND_INITIALIZER};
    for (int i = 1; i <= count; i++)
        if (start_actor(i) < 0)
            return -1;
    return 0;
}

static void end_actors(void)
{
    if (player.actors == NULL)
        return;
    pthread_mutex_lock(&player.lock);
    for (int i = 1; i <= player.scenario->clients; i++) {
        player.actors[i].leaves = true;
        pthread_cond_signal(&player.actors[i].called);
    }
    pthread_mutex_unlock(&player.lock);
    for (int i = 1; i <= player.scenario->clients; i++) {
        struct actor *a = &player.actors[i];
        if (a->started)
            pthread_join(a->thread, NULL);
        if (a->client.fd >= 0)
            close(a->client.fd);
    }
    free(player.actors);
}

/* --- steps --------------------------------------------------------------- */

/* Waits until the server has settled after a step. Returns 0, or -1. */
static int settle(const struct step *step)
{
    switch (lockstep_settle(LIMIT_S, client_stopped)) {
    case SETTLED:
        return 0;
    case INTERRUPTED:
        return -1;
    case NOT_SETTLED:
        break;
    }
    player.stuck = true;
    return fail(step,
                "the server has not settled %d s after this step: it neither "
                "waits nor stops printing lines",
                LIMIT_S);
}

/* Hands a step to a client, or asks for a report on it, and waits. */
static int let_act(struct actor *a, const struct step *step, client_action *act)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += LIMIT_S;
    pthread_mutex_lock(&player.lock);
    a->act = act;
    a->step = step;
    pthread_cond_signal(&a->called);
    int error = 0;
    while (a->step != NULL && error == 0)
        error = pthread_cond_clockwait(&player.acted, &player.lock,
                                       CLOCK_MONOTONIC, &end);
    pthread_mutex_unlock(&player.lock);
    if (error == 0)
        return 0;
    client_stop(); /* ends its connect(2) */
    player.stuck = true;
    return fail(step,
                "c%d has not finished this step after %d s: is the backlog "
                "full? connect-nonblocking does not wait",
                a->client.number, LIMIT_S);
}

/* Reports an expectation that is not met. Returns -1. */
static int not_met(const struct step *step, const struct client *c)
{
    char wanted[ESCAPED_SIZE] = "";
    switch (step->verb) {
    case STEP_EXPECT:
        if (step->bytes != NULL)
            escape(step->bytes, step->size, wanted);
        else
            snprintf(wanted, sizeof(wanted), "%zu bytes of the pattern",
                     step->size);
        break;
    case STEP_EXPECT_EOF:
        snprintf(wanted, sizeof(wanted), "end of file");
        break;
    case STEP_EXPECT_ERROR:
        snprintf(wanted, sizeof(wanted), "%s", strerrorname_np(step->error));
        break;
    case STEP_EXPECT_NOTHING:
        snprintf(wanted, sizeof(wanted), "nothing");
        break;
    default:
        snprintf(wanted, sizeof(wanted), "unread data");
    }
    return fail(step, "c%d expected %s, but after %zu bytes the result was %s",
                c->number, wanted, c->moved, c->got);
}

/* Checks that a client may execute a step. Returns 0, or -1. */
static int check_client(const struct step *step, const struct client *c)
{
    bool connects =
        step->verb == STEP_CONNECT || step->verb == STEP_CONNECT_NONBLOCKING;
    bool closes = step->verb == STEP_CLOSE && c->fd >= 0;
    if (c->error != 0 && step->verb != STEP_EXPECT_ERROR &&
        step->verb != STEP_CLOSE)
        return fail(step,
                    "c%d: %s has failed: %s; if the scenario is meant to show "
                    "this, add 'c%d expect-error %s'",
                    c->number, c->failed_call, trace_errno(c->error), c->number,
                    strerrorname_np(c->error));
    if (connects && c->connected)
        return fail(step, "c%d is already connected", c->number);
    if (!connects && !closes && !c->connected && c->error == 0)
        return fail(step, "c%d is not connected", c->number);
    return 0;
}

static int play_client(const struct step *step)
{
    struct actor *a = &player.actors[step->client];
    struct client *c = &a->client;
    if (check_client(step, c) < 0)
        return -1;
    if (c->fd < 0)
        c->fd = open_client_socket(c);
    bool failed_before = c->error != 0;
    c->ok = true;
    c->moved = 0;
    do { /* the bytes of an expectation may arrive in several parts */
        if (let_act(a, step, client_step) < 0 || settle(step) < 0)
            return -1;
        if (!c->ok)
            return not_met(step, c);
    } while (step->verb == STEP_EXPECT && c->moved < step->size);
    if (step->verb == STEP_SEND || step->verb == STEP_SEND_OOB)
        player.scenario->sends++;
    if (failed_before || !client_has_report(c, step))
        return 0;
    return let_act(a, step, client_report);
}

/* Plays a step of the player itself. */
static int play_own(const struct step *step)
{
    char text[64];
    const char *reason = NULL;
    trace_source(player.scenario->name, step->line);
    switch (step->verb) {
    case STEP_HOLD:
        trace_note("hold");
        lockstep_hold(true);
        break;
    case STEP_RELEASE:
        trace_note("release");
        lockstep_hold(false);
        break;
    case STEP_SIGNAL_STOP:
        trace_note("signal stop");
        return 0;
    case STEP_SIGNAL_CONT:
        trace_note("signal cont");
        reason = player_stop_and_continue();
        break;
    case STEP_SIGNAL_TERM:
        trace_note("signal term");
        reason = player_terminate(LIMIT_S);
        break;
    case STEP_ROOM:
        snprintf(text, sizeof(text), "room %zu", step->size);
        trace_note_at(TRACE_HERE, text);
        player_make_room(step->size);
        return 0;
    case STEP_AWAIT_TIMER:
        trace_note("await-timer");
        reason = player_await_timer(LIMIT_S, client_stopped);
        break;
    case STEP_NOTE:
        trace_note_at(TRACE_HERE, step->bytes);
        return 0;
    default:
        return 0;
    }
    return reason == NULL ? settle(step) : fail(step, "%s", reason);
}

/* Plays all steps. Returns 0, or -1 if that was not possible. */
static int play_steps(void)
{
    const struct scenario *s = player.scenario;
    size_t *left = calloc(s->count + 1, sizeof(*left)); /* of each repeat */
    if (left == NULL)
        return fail(NULL, "no memory");
    int result = settle(&s->steps[0]);
    for (size_t i = 0; i < s->count && result == 0; i++) {
        const struct step *step = &s->steps[i];
        if (step->client > 0) {
            result = play_client(step);
        } else if (step->verb == STEP_REPEAT) {
            left[i] = step->size;
        } else if (step->verb == STEP_REPEAT_END) {
            left[step->other]--;
            if (left[step->other] > 0)
                i = step->other;
            result = client_stopped() ? -1 : 0; /* an empty one never settles */
        } else {
            result = play_own(step);
        }
    }
    free(left);
    return result;
}

/* Closes the clients that are still connected, one after the other. */
static int close_all(void)
{
    const struct scenario *s = player.scenario;
    const struct step *last = &s->steps[s->count - 1];
    const struct step close_step = {.verb = STEP_CLOSE, .line = last->line};
    lockstep_hold(false);
    if (settle(last) < 0)
        return -1;
    for (int i = 1; i <= s->clients; i++) {
        struct actor *a = &player.actors[i];
        if (a->client.connected && (let_act(a, &close_step, client_step) < 0 ||
                                    settle(&close_step) < 0))
            return -1;
    }
    return 0;
}

/* --- begin and end ------------------------------------------------------- */

/*
 * Stops the server and gives turns until it has ended. stop_server() is for a
 * server that still waits for a client, although all have left.
 */
static void stop(void)
{
    connections_stop(player.listen_fd);
    for (int s = 0; s < STOP_LIMIT_S && !connections_await_end(0); s++)
        if (lockstep_settle(1, connections_ended) == SETTLED &&
            !connections_await_end(1))
            player.stop_server();
    if (!connections_await_end(0))
        player.give_up(player.error.text);
}

/* Plays the scenario, or sets an error. */
static void play_all(void)
{
    /* One more descriptor is for the JSON trace. */
    rlim_t needed = (rlim_t)(FIRST_FD + player.scenario->clients + 2);
    const char *reason =
        player_unshare_descriptors(FIRST_FD, needed, &player.listen_fd);
    if (reason == NULL)
        reason = lockstep_begin();
    if (reason != NULL) {
        lockstep_end();
        fail(NULL, "%s", reason);
        return;
    }
    if (start_actors() < 0)
        return;
    play_steps();
    /* A scenario that fails ends in the same order as one that does not. */
    if (!player.stuck && !client_stopped())
        close_all();
}

static void *play(void *unused)
{
    (void)unused;
    trace_thread(TRACE_PLAYER, 0);
    play_all();
    client_stop();
    lockstep_hold(false);
    player_restore_limit();
    end_actors(); /* first, because the server may wait for them */
    stop();
    lockstep_end();
    return NULL;
}

int player_start(struct scenario *scenario, const struct listener *listener,
                 void (*stop_server)(void), void (*give_up)(const char *reason))
{
    player.scenario = scenario;
    player.listener = listener;
    player.listen_fd = listener->fd;
    player.stop_server = stop_server;
    player.give_up = give_up;
    player_remember_limit();
    int error = pthread_create(&player.thread, NULL, play, NULL);
    player.started = error == 0;
    if (!player.started)
        lockstep_end();
    return error;
}

const char *player_join(void)
{
    if (player.started)
        pthread_join(player.thread, NULL);
    return player.error.text[0] != '\0' ? player.error.text : NULL;
}
