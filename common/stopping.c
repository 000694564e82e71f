/*
 * stopping.c - signal handlers. What they call is on the list of
 * signal-safety(7).
 */
#include "stopping.h"
#include "client.h"
#include "connections.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* After a signal, the program ends or closes a connection within this time. */
enum { LIMIT_S = 5 };

static pthread_t main_thread;
static atomic_int stop_signal;       /* the first one, or 0 */
static atomic_int still_open;        /* connections at the last alarm */
static atomic_int listen_fd = -1;    /* of the listener, or -1 */
static const struct listener *files; /* set before signals are handled */
static atomic_bool stop_requested;   /* stop_request() was called */
static atomic_bool scripted;         /* the next SIGTERM is of a scenario */
static atomic_long drain_ms;         /* of stop_drain(), or 0 */
static atomic_bool draining;         /* the connections are still open */
static pid_t child;                  /* of stop_continue_in_child() */

void stop_drain(long ms)
{
    drain_ms = ms;
}

/* Async-signal-safe: setitimer(2) is behind alarm(2). */
static void stop_server(void)
{
    struct itimerval timer = {.it_value = {.tv_sec = drain_ms / 1000,
                                           .tv_usec = drain_ms % 1000 * 1000}};
    connections_stop(listen_fd);
    if (drain_ms == 0) {
        connections_shut_down();
        return;
    }
    draining = true;
    setitimer(ITIMER_REAL, &timer, NULL);
}

void stop_now(void)
{
    client_stop();
    stop_server();
}

void stop_request(void)
{
    stop_requested = true;
    pthread_kill(main_thread, SIGUSR1);
}

void stop_by_scenario(void)
{
    scripted = true;
    pthread_kill(main_thread, SIGTERM);
}

void stop_set_listener(const struct listener *listener)
{
    listen_fd = listener != NULL ? listener->fd : -1;
    if (listener != NULL && connections_stopping())
        connections_stop(listener->fd); /* the signal came first */
}

/* Ends the process by a signal. Async-signal-safe. */
static void end_by(int signal_number)
{
    sigset_t set;
    if (files != NULL)
        listener_remove(files);
    signal(signal_number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(signal_number);
}

void stop_end_by_signal(void)
{
    if (stop_signal != 0)
        end_by(stop_signal);
}

/* --- handlers ------------------------------------------------------------ */

static void on_stop_signal(int signal_number)
{
    int saved_errno = errno;
    if (signal_number == SIGTERM && atomic_exchange(&scripted, false)) {
        stop_server();
        errno = saved_errno;
        return;
    }
    if (stop_signal != 0)
        end_by(signal_number);
    stop_signal = signal_number;
    still_open = connections_count();
    alarm(LIMIT_S); /* a write of the trace to a full pipe may block */
    stop_now();     /* replaces the alarm if the connections stay open */
    errno = saved_errno;
}

/* Shuts down the connections if their time to end is over. Otherwise ends the
 * process, unless it is only slow: 1,500 threads take their time. */
static void on_alarm(int signal_number)
{
    if (atomic_exchange(&draining, false)) {
        int saved_errno = errno;
        connections_shut_down();
        still_open = connections_count();
        if (stop_signal != 0)
            alarm(LIMIT_S);
        errno = saved_errno;
        return;
    }
    int count = connections_count();
    if (count < still_open) {
        still_open = count;
        alarm(LIMIT_S);
        return;
    }
    end_by(stop_signal != 0 ? stop_signal : signal_number);
}

/* SIGUSR1: stop_request(). From another process it has no meaning. */
static void on_request(int signal_number)
{
    int saved_errno = errno;
    (void)signal_number;
    if (stop_requested) {
        stop_now();
        connections_shut_down();
    }
    errno = saved_errno;
}

static void handle(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART */
    sigaction(signal_number, &action, NULL);
}

static sigset_t handled_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaddset(&set, signals[i]);
    return set;
}

/*
 * The parent may have blocked or ignored the signals: a shell script starts its
 * background jobs with SIGINT ignored. The program must stop all the same. Only
 * an ignored SIGHUP stays ignored, because that is what nohup(1) is for.
 */
static void handle_stop_signals(void (*handler)(int))
{
    struct sigaction hup;
    handle(SIGINT, handler);
    handle(SIGTERM, handler);
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
        handle(SIGHUP, handler);
}

void stop_handle_signals(const struct listener *listener)
{
    sigset_t set = handled_signals();
    main_thread = pthread_self();
    files = listener;
    handle_stop_signals(on_stop_signal);
    handle(SIGALRM, on_alarm);
    handle(SIGUSR1, on_request);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void stop_default_signals(void)
{
    sigset_t set = handled_signals();
    handle_stop_signals(SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void stop_block_signals(sigset_t *before)
{
    sigset_t set = handled_signals();
    pthread_sigmask(SIG_BLOCK, &set, before);
}

void stop_restore_signals(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* --- a process that waits ------------------------------------------------ */

/* A signal of the terminal has reached the child, too. */
static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code != SI_KERNEL)
        kill(child, signal_number);
}

/* In the parent: waits for the child and ends as it has ended. */
static void wait_for_child(const sigset_t *before)
{
    static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO};
    int status = 0;
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        sigaction(passed_on[i], &action, NULL);
    stop_restore_signals(before);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        end_by(WTERMSIG(status));
    _exit(WEXITSTATUS(status));
}

int stop_continue_in_child(void)
{
    sigset_t before;
    pid_t parent = getpid();
    stop_block_signals(&before); /* until the handlers know the child */
    signal(SIGCHLD, SIG_DFL);    /* ignored, waitpid(2) would lose the status */
    child = fork();
    if (child > 0)
        wait_for_child(&before);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* the parent may be killed */
        if (getppid() != parent)
            raise(SIGTERM);
    }
    stop_restore_signals(&before);
    return (int)child;
}
