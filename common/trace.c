/*
 * trace.c - the vocabulary of the trace: one function for each event.
 *
 * Each function counts the call, informs the observers and hands the event to
 * the sinks. What a thread needs for this is in its own struct thread, so the
 * counters need no lock.
 */
#include "trace.h"
#include "trace_counts.h"
#include "trace_format.h"
#include "trace_sink.h"
#include "trace_thread.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>

struct trace_hooks trace_hooks;
static bool active; /* events matter to a sink or an observer */

static atomic_ulong timers;

static int name_of(int fd)
{
    return fd >= 0 && trace_hooks.name != NULL ? trace_hooks.name(fd) : 0;
}

void trace_thread_for(int client_fd)
{
    trace_thread(TRACE_THREAD, name_of(client_fd));
}

void trace_source(const char *file, int line)
{
    struct thread *thread = current_thread();
    thread->source = strlen(file) <= SOURCE_SIZE ? file : NULL;
    thread->source_line = line;
}

/* --- lines --------------------------------------------------------------- */

/*
 * Returns true if an event repeats a line of this thread, with none but
 * repeated lines in between.
 */
static bool is_repeated(const struct trace_event *e, struct thread *thread)
{
    bool repeated = false;
    if (e->kind == EVENT_AGAIN) {
        repeated = thread->again_printed;
        thread->again_printed = true;
    } else if (e->kind == EVENT_ERROR) {
        repeated = thread->error_call != NULL &&
                   thread->error_printed == e->error &&
                   strcmp(thread->error_call, e->call) == 0;
        thread->error_call = e->call;
        thread->error_printed = e->error;
    } else {
        thread->again_printed = false;
        thread->error_call = NULL;
    }
    return repeated;
}

/* Returns true if a wait also hands over what the thread asks for. A hold then
 * stops the thread after the call. */
static bool hands_over(const char *call)
{
    return strcmp(call, "io_uring_enter") == 0;
}

/* Completes an event and passes it on. Every line goes through here. Callers
 * check first whether the trace is active, so that it costs little if not. */
static void emit(const char *src, struct trace_event *e)
{
    struct thread *thread = current_thread();
    bool server = thread_is_server(thread);
    bool behind = thread->waiting != NULL && hands_over(thread->waiting);
    bool begins_wait = e->kind == EVENT_WAIT;
    int saved_errno = errno;
    if (is_repeated(e, thread)) {
        thread->omitted += e->kind == EVENT_AGAIN;
        return;
    }
    if (server && trace_hooks.line != NULL)
        trace_hooks.line(begins_wait,
                         begins_wait ? !hands_over(e->call) : behind);
    if (sink_is_open()) {
        e->who = thread->label;
        e->client = thread->role == TRACE_CLIENT ? thread->number : 0;
        e->server = server;
        e->tid = thread->tid;
        e->name = server ? name_of(e->fd) : 0;
        e->src = src;
        e->source = thread->source;
        e->source_line = thread->source_line;
        e->waiting = thread->waiting;
        e->omitted = thread->omitted;
        sink_write(e);
    }
    if (server && trace_hooks.printed != NULL)
        trace_hooks.printed();
    thread->waiting = e->kind == EVENT_WAIT ? e->call : NULL;
    thread->omitted = 0;
    errno = saved_errno;
}

/* Emits an event that consists of a word and a descriptor or -1. */
static void emit_simple(const char *src, enum event_kind kind, const char *call,
                        int fd)
{
    if (active)
        emit(src, &(struct trace_event){.kind = kind, .call = call, .fd = fd});
}

/* Counts a failed call. Returns the kind of its event. */
static enum event_kind count_failure(struct thread *thread)
{
    if (errno == EAGAIN) {
        thread->counts.again++;
        return EVENT_AGAIN;
    }
    return EVENT_ERROR;
}

