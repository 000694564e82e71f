/*
 * demo.c - starts the server and its clients, and stops them.
 *
 * The main thread is the server. With --serve there is no other thread, so
 * strace, gdb and /proc/PID show the lesson, and no use of a descriptor costs
 * more because two threads share the table.
 */
#include "demo.h"
#include "client.h"
#include "connections.h"
#include "free_run.h"
#include "listener.h"
#include "lockstep.h"
#include "options.h"
#include "player.h"
#include "refusal.h"
#include "scenario.h"
#include "states.h"
#include "stopping.h"
#include "trace.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OK = 0, FAILED = 1, USAGE = 2 };
enum { JSON_FD = 400 }; /* does not take the number of a stage's descriptor */

static const char *program_name = "demo";
static const struct client_protocol *protocol; /* or NULL for an echo */
static struct listener listener = {.fd = -1};
static bool failed; /* used by the main thread */

/* --- for the stages ------------------------------------------------------ */

bool demo_stopping(void)
{
    return connections_stopping();
}

void demo_drain(long ms)
{
    stop_drain(ms);
}

void demo_protocol(const struct client_protocol *new_protocol)
{
    protocol = new_protocol;
}

void demo_io_uring_refused(int error)
{
    refusal_explain(error);
}

/* --- messages ------------------------------------------------------------ */

static void complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Prints "PROGRAM: " and a sentence on standard error. */
static void complain(const char *format, ...)
{
    char text[PATH_MAX + 500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char line[sizeof(text) + 100];
    snprintf(line, sizeof(line), "%s: %s\n", program_name, text);
    trace_complain(line);
}

static void complain_sentence(const char *sentence)
{
    complain("%s", sentence);
}

/* Returns the verb for messages in the summary. */
static const char *done_verb(void)
{
    return protocol == NULL ? "echoed" : "answered";
}

/* Ends the process, because the server has not ended. */
static void give_up(const char *reason)
{
    if (reason[0] != '\0')
        complain("%s", reason);
    complain("the server has not ended after all clients have left and all "
             "connections were shut down; it still has %d",
             connections_count());
    listener_remove(&listener);
    _exit(FAILED);
}

/* --- running ------------------------------------------------------------- */

/* The clients of a run: one of the two, or neither with --serve. */
struct run {
    struct scenario *scenario; /* or NULL */
    struct free_run *free_run; /* or NULL */
    bool states;               /* take states of the kernel */
};

/*
 * Starts the threads of the clients. They inherit blocked signals, so that a
 * handler never runs in a thread with other descriptors than the server's.
 */
static void start_clients(const struct run *run)
{
    sigset_t before;
    int error = 0;
    stop_block_signals(&before);
    if (run->states)
        error = states_start(listener.fd);
    if (run->scenario != NULL && error == 0)
        error = player_start(run->scenario, &listener, stop_request, give_up);
    else if (run->free_run != NULL && free_run_start(run->free_run) < 0)
        failed = true;
    stop_restore_signals(&before);
    if (error != 0)
        complain("cannot create a thread for the scenario: %s",
                 trace_errno(error));
    if (error == 0 && !failed)
        return;
    failed = true;
    stop_now();
}

/* Waits for the threads of the clients, and reports what has failed. */
static void join_clients(const struct run *run)
{
    if (run->free_run != NULL) {
        free_run_join(run->free_run);
        if (run->free_run->failed)
            failed = true;
    }
    const char *reason = run->scenario != NULL ? player_join() : NULL;
    states_end();
    if (reason != NULL) {
        complain("%s", reason);
        failed = true;
    }
}

/* Runs the server in this thread, and its clients, if any. */
static void run_server(const struct run *run, int (*serve)(int listen_fd))
{
    start_clients(run);
    if (serve(listener.fd) < 0) {
        const char *refusal = refusal_reason();
        complain("the server cannot go on: %s",
                 refusal != NULL ? refusal : trace_errno(errno));
        failed = true;
    } else if (!demo_stopping()) {
        complain("the server has ended before it was stopped");
        failed = true;
    }
    connections_server_ended();
    if (!demo_stopping())
        stop_now();
    /* In this order: the file of a closed socket would look stale, and a new
     * server could not tell its own file from it. */
    stop_set_listener(NULL);
    listener_remove(&listener);
    close(listener.fd);
    connections_close();
    join_clients(run);
}

static int open_listener(const char *path, bool lockstep)
{
    struct listener_error error;
    if (listener_open(path, lockstep, &listener, &error) < 0) {
        complain("%s", error.text);
        return error.in_use || path == NULL ? FAILED : USAGE;
    }
    if (listener_is_public(&listener))
        complain("any user of this machine may connect to %s, because it has "
                 "no permissions",
                 listener.path);
    stop_set_listener(&listener);
    return OK;
}

static void print_ready(void)
{
    char line[sizeof(listener.path) + 16];
    snprintf(line, sizeof(line), "ready: %s\n", listener.path);
    trace_print(line);
}

static void print_summary_of_clients(const struct free_run *run)
{
    char text[300];
    snprintf(text, sizeof(text),
             "\nsummary of %s --connect\n"
             "  clients      %d\n"
             "  messages     %ld sent, %ld %s\n",
             program_name, run->started, run->sent, run->answered, done_verb());
    trace_print(text);
}

/* Checks that the limit of descriptors is high enough for the clients. */
static int check_descriptors(const struct options *o)
{
    enum { OTHERS = 16 }; /* standard descriptors, sockets, the trace, ... */
    long needed = o->clients * (o->connect ? 1 : 2) + OTHERS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur >= (rlim_t)needed)
        return OK;
    complain("%ld clients need %ld descriptors, but the limit is %lu: raise it "
             "with 'ulimit -Sn %ld', or use fewer --clients",
             o->clients, needed, (unsigned long)limit.rlim_cur, needed);
    return FAILED;
}

