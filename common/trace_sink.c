/*
 * trace_sink.c - writes lines to standard output, to the JSON file and into the
 * ring.
 *
 * There is one write(2) per line, because stdio would buffer lines, which a
 * crash then loses, and dprintf(3) makes three system calls for one line (glibc
 * 2.36).
 */
#include "trace_sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT = 64 }; /* lines in the ring */

static struct trace_options options = {.quiet = true, .json_fd = -1};
static bool is_open; /* set before other threads exist */
static bool colour;

/* Guards the order of lines in the sinks, and the ring. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool keeping;
static struct line kept[KEPT]; /* line i is in kept[i % KEPT] */
static size_t kept_lines;

static atomic_int first_error;     /* errno of a failed write, or 0 */
static atomic_bool stop_announced; /* and "stop" is not written yet */

/* Set while this thread writes, so that on_sigpipe() can tell. */
static _Thread_local volatile sig_atomic_t writing;

/*
 * For the sockets, SIGPIPE keeps its meaning: it ends a stage that forgets
 * MSG_NOSIGNAL. Only a write(2) of the trace, for example to a pipe that
 * "head -1" has closed, fails with EPIPE instead.
 */
static void on_sigpipe(int signal_number)
{
    if (writing)
        return;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Writes all bytes, unless a write fails. Reports the first failure. */
static void write_all(int fd, const char *bytes, size_t size)
{
    writing = 1;
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n >= 0) {
            bytes += n;
            size -= (size_t)n;
        } else if (errno == EAGAIN) {
            /* Another process has set O_NONBLOCK on this terminal or pipe. */
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            int none = 0;
            if (atomic_compare_exchange_strong(&first_error, &none, errno) &&
                options.failed != NULL)
                options.failed();
            break;
        }
    }
    writing = 0;
}

/* Writes an event to each sink. The lock is held. */
static void write_event(const struct trace_event *event)
{
    struct line line;
    if (!options.quiet) {
        format_text(event, colour, &line);
        write_all(STDOUT_FILENO, line.text, line.used);
    }
    if (options.json_fd >= 0) {
        format_json(event, &line);
        write_all(options.json_fd, line.text, line.used);
    }
    if (keeping)
        format_text(event, false, &kept[kept_lines++ % KEPT]);
}

/* Writes the line "stop" if it was announced. The lock is held. */
static void write_stop(void)
{
    if (is_open && atomic_exchange(&stop_announced, false))
        write_event(&(struct trace_event){.kind = EVENT_STOP,
                                          .call = "stop",
                                          .fd = -1,
                                          .who = "[demo]",
                                          .tid = gettid(),
                                          .src = TRACE_HERE});
}

void sink_write(const struct trace_event *event)
{
    pthread_mutex_lock(&lock);
    if (stop_announced)
        write_stop();
    write_event(event);
    pthread_mutex_unlock(&lock);
}

void sink_thread_name(pid_t tid, const char *label)
{
    char line[LINE_SIZE];
    if (options.json_fd < 0)
        return;
    int n =
        snprintf(line, sizeof(line),
                 "{\"name\":\"thread_name\",\"cat\":\"__metadata\","
                 "\"ph\":\"M\",\"ts\":0,\"pid\":%d,\"tid\":%d,"
                 "\"args\":{\"name\":\"%.*s\"}}\n",
                 (int)getpid(), (int)tid, (int)strlen(label) - 2, label + 1);
    pthread_mutex_lock(&lock);
    write_all(options.json_fd, line, (size_t)n);
    pthread_mutex_unlock(&lock);
}

/* Writes which program this is, and how it was called. Very long words are left
 * out. */