/* Counts a failed call and emits it. */
static void emit_failure(const char *src, const char *call, int fd)
{
    enum event_kind kind = count_failure(current_thread());
    if (active)
        emit(src, &(struct trace_event){
                      .kind = kind, .call = call, .fd = fd, .error = errno});
}

/* --- events of a server -------------------------------------------------- */

void trace_listen_at(const char *src, int fd, int result)
{
    if (active)
        emit(src, &(struct trace_event){.kind = result < 0 ? EVENT_ERROR
                                                           : EVENT_LISTEN,
                                        .call = "listen",
                                        .fd = fd,
                                        .error = result < 0 ? errno : 0});
}

void trace_wait_at(const char *src, const char *call)
{
    emit_simple(src, EVENT_WAIT, call, -1);
    if (trace_hooks.wait != NULL)
        trace_hooks.wait(true);
}

void trace_woke_at(const char *src, const char *call, int num)
{
    struct thread *thread = current_thread();
    thread->counts.waits++;
    thread->counts.wait_call = call;
    if (trace_hooks.wait != NULL)
        trace_hooks.wait(false);
    enum event_kind kind = num < 0 ? count_failure(thread) : EVENT_WOKE;
    if (active)
        emit(src, &(struct trace_event){.kind = kind,
                                        .call = call,
                                        .fd = -1,
                                        .error = num < 0 ? errno : 0,
                                        .num = num});
}

void trace_ready_at(const char *src, int fd, uint32_t events)
{
    if (active)
        emit(src, &(struct trace_event){.kind = EVENT_READY,
                                        .call = "ready",
                                        .fd = fd,
                                        .events = events});
}

void trace_submit_at(const char *src, const char *op, int fd)
{
    current_thread()->counts.requests++;
    if (active)
        emit(src,
             &(struct trace_event){
                 .kind = EVENT_SUBMIT, .call = "submit", .fd = fd, .op = op});
}

void trace_accept_at(const char *src, int fd)
{
    struct thread *thread = current_thread();
    int saved_errno = errno;
    thread->counts.accept++;
    if (fd < 0) {
        emit_failure(src, "accept", fd);
        return;
    }
    thread->counts.accepted++;
    thread->busy = true;
    if (trace_hooks.opened != NULL)
        trace_hooks.opened(fd);
    errno = saved_errno;
    emit_simple(src, EVENT_ACCEPT, "accept", fd);
}

void trace_refused_at(const char *src, int fd, const char *why)
{
    current_thread()->counts.refused++;
    if (active)
        emit(src, &(struct trace_event){.kind = EVENT_REFUSED,
                                        .call = "refuse",
                                        .fd = fd,
                                        .remark = why});
    if (trace_hooks.closing != NULL)
        trace_hooks.closing(fd);
}

void trace_recv_at(const char *src, int fd, const void *buffer, size_t room,
                   ssize_t n)
{
    struct thread *thread = current_thread();
    enum event_kind kind = EVENT_RECV;
    char text[ESCAPED_SIZE];

    thread->counts.recv++;
    if (n < 0) {
        kind = count_failure(thread);
    } else if (n == 0) {
        kind = EVENT_END_OF_FILE;
    } else {
        thread->counts.chunks++;
        thread->counts.bytes_in += (size_t)n;
    }
    if (kind != EVENT_AGAIN)
        thread->busy = true;
    if (!active)
        return;
    emit(src, &(struct trace_event){
                  .kind = kind,
                  .call = "recv",
                  .fd = fd,
                  .error = n < 0 ? errno : 0,
                  .bytes = n,
                  .room = thread_is_server(thread) ? room : 0,
                  .msg = n > 0 ? escape(buffer, (size_t)n, text) : NULL});
}

void trace_send_at(const char *src, int fd, size_t size, ssize_t n)
{
    struct thread *thread = current_thread();
    enum event_kind kind = EVENT_SEND;

    thread->counts.send++;
    if (n < 0)
        kind = count_failure(thread);
    else
        thread->counts.bytes_out += (size_t)n;
    if (active)
        emit(src, &(struct trace_event){.kind = kind,
                                        .call = "send",
                                        .fd = fd,
                                        .error = n < 0 ? errno : 0,
                                        .bytes = n,
                                        .size = n < 0 ? 0 : size});
}

