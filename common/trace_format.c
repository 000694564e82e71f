/*
 * trace_format.c - an event as text for people, as JSON for tools.
 */
#include "trace_format.h"

#include <errno.h>
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

void append(char *line, size_t *used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(line + *used, LINE_SIZE - *used, format, arguments);
    va_end(arguments);
    if (n > 0)
        *used +=
            (size_t)n < LINE_SIZE - *used ? (size_t)n : LINE_SIZE - *used - 1;
}

/* IN|HUP|RDHUP. The bits of poll(2) and epoll_ctl(2) are the same. */
static const char *flags_text(uint32_t events, char *text, size_t size)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } bits[] = {{EPOLLIN, "IN"},           {EPOLLPRI, "PRI"},
                {EPOLLOUT, "OUT"},         {EPOLLERR, "ERR"},
                {EPOLLHUP, "HUP"},         {0x020, "NVAL"}, /* poll only */
                {EPOLLRDHUP, "RDHUP"},     {EPOLLEXCLUSIVE, "EXCLUSIVE"},
                {EPOLLONESHOT, "ONESHOT"}, {EPOLLET, "ET"}};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if ((events & bits[i].bit) == 0)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used > 0 ? "|" : "", bits[i].name);
        events &= ~bits[i].bit;
    }
    if (events != 0 || used == 0)
        snprintf(text + used, size - used, "%s%#x", used > 0 ? "|" : "",
                 events);
    return text;
}

const char *escape(const void *bytes, size_t n, char *text)
{
    static const char letters[] = "abtnvfr"; /* \a is 7, \r is 13 */
    char *end = text;
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        const unsigned char c = ((const unsigned char *)bytes)[i];
        if (c == '\\')
            end += sprintf(end, "\\\\");
        else if (c >= ' ' && c <= '~')
            *end++ = (char)c;
        else if (c >= 7 && c <= 13)
            end += sprintf(end, "\\%c", letters[c - 7]);
        else
            end += sprintf(end, "\\x%02x", c);
    }
    *end = '\0';
    if (n > SHOWN)
        sprintf(end, "... (+%zu)", n - SHOWN);
    return text;
}

/* "fd:6 (c1)", or with a label "clientfd:6 (c1)", or only "fd:3". */
static void fd_text(const char *label, int fd, int name, char *text,
                    size_t size)
{
    if (name == 0)
        snprintf(text, size, "fd:%d", fd);
    else
        snprintf(text, size, "%s:%d (%c%d)", label, fd, name > 0 ? 'c' : 'x',
                 abs(name));
}

/* Append what happened, as text. */
static void describe(const struct event *e, char *line, size_t *used)
{
    char fd[64], client[64], flags[128], subject[96];
    fd_text("fd", e->fd, e->name, fd, sizeof(fd));
    fd_text("clientfd", e->fd, e->name, client, sizeof(client));

    /* A server says with whom; a client has only one server. */
    if (e->server && strcmp(e->call, "recv") == 0)
        snprintf(subject, sizeof(subject), "recv from %s,", client);
    else if (e->server && strcmp(e->call, "send") == 0)
        snprintf(subject, sizeof(subject), "send to %s,", client);
    else
        snprintf(subject, sizeof(subject), "%s", e->call);

    switch (e->kind) {
    case LISTEN:
    case CONNECT:
        append(line, used, "%s %s", subject, fd);
        break;
    case WAIT:
        append(line, used, "%s...", e->call);
        break;
    case WOKE:
        append(line, used, "%s done, num:%d", subject, e->num);
        break;
    case READY:
        append(line, used, "  %s %s", fd,
               flags_text(e->events, flags, sizeof(flags)));
        break;
    case ACCEPT:
        append(line, used, "=====> accept new %s", client);
        break;
    case REFUSED:
        append(line, used, "refuse %s, %s", client, e->remark);
        break;
    case RECV:
        append(line, used, "%s %zd bytes, msg:%s", subject, e->bytes, e->msg);
        break;
    case SEND:
        append(line, used, "%s %zd", subject, e->bytes);
        if ((size_t)e->bytes < e->asked)
            append(line, used, " of %zu", e->asked);
        append(line, used, e->msg != NULL ? " bytes, msg:%s" : " bytes",
               e->msg);
        break;
    case END_OF_FILE:
        append(line, used, "%s eof", subject);
        break;
    case AGAIN:
    case ERROR:
        append(line, used, "%s %s", subject, strerrorname_np(e->error));
        if (e->asked > 0)
            append(line, used, ", %zd of %zu bytes sent", e->bytes, e->asked);
        break;
    case CTL:
        append(line, used, "epoll_ctl %s %s events:%s", e->op, fd,
               flags_text(e->events, flags, sizeof(flags)));
        if (e->error != 0)
            append(line, used, " %s", strerrorname_np(e->error));
        break;
    case CLOSE:
        append(line, used, "close %s", client);
        break;
    case SHUTDOWN:
        append(line, used, e->server ? "%s %s" : "%s", subject, client);
        break;
    case STOP:
    case TIMER:
        append(line, used, "%s", subject);
        break;
    case NOTE:
        append(line, used, "note %s", e->remark);
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

size_t format_text(const struct event *e, bool colour, char *line)
{
    size_t used = 0;
    const char *const start = colour ? colour_of(e) : "";
    append(line, &used, "%s%-10s ", start, e->who);
    describe(e, line, &used);
    append(line, &used, *start != '\0' ? "\x1b[0m\n" : "\n");
    return used;
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
size_t format_json(const struct event *e, char *line)
{
    size_t used = 0;
    char flags[128];
    const bool begins = e->kind == WAIT;
    const bool ends = e->waiting != NULL && strcmp(e->waiting, e->call) == 0;
    append(line, &used,
           "{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"%s\",\"ts\":%lld,"
           "\"pid\":%d,\"tid\":%d,\"args\":{\"src\":\"%s\",\"who\":\"%.*s\"",
           e->call, kind_names[e->kind],
           begins ? "B"
           : ends ? "E"
                  : "i\",\"s\":\"t",
           now_us(), (int)getpid(), (int)e->tid, e->src,
           (int)strlen(e->who) - 2, e->who + 1);
    if (e->fd >= 0)
        append(line, &used, ",\"fd\":%d", e->fd);
    if (e->name != 0)
        append(line, &used, ",\"client\":\"%c%d\"", e->name > 0 ? 'c' : 'x',
               abs(e->name));
    if (e->kind == WOKE)
        append(line, &used, ",\"num\":%d", e->num);
    if (e->op != NULL)
        append(line, &used, ",\"op\":\"%s\"", e->op);
    if (e->kind == READY || e->kind == CTL)
        append(line, &used, ",\"events\":\"%s\"",
               flags_text(e->events, flags, sizeof(flags)));
    if (e->kind == RECV || e->kind == SEND || e->asked > 0)
        append(line, &used, ",\"bytes\":%zd", e->bytes);
    if (e->asked > 0)
        append(line, &used, ",\"asked\":%zu", e->asked);
    if (e->error != 0)
        append(line, &used, ",\"error\":\"%s\"", strerrorname_np(e->error));
    if (e->remark != NULL)
        append(line, &used, ",\"remark\":\"%s\"", e->remark);
    if (e->left_out > 0)
        append(line, &used, ",\"again\":%lu", e->left_out);
    if (e->msg != NULL) {
        append(line, &used, ",\"msg\":\"");
        for (const char *c = e->msg; *c != '\0'; c++)
            append(line, &used, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        append(line, &used, "\"");
    }
    append(line, &used, "}}\n");
    return used;
}
