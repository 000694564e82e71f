/*
 * free_run.c - the life of a client that runs freely.
 */
#include "free_run.h"
#include "connections.h"
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STACK_SIZE = 256 * 1024 };

struct runner {
    struct client client;
    struct free_run *run;
    pthread_t thread;
};

static struct runner *runners;
static atomic_int running; /* client threads, plus 1 in free_run_start() */

/* Describes the failure of a step, unless the program is stopping. */
static void describe_failure(struct client *c)
{
    const char *advice = "";
    if (c->error == 0 || c->problem[0] != '\0')
        return;
    if (strcmp(c->failed_call, "connect") == 0 &&
        (c->error == ENOENT || c->error == ECONNREFUSED))
        advice = "; no server is running there: start one with --serve";
    snprintf(c->problem, sizeof(c->problem), "client %d: %s: %s%s", c->number,
             c->failed_call, trace_errno(c->error), advice);
}

/* Executes a step. Returns false if it has failed. */
static bool step(struct client *c, enum verb verb, long number)
{
    struct step s = {.verb = verb, .size = (size_t)number};
    c->ok = true;
    client_step(c, &s);
    client_report(c, &s);
    return c->ok && c->error == 0;
}

/* Executes all steps of a client but the last. Returns false if one failed. */
static bool run_steps(struct runner *r)
{
    struct client *c = &r->client;
    if (!step(c, STEP_CONNECT, 0))
        return false;
    for (int i = 1; i <= r->run->messages && !client_stopped(); i++) {
        if (i > 1)
            client_pause(r->run->interval_ms);
        if (!step(c, STEP_EXCHANGE, i))
            return false;
    }
    step(c, STEP_SHUTDOWN, 0);
    if (step(c, STEP_EXPECT_EOF, 0))
        return true;
    snprintf(c->problem, sizeof(c->problem),
             "client %d: expected end of file, but the result was %s",
             c->number, c->got);
    return false;
}

static void thread_done(struct free_run *run)
{
    if (--running > 0)
        return;
    if (run->server_here && !client_stopped())
        connections_await_idle();
    run->finished();
}

static void *run_client(void *argument)
{
    struct runner *r = argument;
    struct client *c = &r->client;
    trace_thread(TRACE_CLIENT, c->number);
    if (r->run->server_here)
        connections_await_start();
    if (c->number > 1)
        client_pause((c->number - 1) * r->run->stagger_ms);
    if (!client_stopped() && !run_steps(r))
        describe_failure(c);
    if (client_stopped())
        c->problem[0] = '\0'; /* the stop is the reason */
    if (c->fd >= 0)
        step(c, STEP_CLOSE, 0);
    thread_done(r->run);
    return NULL;
}

/* Starts the thread of a client. Returns 0, or an errno value. */
static int start_thread(struct free_run *run, int number)
{
    struct runner *r = &runners[number - 1];
    char unused[ADDRESS_PROBLEM_SIZE];
    pthread_attr_t attributes;
    *r = (struct runner){.run = run};
    r->client.number = number;
    r->client.fd = -1;
    r->client.size = run->size;
    r->client.protocol = run->protocol;
    address_parse(run->path, &r->client.address, unused);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    running++;
    int error = pthread_create(&r->thread, &attributes, run_client, r);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        running--;
    return error;
}

int free_run_start(struct free_run *run)
{
    char sentence[200];
    runners = calloc((size_t)run->clients, sizeof(*runners));
    if (runners == NULL) {
        snprintf(sentence, sizeof(sentence), "no memory for %d clients",
                 run->clients);
        run->complain(sentence);
        return -1;
    }
    running = 1; /* so that it reaches 0 only after all have started */
    int error = 0;
    while (run->started < run->clients && error == 0) {
        error = start_thread(run, run->started + 1);
        run->started += error == 0;
    }
    if (error != 0) {
        snprintf(sentence, sizeof(sentence),
                 "cannot create a thread for client %d of %d: %s; use fewer "
                 "--clients",
                 run->started + 1, run->clients, trace_errno(error));
        run->complain(sentence);
        run->failed = true;
    }
    thread_done(run);
    return 0;
}

void free_run_join(struct free_run *run)
{
    for (int i = 0; i < run->started; i++) {
        const struct client *c = &runners[i].client;
        pthread_join(runners[i].thread, NULL);
        run->sent += c->messages;
        run->answered += c->answers;
        if (c->problem[0] == '\0')
            continue;
        run->complain(c->problem);
        run->failed = true;
    }
    free(runners);
    runners = NULL;
}
