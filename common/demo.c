/*
 * demo.c - options, threads, signals: what every stage needs and none teaches.
 *
 * The main thread is the server, so that strace, gdb and /proc/PID show the
 * lesson first. A second thread, the conductor, starts the clients and waits
 * with sigwait(3) for what can end the program: a signal from outside, or
 * SIGUSR1, which the program sends itself when its clients are done, when the
 * server has given up, or when the trace cannot be written.
 */
#include "demo.h"
#include "client.h"
#include "scenario.h"
#include "trace.h"
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef IOMUX_VERSION
#error "the Makefile defines IOMUX_VERSION"
#endif

enum { OK = 0, FAILED = 1, USAGE = 2 };
enum { REST_MS = 1000 }; /* how long the server may take to come to rest */
enum { JSON_FD = 400 };  /* out of the way of a lesson's, if so many may be */

struct options {
    int clients, messages, interval_ms, stagger_ms;
    size_t size;
    const char *path, *json, *scenario;
    bool serve, connect, quiet;
};

static const char *program = "demo";
static const struct demo_option *own; /* the options of this stage alone */
static size_t own_count;
static const struct client_protocol *spoken; /* NULL: an echo */
static struct listener listener = {.fd = -1};

static atomic_int clients_left; /* client threads that still run */
static atomic_bool failed, server_ended;

/* --- for the stages ------------------------------------------------------ */

bool demo_stopping(void)
{
    return trace_stopping();
}

static void complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
    char text[PATH_MAX + 500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char line[sizeof(text) + 100];
    snprintf(line, sizeof(line), "%s: %s\n", program, text);
    trace_complain(line);
}

void demo_protocol(const struct client_protocol *protocol)
{
    spoken = protocol;
}

bool demo_no_room(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS ||
           error == ENOMEM;
}

/* --- the command line ---------------------------------------------------- */

/* A line of --help for an option of this stage alone. */
static void print_own(const struct demo_option *option)
{
    char left[80], letter[] = "-?, ";
    letter[1] = option->letter;
    snprintf(left, sizeof(left), "%s--%s %s",
             option->letter != '\0' ? letter : "    ", option->name,
             option->argument);
    printf("  %-19s  %s", left, option->help);
    if (option->number != NULL)
        printf("  (default %ld)", *option->number);
    else if (*option->text != NULL)
        printf("  (default %s)", *option->text);
    printf("\n");
}

/* What comes of a message of the clients. */
static const char *what_is_done(void)
{
    return spoken == NULL ? "echoed" : "answered";
}

static void print_help(void)
{
    printf(
        "usage: %s [option]...\n"
        "\n"
        "%s server and its clients in one program, over a Unix-domain "
        "socket.\n"
        "The trace on standard output shows what both sides do.\n"
        "\n"
        "  -c, --clients N      client threads                   (default 3)\n"
        "  -m, --messages N     messages that each client sends  (default 5)\n"
        "  -z, --size BYTES     size of a message      (default: a greeting)\n"
        "  -i, --interval MS    pause between a client's messages  "
        "(default 100)\n"
        "      --stagger MS     start the clients this far apart  (default 0)\n"
        "  -S, --scenario FILE  play FILE in lock-step instead\n"
        "  -s, --socket PATH    where the server listens; @NAME is in the "
        "abstract\n"
        "                       namespace, where any user may connect\n"
        "                       (default: a new private directory)\n"
        "      --serve          the server alone, until SIGINT or SIGTERM\n"
        "      --connect        the clients alone, against --socket\n"
        "  -j, --json FILE      write the trace as JSON Lines too\n"
        "  -q, --quiet          no events on standard output, only the "
        "summary\n"
        "  -h, --help           this text\n"
        "  -V, --version        the version\n",
        program, spoken == NULL ? "An echo" : "A");
    if (own_count > 0)
        printf("\nOnly this stage has:\n\n");
    for (size_t i = 0; i < own_count; i++)
        print_own(&own[i]);
    printf("\n"
           "try:  build/%s -c 1 -m 2\n"
           "      build/%s --serve -s /tmp/echo   and, in another terminal,\n"
           "      %s\n"
           "\n"
           "Exit status: 0 all was %s and closed, 1 something failed, "
           "2 usage.\n",
           program, program,
           spoken == NULL ? "nc -U /tmp/echo"
                          : "curl --unix-socket /tmp/echo http://localhost/",
           what_is_done());
}

