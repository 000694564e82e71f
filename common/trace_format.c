/*
 * trace_format.c - an event as text for people, as JSON for tools.
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
    [LISTEN] = "listen", [WAIT] = "wait",       [WOKE] = "woke",
    [READY] = "ready",   [ACCEPT] = "accept",   [REFUSED] = "refused",
    [RECV] = "recv",     [SEND] = "send",       [END_OF_FILE] = "eof",
    [AGAIN] = "again",   [CTL] = "ctl",         [CLOSE] = "close",
    [ERROR] = "error",   [CONNECT] = "connect", [SHUTDOWN] = "shutdown",
    [STOP] = "stop",     [TIMER] = "timer",     [NOTE] = "note"};

void append(struct line *line, const char *format, ...)
{
    const size_t room = LINE_SIZE - line->used; /* with the final '\0' */
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(line->text + line->used, room, format, arguments);
    va_end(arguments);
    if (n > 0)
        line->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* Append n bytes, as many as there is room for. */
static void put_bytes(struct line *line, const char *bytes, size_t n)
{
    const size_t room = LINE_SIZE - 1 - line->used;
    if (n > room)
        n = room;
    memcpy(line->text + line->used, bytes, n);
    line->used += n;
    line->text[line->used] = '\0';
}

/*
 * Text and numbers make up most of a line of a stage. vsnprintf(3), once for
 * each piece of it, took longer than the write(2) of the whole line.
 */
static void put(struct line *line, const char *text)
{
    put_bytes(line, text, strlen(text));
}

static void put_number(struct line *line, long number)
{
    char digits[3 * sizeof(number) + 1];
    char *first = digits + sizeof(digits);
    unsigned long rest =
        number < 0 ? -(unsigned long)number : (unsigned long)number;
    do
        *--first = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--first = '-';
    put_bytes(line, first, (size_t)(digits + sizeof(digits) - first));
}

/* IN|HUP|RDHUP. The bits of poll(2) and epoll_ctl(2) are the same. */
static void put_flags(struct line *line, uint32_t events)
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
        const unsigned char c = ((const unsigned char *)bytes)[i];
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

/* "fd:6 (c1)", or with a label "clientfd:6 (c1)", or only "fd:3". */
static void put_fd(struct line *line, const char *label, const struct event *e)
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

/* The call. A server says with whom; a client has only one server. */
static void put_call(struct line *line, const struct event *e)
{
    put(line, e->call);
    const bool from = e->server && strcmp(e->call, "recv") == 0;
    const bool to = e->server && strcmp(e->call, "send") == 0;
    if (from || to) {
        put(line, from ? " from " : " to ");
        put_fd(line, "clientfd", e);
        put(line, ",");
    }
}

/* Append what happened, as text. */
static void describe(const struct event *e, struct line *line)
{
    switch (e->kind) {
    case LISTEN:
    case CONNECT:
        put_call(line, e);
        put(line, " ");
        put_fd(line, "fd", e);
        break;
    case WAIT:
        put(line, e->call);
        put(line, "...");
        break;
    case WOKE:
        put_call(line, e);
        put(line, " done, num:");
        put_number(line, e->num);
        break;
    case READY:
        put(line, "  ");
        put_fd(line, "fd", e);
        put(line, " ");
        put_flags(line, e->events);
        break;
    case ACCEPT:
        put(line, "=====> accept new ");
        put_fd(line, "clientfd", e);
        break;
    case REFUSED:
        put(line, "refuse ");
        put_fd(line, "clientfd", e);
        append(line, ", %s", e->remark);
        break;
    case RECV:
    case SEND:
        put_call(line, e);
        put(line, " ");
        put_number(line, e->bytes);
        if ((size_t)e->bytes < e->asked)
            append(line, " of %zu", e->asked);
        put(line, " bytes");
        if (e->msg != NULL) {
            put(line, ", msg:");
            put(line, e->msg);
        }
        break;
    case END_OF_FILE:
        put_call(line, e);
        put(line, " eof");
        break;
    case AGAIN:
    case ERROR:
        put_call(line, e);
        append(line, " %s", strerrorname_np(e->error));
        if (e->asked > 0)
            append(line, ", %zd of %zu bytes sent", e->bytes, e->asked);
        break;
    case CTL:
        append(line, "epoll_ctl %s ", e->op);
        put_fd(line, "fd", e);
        put(line, " events:");
        put_flags(line, e->events);
        if (e->error != 0)
            append(line, " %s", strerrorname_np(e->error));
        break;
    case CLOSE:
        put(line, "close ");
        put_fd(line, "clientfd", e);
        break;
    case SHUTDOWN:
        put_call(line, e);
        if (e->server) {
            put(line, " ");
            put_fd(line, "clientfd", e);
        }
        break;
    case STOP:
    case TIMER:
        put_call(line, e);
        break;
    case NOTE:
        append(line, "note %s", e->remark);
        break;
    }
}