/* Runs the clients of --connect in this process. */
static void run_connect(struct free_run *run)
{
    struct run only_clients = {.free_run = run};
    trace_thread(TRACE_DEMO, 0);
    start_clients(&only_clients);
    join_clients(&only_clients);
    print_summary_of_clients(run);
}

/* Runs the server, with the clients that the options ask for. */
static int run_serve(const struct options *o, const struct run *run,
                     int (*serve)(int listen_fd))
{
    trace_thread(TRACE_SERVER, 0);
    int status = open_listener(o->path, run->scenario != NULL);
    if (status != OK)
        return status;
    if (o->serve)
        print_ready();
    run_server(run, serve);
    if (run->scenario != NULL)
        trace_summary(run->scenario->sends, -1);
    else if (run->free_run != NULL)
        trace_summary(run->free_run->sent, run->free_run->answered);
    else if (!o->quiet)
        trace_summary(-1, -1);
    return failed ? FAILED : OK;
}

static int run_all(const struct options *o, struct scenario *scenario,
                   int (*serve)(int listen_fd))
{
    struct run run = {.scenario = scenario, .states = o->states};
    struct free_run free_run = {.path = o->connect ? o->path : listener.path,
                                .clients = (int)o->clients,
                                .messages = (int)o->messages,
                                .interval_ms = (int)o->interval_ms,
                                .stagger_ms = (int)o->stagger_ms,
                                .size = (size_t)o->size,
                                .protocol = protocol,
                                .server_here = !o->connect,
                                .finished = o->connect ? client_stop : stop_now,
                                .complain = complain_sentence};
    if (scenario == NULL && !o->serve) {
        if (check_descriptors(o) != OK)
            return FAILED;
        run.free_run = &free_run;
    }
    if (!o->connect)
        return run_serve(o, &run, serve);
    run_connect(&free_run);
    return failed ? FAILED : OK;
}

/* --- descriptors --------------------------------------------------------- */

/*
 * If standard output is closed, the next socket would get its number, and the
 * trace would be sent to it. /dev/null, open for reading only, takes the
 * number.
 */
static void keep_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/*
 * Opens the file for the JSON trace at a high number. "-" is standard output.
 * Returns the descriptor, or -1 after a message.
 */
