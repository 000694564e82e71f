/*
 * trace_format.c - an event as text for people and as JSON for tools.
 */
#include "trace_format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static const char *const kind_names[] = {
    [EVENT_LISTEN] = "listen",   [EVENT_WAIT] = "wait",
    [EVENT_WOKE] = "woke",       [EVENT_READY] = "ready",
    [EVENT_SUBMIT] = "submit",   [EVENT_ACCEPT] = "accept",
    [EVENT_REFUSED] = "refused", [EVENT_RECV] = "recv",
    [EVENT_SEND] = "send",       [EVENT_END_OF_FILE] = "eof",
    [EVENT_AGAIN] = "again",     [EVENT_CTL] = "ctl",
    [EVENT_CLOSE] = "close",     [EVENT_ERROR] = "error",
    [EVENT_CONNECT] = "connect", [EVENT_SHUTDOWN] = "shutdown",
    [EVENT_STOP] = "stop",       [EVENT_TIMER] = "timer",
    [EVENT_NOTE] = "note"};

void append(struct line *line, const char *format, ...)
{
    size_t room = LINE_SIZE - line->used; /* with the final '\0' */
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line->text + line->used, room, format, arguments);
    va_end(arguments);
    if (n > 0)
        line->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* Appends n bytes, or as many as fit. */
static void put_bytes(struct line *line, const char *bytes, size_t n)
{
    size_t room = LINE_SIZE - 1 - line->used;
    if (n > room)
        n = room;
    memcpy(line->text + line->used, bytes, n);
    line->used += n;
    line->text[line->used] = '\0';
}

/* Appends a text. Text and numbers are most of a line, and vsnprintf(3) for
 * each of them took longer than the write(2) of the whole line. */
static void put(struct line *line, const char *text)
{
    put_bytes(line, text, strlen(text));
}

static void put_number(struct line *line, long number)
{
    char digits[3 * sizeof(number) + 1];
    char *first = digits + sizeof(digits);
    unsigned long value =
        number < 0 ? -(unsigned long)number : (unsigned long)number;
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    if (number < 0)
        *--first = '-';
    put_bytes(line, first, (size_t)(digits + sizeof(digits) - first));
}

void append_flags(struct line *line, uint32_t events)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } bits[] = {{EPOLLIN, "IN"},           {EPOLLPRI, "PRI"},
                {EPOLLOUT, "OUT"},         {EPOLLERR, "ERR"},
                {EPOLLHUP, "HUP"},         {0x020, "NVAL"}, /* poll only */
                {EPOLLRDHUP, "RDHUP"},     {EPOLLEXCLUSIVE, "EXCLUSIVE"},
                {EPOLLONESHOT, "ONESHOT"}, {EPOLLET, "ET"}};
    const char *separator = "";
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if ((events & bits[i].bit) == 0)
            continue;
        put(line, separator);
        put(line, bits[i].name);
        separator = "|";
        events &= ~bits[i].bit;
    }
    if (events != 0 || *separator == '\0')
        append(line, "%s%#x", separator, events);
}

const char *escape(const void *bytes, size_t n, char *text)
{
    static const char letters[] = "abtnvfr"; /* \a is 7, \r is 13 */
    static const char digits[] = "0123456789abcdef";
    char *end = text;
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        unsigned char c = ((const unsigned char *)bytes)[i];
        if (c < ' ' || c > '~' || c == '\\')
            *end++ = '\\';
        if (c >= ' ' && c <= '~') {
            *end++ = (char)c;
        } else if (c >= 7 && c <= 13) {
            *end++ = letters[c - 7];
        } else {
            *end++ = 'x';
            *end++ = digits[c / 16];
            *end++ = digits[c % 16];
        }
    }
    *end = '\0';
    if (n > SHOWN)
        sprintf(end, "... (+%zu)", n - SHOWN);
    return text;
}