/*
 * Colour tells who speaks: each client has one of its own, the server none;
 * its waits are dim, an accept is bold, an error is red.
 */
static const char *colour_of(const struct event *e)
{
    static const char *const clients[] = {"\x1b[36m", "\x1b[33m", "\x1b[35m",
                                          "\x1b[32m", "\x1b[34m"};
    int number = 0;
    if (e->kind == ERROR || e->kind == REFUSED)
        return "\x1b[31m";
    if (sscanf(e->who, "[client %d]", &number) == 1)
        return clients[(unsigned)number % 5];
    if (e->kind == ACCEPT)
        return "\x1b[1m";
    if (e->kind == WAIT || e->kind == AGAIN)
        return "\x1b[2m";
    return "";
}

void format_text(const struct event *e, bool colour, struct line *line)
{
    static const char spaces[] = "           "; /* "[server]   listen" */
    const char *const start = colour ? colour_of(e) : "";
    const size_t width = strlen(e->who);
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

/*
 * One event in Chrome's "Trace Event Format". A wait begins (B), what it
 * waited for ends it (E), everything else is an instant (i).
 */
void format_json(const struct event *e, struct line *line)
{
    const bool begins = e->kind == WAIT;
    const bool ends = e->waiting != NULL && strcmp(e->waiting, e->call) == 0;
    line->used = 0;
    append(line,
           "{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"%s\",\"ts\":%lld,"
           "\"pid\":%d,\"tid\":%d,\"args\":{\"src\":\"%s\",\"who\":\"%.*s\"",
           e->call, kind_names[e->kind],
           begins ? "B"
           : ends ? "E"
                  : "i\",\"s\":\"t",
           now_us(), (int)getpid(), (int)e->tid, e->src,
           (int)strlen(e->who) - 2, e->who + 1);
    if (e->fd >= 0)
        append(line, ",\"fd\":%d", e->fd);
    if (e->name != 0)
        append(line, ",\"client\":\"%c%d\"", e->name > 0 ? 'c' : 'x',
               abs(e->name));
    if (e->kind == WOKE)
        append(line, ",\"num\":%d", e->num);
    if (e->op != NULL)
        append(line, ",\"op\":\"%s\"", e->op);
    if (e->kind == READY || e->kind == CTL) {
        put(line, ",\"events\":\"");
        put_flags(line, e->events);
        put(line, "\"");
    }
    if (e->kind == RECV || e->kind == SEND || e->asked > 0)
        append(line, ",\"bytes\":%zd", e->bytes);
    if (e->asked > 0)
        append(line, ",\"asked\":%zu", e->asked);
    if (e->error != 0)
        append(line, ",\"error\":\"%s\"", strerrorname_np(e->error));
    if (e->remark != NULL)
        append(line, ",\"remark\":\"%s\"", e->remark);
    if (e->left_out > 0)
        append(line, ",\"again\":%lu", e->left_out);
    if (e->msg != NULL) {
        put(line, ",\"msg\":\"");
        for (const char *c = e->msg; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                put(line, "\\");
            put_bytes(line, c, 1);
        }
        put(line, "\"");
    }
    put(line, "}}\n");
}