/* Print what is wrong with the command line. Returns the exit status. */
static int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int usage(const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    complain("%s\ntry 'build/%s --help'", text, program);
    return USAGE;
}

/* A whole number from least to most. False: said what is wrong. */
static bool parse(const char *option, const char *text, long least, long most,
                  long *number)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    const bool digits = *text >= '0' && *text <= '9' && *end == '\0';
    if (digits && errno == 0 && value >= least && value <= most) {
        *number = value;
        return true;
    }
    usage("%s takes a whole number from %ld to %ld, not '%.40s'", option, least,
          most, text);
    return false;
}

enum { SERVE = 256, CONNECT, STAGGER, OWN }; /* OWN + i is own[i] */
enum { MOST_OWN = 8 };

static const char short_options[] = ":c:m:z:i:S:s:j:qhV";
static const struct option long_options[] = {
    {"clients", required_argument, NULL, 'c'},
    {"messages", required_argument, NULL, 'm'},
    {"size", required_argument, NULL, 'z'},
    {"interval", required_argument, NULL, 'i'},
    {"stagger", required_argument, NULL, STAGGER},
    {"scenario", required_argument, NULL, 'S'},
    {"socket", required_argument, NULL, 's'},
    {"serve", no_argument, NULL, SERVE},
    {"connect", no_argument, NULL, CONNECT},
    {"json", required_argument, NULL, 'j'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'}};
enum { OPTIONS = sizeof(long_options) / sizeof(long_options[0]) };

/* The stages that have options of their own. */
static const struct {
    const char *option, *stage;
} elsewhere[] = {{"workers", "09-epoll-pool"},
                 {"idle-timeout", "10-reactor or 11-http"},
                 {"root", "11-http"},
                 {"header-timeout", "11-http"}};

/* getopt_long(3) of all options, own ones included; OWN + i for own[i]. */
static int next_option(int argc, char **argv)
{
    struct option longs[OPTIONS + MOST_OWN + 1] = {0};
    char shorts[sizeof(short_options) + 2 * MOST_OWN];
    size_t used = sizeof(short_options) - 1;
    memcpy(longs, long_options, sizeof(long_options));
    memcpy(shorts, short_options, used);
    for (size_t i = 0; i < own_count; i++) {
        longs[OPTIONS + i] =
            (struct option){own[i].name, required_argument, NULL, OWN + (int)i};
        if (own[i].letter != '\0') {
            shorts[used++] = own[i].letter;
            shorts[used++] = ':';
        }
    }
    shorts[used] = '\0';
    const int option = getopt_long(argc, argv, shorts, longs, NULL);
    for (size_t i = 0; i < own_count; i++)
        if (own[i].letter != '\0' && option == own[i].letter)
            return OWN + (int)i;
    return option;
}

/* Take the value of an option of this stage alone. False: said why not. */
static bool take_own(const struct demo_option *option)
{
    char name[80];
    snprintf(name, sizeof(name), "--%s", option->name);
    if (option->number != NULL)
        return parse(name, optarg, option->least, option->most, option->number);
    struct stat about;
    if (option->directory &&
        (stat(optarg, &about) < 0 || !S_ISDIR(about.st_mode))) {
        usage("%s takes a directory, not '%.100s'", name, optarg);
        return false;
    }
    *option->text = optarg;
    return true;
}

/* getopt_long(3) did not like what it saw. */
static int bad_option(const char *word)
{
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        const size_t size = strlen(elsewhere[i].option);
        if (strncmp(word, "--", 2) == 0 && optopt == 0 &&
            strncmp(word + 2, elsewhere[i].option, size) == 0 &&
            (word[2 + size] == '\0' || word[2 + size] == '='))
            return usage("--%s is for stage %s", elsewhere[i].option,
                         elsewhere[i].stage);
    }
    if (optopt > ' ' && optopt < 127 && strchr(word, '=') == NULL)
        return usage("there is no option '-%c'", optopt);
    if (optopt != 0 && optopt < 256 && (optopt < ' ' || optopt > 126))
        return usage("options are ASCII letters, and one of these is not");
    if (optopt != 0 && strchr(word, '=') != NULL)
        return usage("'%.*s' takes no value", (int)strcspn(word, "="), word);
    return usage("there is no option '%s', or several begin so", word);
}

/* Returns -1 to go on, or the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
    enum { MILLION = 1000000, HOUR_MS = 3600000, GIB = 1 << 30 };
    const char *only_clients = NULL, *only_server = NULL;
    int option;
    long n;

    opterr = 0;
    while ((option = next_option(argc, argv)) != -1) {
        if (option >= OWN) {
            only_server = own[option - OWN].name;
            if (!take_own(&own[option - OWN]))
                return USAGE;
            continue;
        }
        switch (option) {
        case 'c':
            if (!parse("--clients", optarg, 1, MILLION, &n))
                return USAGE;
            o->clients = (int)n;
            only_clients = "--clients";
            break;
        case 'm':
            if (!parse("--messages", optarg, 0, 1000 * MILLION, &n))
                return USAGE;
            o->messages = (int)n;
            only_clients = "--messages";
            break;
        case 'z':
            if (!parse("--size", optarg, 1, GIB, &n))
                return USAGE;
            o->size = (size_t)n;
            only_clients = "--size";
            break;
        case 'i':
            if (!parse("--interval", optarg, 0, HOUR_MS, &n))
                return USAGE;
            o->interval_ms = (int)n;
            only_clients = "--interval";
            break;
        case STAGGER:
            if (!parse("--stagger", optarg, 0, HOUR_MS, &n))
                return USAGE;
            o->stagger_ms = (int)n;
            only_clients = "--stagger";
            break;
        case 'S':
            o->scenario = optarg;
            break;
        case 's':
            o->path = optarg;
            break;
        case SERVE:
            o->serve = true;
            break;
        case CONNECT:
            o->connect = true;
            break;
        case 'j':
            o->json = optarg;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'h':
            print_help();
            return fflush(stdout) == 0 ? OK : FAILED;
        case 'V':
            printf("%s (iomux) %s\n", program, IOMUX_VERSION);
            return fflush(stdout) == 0 ? OK : FAILED;
        case ':':
            return usage("the option '%s' needs a value", argv[optind - 1]);
        default:
            return bad_option(argv[optind - 1]);
        }
    }
    if (optind < argc)
        return usage("'%s' is no option; this program takes nothing else",
                     argv[optind]);
    struct sockaddr_un unused;
    struct listener_error problem;
    if (o->path != NULL && listener_address(o->path, &unused, &problem) == 0)
        return usage("%s", problem.text);
    if (o->serve && o->connect)
        return usage("--serve and --connect are two programs: start one of "
                     "each");
    if (o->connect && o->path == NULL)
        return usage("--connect needs --socket PATH, the server to talk to");
    if (o->size > 0 && spoken != NULL)
        return usage("--size is for echo servers: what this stage's clients "
                     "ask has a size of its own");
    if (o->serve && only_clients != NULL)
        return usage("%s is for clients, and --serve starts none",
                     only_clients);
    if (o->connect && only_server != NULL)
        return usage("--%s is for the server, and --connect starts none",
                     only_server);
    if (o->scenario != NULL && only_clients != NULL)
        return usage("a scenario says itself what the clients do: --scenario "
                     "and %s do not go together",
                     only_clients);
    if (o->scenario != NULL && (o->serve || o->connect))
        return usage("--scenario plays clients and server in one process, not "
                     "with %s",
                     o->serve ? "--serve" : "--connect");
    if ((long long)o->stagger_ms * (o->clients - 1) > HOUR_MS)
        return usage("--stagger %d would start the last of %d clients after "
                     "more than an hour",
                     o->stagger_ms, o->clients);
    return -1;
}

/* --- signals ------------------------------------------------------------- */

/* What the conductor waits for; blocked in all threads. */
static sigset_t awaited(void)
{
    sigset_t set;
    struct sigaction old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    /* nohup(1) ignores SIGHUP, and means it. */
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaddset(&set, SIGHUP);
    return set;
}

static void block_signals(void)
{
    /* A shell script starts its background jobs with SIGINT ignored. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    const sigset_t set = awaited();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static volatile sig_atomic_t signalled; /* a signal has ended the program */

/* A second Ctrl-C, while the first is being obeyed: leave at once. */
static void on_second_signal(int signal_number)
{
    if (!signalled) {
        signalled = 1; /* the clients were done: this is the first one */
        return;
    }
    listener_remove(&listener);
    _exit(128 + signal_number);
}

static void watch_for_second_signal(void)
{
    sigset_t set = awaited();
    sigdelset(&set, SIGUSR1);
    for (int n = 1; n < NSIG; n++)
        if (sigismember(&set, n) == 1)
            sigaction(n,
                      &(struct sigaction){.sa_handler = on_second_signal,
                                          .sa_flags = SA_RESTART},
                      NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Something that may end the program has changed: wake the conductor. */
static void wake_conductor(void)
{
    kill(getpid(), SIGUSR1); /* blocked everywhere: sigwait(3) gets it */
}

/* --- running ------------------------------------------------------------- */

struct run {
    const struct options *options;
    struct client *clients;    /* NULL: none */
    int started;               /* client threads */
    struct scenario *scenario; /* NULL: none */
};

static void client_done(void)
{
    if (atomic_fetch_sub(&clients_left, 1) == 1)
        wake_conductor();
}

static void start_clients(struct run *run)
{
    const struct options *const o = run->options;
    atomic_fetch_add(&clients_left,
                     1); /* mine: not to reach 0 before all run */
    for (int i = 0; i < o->clients; i++) {
        struct client *const client = &run->clients[i];
        *client = (struct client){.number = i + 1,
                                  .path = listener.path,
                                  .messages = o->messages,
                                  .size = o->size,
                                  .interval_ms = o->interval_ms,
                                  .delay_ms = i * o->stagger_ms,
                                  .done = client_done,
                                  .protocol = spoken};
        atomic_fetch_add(&clients_left, 1);
        const int error = client_start(client);
        if (error != 0) {
            atomic_fetch_sub(&clients_left, 1);
            complain("only %d of %d client threads could be started: %s (%s); "
                     "ask for fewer with --clients",
                     i, o->clients, strerrorname_np(error), strerror(error));
            failed = true;
            break;
        }
        run->started++;
    }
    client_go();
    client_done();
}

/* The thread that plays the scenario. */
static void *play(void *argument)
{
    struct run *const run = argument;
    struct scenario_problem problem;
    trace_thread("player", 0);
    if (scenario_play(run->scenario, listener.path, &problem) < 0) {
        complain("%s", problem.text);
        failed = true;
    }
    client_done();
    return NULL;
}

static bool start_player(struct run *run, pthread_t *player)
{
    clients_left = 1; /* the player stands for all of them */
    const int error = pthread_create(player, NULL, play, run);
    if (error == 0)
        return true;
    complain("no thread to play the scenario: %s (%s)", strerrorname_np(error),
             strerror(error));
    failed = true;
    client_done();
    return false;
}

/* Start the clients, wait for whatever ends the program, end it. */
static void *conduct(void *argument)
{
    struct run *const run = argument;
    const sigset_t set = awaited();
    int signal_number;

    trace_thread("demo", 0);
    if (!run->options->connect)
        trace_await_idle(REST_MS);
    if (run->clients != NULL)
        start_clients(run);
    pthread_t player;
    const bool plays = run->scenario != NULL && start_player(run, &player);
    do
        sigwait(&set, &signal_number);
    while (signal_number == SIGUSR1 && !server_ended && trace_error() == 0 &&
           (run->options->serve || clients_left > 0));

    signalled = signal_number != SIGUSR1;
    watch_for_second_signal();
    if (signal_number == SIGUSR1 && !run->options->connect)
        trace_await_idle(REST_MS);
    client_expect_end();
    if (plays)
        scenario_stop();
    trace_stop(listener.fd);
    if (run->clients != NULL)
        client_stop(run->clients, run->started);
    if (plays)
        pthread_join(player, NULL);
    for (int i = 0; i < run->started; i++)
        client_join(&run->clients[i]);

    /* Stay until the server has ended: a second signal comes to this thread. */
    sigset_t woken;
    sigemptyset(&woken);
    sigaddset(&woken, SIGUSR1);
    while (!run->options->connect && !server_ended)
        sigwait(&woken, &signal_number);
    return NULL;
}

/* The server, in this thread, between its conductor's start and end. */
static void run_server(struct run *run, int (*serve)(int listen_fd))
{
    pthread_t conductor;
    const int error = pthread_create(&conductor, NULL, conduct, run);
    if (error != 0) {
        complain("the server cannot start a thread: %s (%s)",
                 strerrorname_np(error), strerror(error));
        failed = true;
        return;
    }
    if (serve(listener.fd) < 0) {
        complain("the server cannot serve: %s (%s)", strerrorname_np(errno),
                 strerror(errno));
        failed = true;
    } else if (!demo_stopping()) {
        complain("the server has ended by itself");
        failed = true;
    }
    server_ended = true;
    trace_server_ended();
    wake_conductor();
    pthread_join(conductor, NULL);
}

/* What the clients say at the end; add up their messages. */
static void report(const struct run *run, long *sent, long *echoed)
{
    for (int i = 0; i < run->started; i++) {
        *sent += run->clients[i].sent;
        *echoed += run->clients[i].echoed;
        if (run->clients[i].problem[0] != '\0') {
            complain("%s", run->clients[i].problem);
            failed = true;
        }
    }
}

/* The descriptor for the JSON trace, or -1 with the sentence said. */
static int open_json(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        usage("cannot write --json '%s': %s (%s)", path, strerrorname_np(errno),
              strerror(errno));
        return -1;
    }
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    getrlimit(RLIMIT_NOFILE, &limit);
    const int least =
        limit.rlim_cur > JSON_FD ? JSON_FD : (int)limit.rlim_cur - 1;
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, least);
    if (high < 0)
        usage("no descriptor for --json '%s': %s (%s); allow more with "
              "'ulimit -n'",
              path, strerrorname_np(errno), strerror(errno));
    close(fd);
    return high;
}

/* The scenario, or NULL with the sentence said. */
static struct scenario *read_scenario(const char *path)
{
    struct scenario_problem problem;
    struct scenario *const scenario = scenario_read(path, &problem);
    if (scenario == NULL)
        complain("%s", problem.text);
    return scenario;
}

/* Listen where the options say. Returns -1 to go on, or the exit status. */
static int listen_for(const struct options *o)
{
    struct listener_error problem;
    if (listener_open(o->path, &listener, &problem) == 0)
        return -1;
    complain("%s", problem.text);
    return problem.in_use || o->path == NULL ? FAILED : USAGE;
}

static void say_ready(void)
{
    char line[sizeof(listener.path) + 16];
    snprintf(line, sizeof(line), "ready: %s\n", listener.path);
    trace_print(line);
}

static void summarize_clients(int clients, long sent, long echoed)
{
    char text[200];
    snprintf(text, sizeof(text),
             "\nsummary of %s --connect\n"
             "  clients      %d\n"
             "  messages     %ld sent, %ld %s\n",
             program, clients, sent, echoed, what_is_done());
    trace_print(text);
}

/* Returns -1 if the limit of descriptors lets so many clients run, or FAILED.
 */
static int check_descriptors(const struct options *o)
{
    enum { OTHERS = 16 }; /* the standard ones, the sockets, the trace, ... */
    const long each = o->connect ? 1 : 2; /* both ends are in this process */
    const long needed = o->clients * each + OTHERS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur >= (rlim_t)needed)
        return -1;
    complain("%d clients need %ld descriptors, the limit is %lu: raise it "
             "with 'ulimit -n %ld', or ask for fewer with --clients",
             o->clients, needed, (unsigned long)limit.rlim_cur, needed);
    return FAILED;
}

static int run_all(const struct options *o, struct scenario *scenario,
                   int (*serve)(int listen_fd))
{
    struct run run = {.options = o, .scenario = scenario};
    int status = -1;

    if (o->scenario == NULL && !o->serve) {
        status = check_descriptors(o);
        if (status >= 0)
            return status;
        run.clients = calloc((size_t)o->clients, sizeof(*run.clients));
        if (run.clients == NULL) {
            complain("no memory for %d clients", o->clients);
            return FAILED;
        }
    }
    if (o->connect) {
        snprintf(listener.path, sizeof(listener.path), "%s", o->path);
        conduct(&run);
    } else {
        trace_thread("server", 0);
        status = listen_for(o);
        if (status < 0) {
            if (o->serve)
                say_ready();
            run_server(&run, serve);
            /* In this order: a name without a server would be stale, and
             * its next owner's file not to be told from ours. */
            listener_remove(&listener);
            close(listener.fd);
        }
    }
    if (status < 0) {
        long sent = 0, echoed = 0;
        report(&run, &sent, &echoed);
        if (o->connect)
            summarize_clients(run.started, sent, echoed);
        else if (o->scenario != NULL)
            trace_summary(run.scenario->sends, -1);
        else if (!o->serve)
            trace_summary(sent, echoed);
        else if (!o->quiet)
            trace_summary(-1, -1);
        status = failed ? FAILED : OK;
    }
    free(run.clients);
    return status;
}

/*
 * If standard output is closed, the next socket would take its number, and
 * the trace would be sent to it. /dev/null, open for reading, takes it.
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

/* The program's name for sentences and JSON, if it is one that fits there. */
static void name_program(const char *path)
{
    static const char usual[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *const slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *const name = slash != NULL ? slash + 1 : path;
    if (name != NULL && strspn(name, usual) == strlen(name) &&
        strlen(name) < 64)
        program = name;
}

int demo_main(int argc, char **argv, int (*serve)(int listen_fd))
{
    return demo_main_with(argc, argv, serve, NULL, 0);
}

int demo_main_with(int argc, char **argv, int (*serve)(int listen_fd),
                   const struct demo_option *options, size_t count)
{
    own = options;
    own_count = count;
    assert(count <= MOST_OWN);
    struct options o = {.clients = 3, .messages = 5, .interval_ms = 100};
    name_program(argv[0]);
    keep_standard_descriptors();
    int status = parse_options(argc, argv, &o);
    if (status >= 0)
        return status;

    struct scenario *scenario = NULL;
    if (o.scenario != NULL && (scenario = read_scenario(o.scenario)) == NULL)
        return USAGE;
    const int json_fd = o.json != NULL ? open_json(o.json) : -1;
    if (o.json != NULL && json_fd < 0) {
        scenario_free(scenario);
        return USAGE;
    }
    listener_open_reserve();
    block_signals();
    trace_start(&(struct trace_options){.program = program,
                                        .done = what_is_done(),
                                        .quiet = o.quiet,
                                        .json_fd = json_fd,
                                        .failed = wake_conductor});
    status = run_all(&o, scenario, serve);
    scenario_free(scenario);
    if (trace_error() != 0) {
        complain("the trace could not be written: %s (%s)",
                 strerrorname_np(trace_error()), strerror(trace_error()));
        status = FAILED;
    }
    if (json_fd >= 0 && close(json_fd) < 0) {
        complain("the JSON trace could not be written: %s (%s)",
                 strerrorname_np(errno), strerror(errno));
        status = FAILED;
    }
    trace_end();
    return status;
}