static void write_process(void)
{
    struct line line = {0};
    append(&line,
           "{\"name\":\"process_name\",\"cat\":\"__metadata\",\"ph\":\"M\","
           "\"ts\":0,\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\","
           "\"version\":\"%s\",\"done\":\"%s\"",
           (int)getpid(), (int)gettid(), options.program, IOMUX_VERSION,
           options.done);
    if (options.scenario != NULL && strlen(options.scenario) <= SOURCE_SIZE) {
        append(&line, ",\"scenario\":\"");
        append_json(&line, options.scenario);
        append(&line, "\"");
    }
    append(&line, ",\"options\":[");
    const char *separator = "\"";
    for (char **word = options.argv; word != NULL && *word != NULL; word++) {
        /* A character has at most six bytes. */
        if (line.used + 6 * strlen(*word) + 8 > LINE_SIZE)
            continue;
        append(&line, "%s", separator);
        append_json(&line, *word);
        append(&line, "\"");
        separator = ",\"";
    }
    append(&line, "]}}\n");
    write_all(options.json_fd, line.text, line.used);
}

void sink_state(const char *fields)
{
    char start[200];
    int n = snprintf(start, sizeof(start),
                     "{\"name\":\"state\",\"cat\":\"state\",\"ph\":\"i\","
                     "\"s\":\"p\",\"ts\":%lld,\"pid\":%d,\"tid\":%d,"
                     "\"args\":{",
                     now_us(), (int)getpid(), (int)gettid());
    pthread_mutex_lock(&lock);
    if (options.json_fd >= 0) {
        write_all(options.json_fd, start, (size_t)n);
        write_all(options.json_fd, fields, strlen(fields));
        write_all(options.json_fd, "}}\n", 3);
    }
    pthread_mutex_unlock(&lock);
}

void sink_stop(void)
{
    pthread_mutex_lock(&lock);
    write_stop();
    pthread_mutex_unlock(&lock);
}

void sink_summary(const struct line *text, const struct line *json)
{
    pthread_mutex_lock(&lock);
    write_stop();
    if (!options.silent)
        write_all(STDOUT_FILENO, text->text, text->used);
    if (options.json_fd >= 0)
        write_all(options.json_fd, json->text, json->used);
    pthread_mutex_unlock(&lock);
}

void sink_open(const struct trace_options *new_options)
{
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org */
    const char *term = getenv("TERM");
    options = *new_options;
    is_open = !options.quiet || options.json_fd >= 0 || keeping;
    colour = isatty(STDOUT_FILENO) &&
             (no_colour == NULL || *no_colour == '\0') &&
             (term == NULL || strcmp(term, "dumb") != 0);
    signal(SIGXFSZ, SIG_IGN); /* so that "ulimit -f" is an error of write(2) */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = on_sigpipe}, NULL);
    if (options.json_fd >= 0)
        write_process();
}

void sink_close(void)
{
    options = (struct trace_options){.quiet = true, .json_fd = -1};
    is_open = false;
}

bool sink_is_open(void)
{
    return is_open;
}

const struct trace_options *sink_options(void)
{
    return &options;
}

/* --- for the users of trace.h -------------------------------------------- */

int trace_error(void)
{
    return first_error;
}

void trace_announce_stop(void)
{
    stop_announced = true;
}

void trace_keep(void)
{
    keeping = true;
}

char *trace_last(void)
{
    char *text = malloc(sizeof(kept));
    if (text == NULL)
        return NULL;
    char *end = text;
    *end = '\0';
    pthread_mutex_lock(&lock);
    size_t first = kept_lines > KEPT ? kept_lines - KEPT : 0;
    for (size_t i = first; i < kept_lines; i++)
        end = stpcpy(end, kept[i % KEPT].text);
    pthread_mutex_unlock(&lock);
    return text;
}

void trace_print(const char *text)
{
    if (options.silent)
        return;
    pthread_mutex_lock(&lock);
    write_all(STDOUT_FILENO, text, strlen(text));
    pthread_mutex_unlock(&lock);
}

void trace_complain(const char *text)
{
    writing = 1; /* so that SIGPIPE does not end the program */
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        /* There is no other place to report it. */
    }
    writing = 0;
}

const char *trace_errno(int error)
{
    static _Thread_local char text[128];
    const char *name = strerrorname_np(error);
    snprintf(text, sizeof(text), "%s (%s)", name != NULL ? name : "unknown",
             strerror(error));
    return text;
}