/* Appends "clientfd:6 (c1)" with that label, or "fd:3" if it has no name. */
static void put_fd(struct line *line, const char *label,
                   const struct trace_event *e)
{
    put(line, e->name != 0 ? label : "fd");
    put(line, ":");
    put_number(line, e->fd);
    if (e->name == 0)
        return;
    put(line, e->name > 0 ? " (c" : " (x");
    put_number(line, labs(e->name));
    put(line, ")");
}

/* Appends the call. A server has many peers, so its lines name the peer. */
static void put_call(struct line *line, const struct trace_event *e)
{
    put(line, e->call);
    bool from = e->server && strcmp(e->call, "recv") == 0;
    bool to = e->server && strcmp(e->call, "send") == 0;
    if (from || to) {
        put(line, from ? " from " : " to ");
        put_fd(line, "clientfd", e);
        put(line, ",");
    }
}

/* Returns the name of an errno value. A newer kernel or a seccomp filter may
 * return one that the library does not know. */
static const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return name != NULL ? name : "EUNKNOWN";
}

/* Appends what recv, send and failed calls have in common. */
static void put_result(struct line *line, const struct trace_event *e)
{
    put_call(line, e);
    put(line, " ");
    if (e->kind == EVENT_END_OF_FILE) {
        put(line, "eof");
        return;
    }
    if (e->error != 0) {
        put(line, error_name(e->error));
        if (e->size > 0)
            append(line, ", %zd of %zu bytes sent", e->bytes, e->size);
        return;
    }
    put_number(line, e->bytes);
    if ((size_t)e->bytes < e->size)
        append(line, " of %zu", e->size);
    put(line, " bytes");
    if (e->msg != NULL) {
        put(line, ", msg:");
        put(line, e->msg);
    }
}

/* Appends a word and the descriptor. */
static void put_about(struct line *line, const char *word, const char *label,
                      const struct trace_event *e)
{
    put(line, word);
    put_fd(line, label, e);
}

static void put_ctl(struct line *line, const struct trace_event *e)
{
    append(line, "epoll_ctl %s", e->op);
    put_about(line, " ", "fd", e);
    put(line, " events:");
    append_flags(line, e->events);
    if (e->error != 0)
        append(line, " %s", error_name(e->error));
}

/* Appends the event without its label. */
static void describe(const struct trace_event *e, struct line *line)
{
    switch (e->kind) {
    case EVENT_LISTEN:
    case EVENT_CONNECT:
        put(line, e->call);
        put_about(line, " ", "fd", e);
        break;
    case EVENT_WAIT:
        put(line, e->call);
        put(line, "...");
        break;
    case EVENT_WOKE:
        append(line, "%s done, num:%d", e->call, e->num);
        break;
    case EVENT_READY:
        put_about(line, "  ", "fd", e);
        put(line, " ");
        append_flags(line, e->events);
        break;
    case EVENT_SUBMIT:
        append(line, "submit %s", e->op);
        put_about(line, " ", "fd", e);
        break;
    case EVENT_ACCEPT:
        put_about(line, "=====> accept new ", "clientfd", e);
        break;
    case EVENT_REFUSED:
        put_about(line, "refuse ", "clientfd", e);
        append(line, ", %s", e->remark);
        break;
    case EVENT_RECV:
    case EVENT_SEND:
    case EVENT_END_OF_FILE:
    case EVENT_AGAIN:
    case EVENT_ERROR:
        put_result(line, e);
        break;
    case EVENT_CTL:
        put_ctl(line, e);
        break;
    case EVENT_CLOSE:
        put_about(line, "close ", "clientfd", e);
        break;
    case EVENT_SHUTDOWN:
        put(line, "shutdown");
        if (e->server)
            put_about(line, " ", "clientfd", e);
        break;
    case EVENT_STOP:
    case EVENT_TIMER:
        put(line, e->call);
        break;
    case EVENT_NOTE:
        append(line, "note %s", e->remark);
        break;
    }
}

/* Each client has a colour. The server has none, but its waits are dim, an
 * accept is bold and an error is red. */