static void emit_ctl(const char *src, int op, int fd, uint32_t events,
                     int error)
{
    static const char *const ops[] = {[EPOLL_CTL_ADD] = "ADD",
                                      [EPOLL_CTL_DEL] = "DEL",
                                      [EPOLL_CTL_MOD] = "MOD"};
    current_thread()->counts.ctl++;
    if (active)
        emit(src, &(struct trace_event){.kind = EVENT_CTL,
                                        .call = "epoll_ctl",
                                        .fd = fd,
                                        .error = error,
                                        .op = ops[op],
                                        .events = events});
}

void trace_ctl_at(const char *src, int op, int fd, uint32_t events, int result)
{
    emit_ctl(src, op, fd, events, result < 0 ? errno : 0);
}

void trace_arming_at(const char *src, int op, int fd, uint32_t events)
{
    emit_ctl(src, op, fd, events, 0);
}

void trace_close_at(const char *src, int fd)
{
    struct thread *thread = current_thread();
    thread->counts.closed++;
    emit_simple(src, EVENT_CLOSE, "close", fd);
    if (thread_is_server(thread) && trace_hooks.closing != NULL)
        trace_hooks.closing(fd);
}

void trace_timer_at(const char *src)
{
    emit_simple(src, EVENT_TIMER, "timer", -1);
    timers++;
}

void trace_note_at(const char *src, const char *text)
{
    if (active)
        emit(src,
             &(struct trace_event){
                 .kind = EVENT_NOTE, .call = "note", .fd = -1, .remark = text});
}

void trace_scan(void)
{
    struct thread *thread = current_thread();
    bool busy = thread->busy;
    thread->counts.scans++;
    if (!busy)
        thread->counts.empty_scans++;
    thread->busy = false;
    if (trace_hooks.scan != NULL)
        trace_hooks.scan(busy);
}

/* --- events of a client -------------------------------------------------- */

void trace_connect_at(const char *src, int fd)
{
    emit_simple(src, EVENT_CONNECT, "connect", fd);
}

void trace_sending_at(const char *src, int fd, const void *bytes, size_t n)
{
    char text[ESCAPED_SIZE];
    if (active)
        emit(src, &(struct trace_event){.kind = EVENT_SEND,
                                        .call = "send",
                                        .fd = fd,
                                        .bytes = (ssize_t)n,
                                        .size = n,
                                        .msg = escape(bytes, n, text)});
}

void trace_shutdown_at(const char *src, int fd)
{
    emit_simple(src, EVENT_SHUTDOWN, "shutdown", fd);
}

void trace_short_at(const char *src, int fd, size_t size, size_t sent)
{
    if (active)
        emit(src, &(struct trace_event){.kind = EVENT_AGAIN,
                                        .call = "send",
                                        .fd = fd,
                                        .error = EAGAIN,
                                        .bytes = (ssize_t)sent,
                                        .size = size});
}

void trace_failed_at(const char *src, const char *call, int fd)
{
    emit_failure(src, call, fd);
}

/* --- start and end ------------------------------------------------------- */

void trace_start(const struct trace_options *options)
{
    sink_open(options);
    active = sink_is_open() || trace_hooks.line != NULL;
}

unsigned long trace_timers(void)
{
    return timers;
}

void trace_summary(long sent, long echoed)
{
    struct trace_counts sum = thread_counts();
    struct line text, json;
    sink_stop(); /* first, because the JSON of the summary has its time */
    summary_text(&sum, sent, echoed, &text);
    summary_json(&sum, sent, &json);
    sink_summary(&text, &json);
}

void trace_end(void)
{
    sink_close();
    active = false;
    trace_hooks = (struct trace_hooks){0};
}