static int open_json(const char *path)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    int fd = strcmp(path, "-") == 0
                 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        complain("cannot write --json %s: %s", path, trace_errno(errno));
        return -1;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    int min = limit.rlim_cur > JSON_FD ? JSON_FD : (int)limit.rlim_cur - 1;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, min);
    if (high < 0)
        complain("no descriptor for --json %s: %s; raise the limit with "
                 "ulimit -Sn",
                 path, trace_errno(errno));
    close(fd);
    return high;
}

/* Closes descriptors that the parent has left open, because they would change
 * the numbers in the trace. */
static void close_inherited(int json_fd)
{
    unsigned first = STDERR_FILENO + 1;
    if (json_fd >= 0) {
        close_range(first, (unsigned)json_fd - 1, 0);
        first = (unsigned)json_fd + 1;
    }
    close_range(first, ~0U, 0);
}

/* --- main ---------------------------------------------------------------- */

/* Takes the name of the program from argv[0] if it has only usual characters.
 */
static void set_program_name(const char *path)
{
    static const char usual[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : path;
    if (name != NULL && strspn(name, usual) == strlen(name) &&
        strlen(name) < 64)
        program_name = name;
}

/* Reads the scenario of the options. Returns NULL after a message. */
static struct scenario *read_scenario(const char *path)
{
    struct scenario_error error;
    struct scenario *scenario = scenario_read(path, &error);
    if (scenario == NULL)
        complain("%s", error.text);
    return scenario;
}

/* Returns which names the trace of the server shows. */
static enum connection_names names_of(const struct options *o)
{
    if (o->quiet && o->json == NULL)
        return NO_NAMES;
    return o->serve ? ALL_NAMES : OWN_NAMES;
}

/* Ends the trace. Returns the exit status. */
static int end_trace(int status, int json_fd)
{
    int error = trace_error();
    if (json_fd >= 0 && close(json_fd) < 0 && error == 0)
        error = errno;
    trace_end();
    if (error == 0)
        return status;
    complain("cannot write the trace: %s", trace_errno(error));
    return FAILED;
}

int demo_main(int argc, char **argv, int (*serve)(int listen_fd))
{
    return demo_main_with(argc, argv, serve, NULL, 0);
}

int demo_main_with(int argc, char **argv, int (*serve)(int listen_fd),
                   const struct demo_option *own, size_t count)
{
    struct options o;
    assert(count <= OPTIONS_MAX_OWN);
    set_program_name(argv[0]);
    keep_standard_descriptors();
    struct options_program about = {program_name, done_verb(), protocol == NULL,
                                    own, count};
    int status = options_parse(argc, argv, &about, &o);
    if (status >= 0)
        return status;
    struct scenario *scenario = NULL;
    if (o.scenario != NULL && (scenario = read_scenario(o.scenario)) == NULL)
        return USAGE;
    int json_fd = o.json != NULL ? open_json(o.json) : -1;
    if (o.json != NULL && json_fd < 0) {
        scenario_free(scenario);
        return USAGE;
    }
    if (scenario != NULL && scenario->stops && stop_continue_in_child() < 0) {
        complain("cannot create a process for the scenario: %s",
                 trace_errno(errno));
        return FAILED;
    }

    bool only_json = o.json != NULL && strcmp(o.json, "-") == 0;
    close_inherited(json_fd);
    listener_open_reserve();
    if (o.connect)
        stop_default_signals();
    else
        stop_handle_signals(&listener);
    if (!o.connect)
        connections_observe(names_of(&o), !o.serve && scenario == NULL);
    if (scenario != NULL)
        lockstep_observe(o.states ? states_request : NULL);
    if (o.states)
        states_observe();
    trace_start(&(struct trace_options){.program = program_name,
                                        .argv = argv + 1,
                                        .scenario = o.scenario,
                                        .done = done_verb(),
                                        .quiet = o.quiet || only_json,
                                        .silent = only_json,
                                        .json_fd = json_fd,
                                        .failed = o.connect ? client_stop
                                                            : stop_request});
    status = run_all(&o, scenario, serve);
    scenario_free(scenario);
    status = end_trace(status, json_fd);
    if (!o.serve)
        stop_end_by_signal(); /* if one has cut the clients short */
    return status;
}