static const char *colour_of(const struct trace_event *e)
{
    static const char *const clients[] = {"\x1b[36m", "\x1b[33m", "\x1b[35m",
                                          "\x1b[32m", "\x1b[34m"};
    if (e->kind == EVENT_ERROR || e->kind == EVENT_REFUSED)
        return "\x1b[31m";
    if (e->client > 0)
        return clients[e->client % 5];
    if (e->kind == EVENT_ACCEPT)
        return "\x1b[1m";
    if (e->kind == EVENT_WAIT || e->kind == EVENT_AGAIN)
        return "\x1b[2m";
    return "";
}

void format_text(const struct trace_event *e, bool colour, struct line *line)
{
    static const char spaces[] = "           "; /* "[server]   listen" */
    const char *start = colour ? colour_of(e) : "";
    size_t width = strlen(e->who);
    line->used = 0;
    put(line, start);
    put(line, e->who);
    put(line, spaces + (width < 10 ? width : 10));
    describe(e, line);
    put(line, *start != '\0' ? "\x1b[0m\n" : "\n");
}

/* --- JSON ---------------------------------------------------------------- */

long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Bytes that are not ASCII become characters of Latin-1, so that a name that is
 * not UTF-8 does not make the line invalid. */
void append_json(struct line *line, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            append(line, "\\u%04x", (unsigned char)*c);
            continue;
        }
        if (*c == '"' || *c == '\\')
            put(line, "\\");
        put_bytes(line, c, 1);
    }
}

/* Appends the line of the source, or of the file that is played. */
static void put_source(struct line *line, const struct trace_event *e)
{
    append_json(line, e->source != NULL ? e->source : e->src);
    if (e->source != NULL)
        append(line, ":%d", e->source_line);
}

/*
 * Chrome's "Trace Event Format". "wait" begins a span (B), the result of that
 * call ends it (E), and every other event is an instant (i).
 */
void format_json(const struct trace_event *e, struct line *line)
{
    bool begins = e->kind == EVENT_WAIT;
    bool ends = e->waiting != NULL && strcmp(e->waiting, e->call) == 0;
    line->used = 0;
    append(line,
           "{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"%s\",\"ts\":%lld,"
           "\"pid\":%d,\"tid\":%d,\"args\":{\"src\":\"",
           e->call, kind_names[e->kind],
           begins ? "B"
           : ends ? "E"
                  : "i\",\"s\":\"t",
           now_us(), (int)getpid(), (int)e->tid);
    put_source(line, e);
    append(line, "\",\"who\":\"%.*s\"", (int)strlen(e->who) - 2, e->who + 1);
    if (e->fd >= 0)
        append(line, ",\"fd\":%d", e->fd);
    if (e->name != 0)
        append(line, ",\"client\":\"%c%d\"", e->name > 0 ? 'c' : 'x',
               abs(e->name));
    if (e->kind == EVENT_WOKE)
        append(line, ",\"num\":%d", e->num);
    if (e->op != NULL)
        append(line, ",\"op\":\"%s\"", e->op);
    if (e->kind == EVENT_READY || e->kind == EVENT_CTL) {
        put(line, ",\"events\":\"");
        append_flags(line, e->events);
        put(line, "\"");
    }
    if (e->kind == EVENT_RECV || e->kind == EVENT_SEND || e->size > 0)
        append(line, ",\"bytes\":%zd", e->bytes);
    if (e->size > 0)
        append(line, ",\"asked\":%zu", e->size);
    if (e->room > 0)
        append(line, ",\"room\":%zu", e->room);
    if (e->error != 0)
        append(line, ",\"error\":\"%s\"", error_name(e->error));
    if (e->remark != NULL)
        append(line, ",\"remark\":\"%s\"", e->remark);
    if (e->omitted > 0)
        append(line, ",\"again\":%lu", e->omitted);
    if (e->msg != NULL) {
        put(line, ",\"msg\":\"");
        append_json(line, e->msg);
        put(line, "\"");
    }
    put(line, "}}\n");
}
