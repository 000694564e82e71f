/*
 * http_reply.c - status lines, dates, content types, and files below a root.
 */
#include "http_reply.h"

#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_SIZE = 1024, DATE_SIZE = 40 };

/* A date as HTTP writes it: Sun, 06 Nov 1994 08:49:37 GMT. */
static const char *write_date(time_t when, char text[DATE_SIZE])
{
    struct tm tm;
    if (gmtime_r(&when, &tm) == NULL ||
        strftime(text, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        text[0] = '\0'; /* a year that has too many digits */
    return text;
}

long long http_date(const char *text)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
                                        "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {0};
        const char *const end = strptime(text, forms[i], &tm);
        if (end != NULL && *end == '\0')
            return timegm(&tm);
    }
    return -1;
}

/* Digits as a number. Returns -1 if there is none; stops at LLONG_MAX. */
static long long read_number(const char **text)
{
    if (**text < '0' || **text > '9')
        return -1;
    char *end;
    const long long number = strtoll(*text, &end, 10);
    *text = end;
    return number;
}

int http_range(const char *text, off_t size, off_t *first, off_t *count)
{
    if (strncmp(text, "bytes=", 6) != 0)
        return 200;
    text += 6;
    const long long from = read_number(&text);
    if (*text++ != '-')
        return 200;
    long long to = read_number(&text);
    if (*text != '\0' || (from < 0 && to < 0) || (to >= 0 && to < from))
        return 200;
    if (from < 0) { /* the last so many */
        if (to == 0 || size == 0)
            return 416;
        *first = to < size ? size - to : 0;
        *count = size - *first;
        return 206;
    }
    if (from >= size)
        return 416;
    if (to < 0 || to >= size)
        to = size - 1;
    *first = from;
    *count = to - from + 1;
    return 206;
}

/* --- files --------------------------------------------------------------- */

/*
 * Ask before open(2): that of a FIFO lets its writer go on, who then has no
 * reader, and that of a device may do anything.
 */
static bool is_file(int directory, const char *name)
{
    struct stat about;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    errno = ENOENT;
    return S_ISREG(about.st_mode);
}

/*
 * One name after the other, each of them no symbolic link, and none of them
 * "..": what openat2(2) does in one call with RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS. But glibc has no openat2(), and many a container refuses
 * it; this works everywhere.
 */
int http_open(int root, const char *path, struct stat *about)
{
    int directory = root;
    for (;;) {
        char name[NAME_MAX + 1];
        path += strspn(path, "/");
        if (strncmp(path, "./", 2) == 0) {
            path++; /* we are there: thousands of them must cost no call */
            continue;
        }
        const size_t size = strcspn(path, "/");
        const bool last = path[size] == '\0';
        int fd = -1;
        if (size < sizeof(name)) {
            memcpy(name, path, size);
            name[size] = '\0';
            errno = ENOENT;
            if (strcmp(name, "..") != 0 && (!last || is_file(directory, name)))
                fd = openat(directory, name,
                            O_NOFOLLOW | O_CLOEXEC |
                                (last ? O_RDONLY | O_NONBLOCK | O_NOCTTY
                                      : O_PATH | O_DIRECTORY));
        } else {
            errno = ENAMETOOLONG;
        }
        if (directory != root)
            close(directory);
        if (fd < 0 || last) {
            if (fd < 0 || (fstat(fd, about) == 0 && S_ISREG(about->st_mode)))
                return fd;
            close(fd); /* it has been replaced meanwhile */
            errno = ENOENT;
            return -1;
        }
        directory = fd;
        path += size;
    }
}

/* What a file is, by the end of its name. */
static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/plain; charset=utf-8"},
        {".c", "text/plain; charset=utf-8"},
        {".h", "text/plain; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
    };
    const char *const name = strrchr(path, '/');
    const char *const end = strrchr(name != NULL ? name : path, '.');
    for (size_t i = 0; end != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(end, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* --- the head ------------------------------------------------------------ */

/* printf into a head, after the used bytes. */
static void add(char *head, size_t *used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *head, size_t *used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(head + *used, HEAD_SIZE - *used, format, arguments);
    va_end(arguments);
    if (n > 0)
        *used += (size_t)n; /* all of it fits: the longest has some 500 */
}

/* The lines that every head has. type NULL: there is no body at all. */
static void begin(char *head, size_t *used, const struct http_request *request,
                  int status, const char *type, long long size)
{
    char date[DATE_SIZE];
    add(head, used, "HTTP/1.1 %d %s\r\n", status,
        http_status_str((enum http_status)status));
    if (type != NULL)
        add(head, used,
            "Content-Type: %s\r\n"
            "Content-Length: %lld\r\n"
            "X-Content-Type-Options: nosniff\r\n",
            type, size);
    add(head, used, "Date: %s\r\n", write_date(time(NULL), date));
    if (!request->keep_alive)
        add(head, used, "Connection: close\r\n");
    else if (request->old)
        add(head, used, "Connection: keep-alive\r\n");
}

/* Make the reply of a head, which gets its empty line, and of a body. */
static bool finish(struct http_reply *reply, char *head, size_t used,
                   const char *body, size_t size)
{
    add(head, &used, "\r\n");
    *reply = (struct http_reply){.file = -1, .size = used + size};
    reply->text = malloc(reply->size);
    if (reply->text == NULL)
        return false;
    memcpy(reply->text, head, used);
    if (size > 0)
        memcpy(reply->text + used, body, size);
    return true;
}

/* --- the replies --------------------------------------------------------- */

/* Copy a text; what would be HTML in it is escaped. Returns its new end. */
static char *escape_html(char *to, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            to = stpcpy(to, "&amp;");
            break;
        case '<':
            to = stpcpy(to, "&lt;");
            break;
        case '>':
            to = stpcpy(to, "&gt;");
            break;
        case '"':
            to = stpcpy(to, "&quot;");
            break;
        default:
            *to++ = *text;
        }
    }
    *to = '\0';
    return to;
}

bool http_reply_text(struct http_reply *reply,
                     const struct http_request *request, const char *title,
                     const char *text)
{
    enum { LONGEST = 6 }; /* &quot; */
    char head[HEAD_SIZE];
    size_t used = 0;
    char *const body =
        malloc(HEAD_SIZE + 2 * strlen(title) + LONGEST * strlen(text));
    if (body == NULL)
        return false;
    const int start =
        sprintf(body,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<title>%s</title>\n"
                "<h1>%s</h1>\n<pre>\n",
                title, title);
    char *const end =
        stpcpy(escape_html(body + start, text), "</pre>\n</html>\n");
    const size_t size = (size_t)(end - body);
    begin(head, &used, request, 200, "text/html; charset=utf-8",
          (long long)size);
    add(head, &used, "Cache-Control: no-store\r\n");
    const bool good =
        finish(reply, head, used, body, request->head_only ? 0 : size);
    free(body);
    return good;
}

/* range: of a 416, how long the file is; otherwise -1. */
static bool error_with(struct http_reply *reply,
                       const struct http_request *request, int status,
                       long long range)
{
    char head[HEAD_SIZE], body[200];
    size_t used = 0;
    const int size =
        snprintf(body, sizeof(body),
                 "<!DOCTYPE html>\n<title>%d</title>\n<h1>%d %s</h1>\n", status,
                 status, http_status_str((enum http_status)status));
    begin(head, &used, request, status, "text/html; charset=utf-8", size);
    if (status == 405)
        add(head, &used, "Allow: GET, HEAD\r\n");
    if (range >= 0)
        add(head, &used, "Content-Range: bytes */%lld\r\n", range);
    return finish(reply, head, used, body,
                  request->head_only ? 0 : (size_t)size);
}

bool http_reply_error(struct http_reply *reply,
                      const struct http_request *request, int status)
{
    return error_with(reply, request, status, -1);
}

bool http_reply_file(struct http_reply *reply,
                     const struct http_request *request, int root)
{
    char path[HTTP_LINE_MAX + 16], head[HEAD_SIZE], date[DATE_SIZE];
    const size_t length = strlen(request->path);
    snprintf(path, sizeof(path), "%s%s", request->path,
             length > 0 && request->path[length - 1] == '/' ? "index.html"
                                                            : "");
    struct stat about;
    const int file = http_open(root, path, &about);
    if (file < 0)
        return http_reply_error(
            reply, request,
            errno == EMFILE || errno == ENFILE || errno == ENOMEM ? 503 : 404);
    off_t first = 0, count = about.st_size;
    int status = 200;
    const long long since = http_date(request->since);
    if (since >= 0 && about.st_mtime <= since)
        status = 304;
    else if (request->range[0] != '\0' && !request->head_only)
        status = http_range(request->range, about.st_size, &first, &count);
    if (status == 416) {
        close(file);
        return error_with(reply, request, status, about.st_size);
    }

    size_t used = 0;
    begin(head, &used, request, status, status == 304 ? NULL : type_of(path),
          count);
    if (*write_date(about.st_mtime, date) != '\0')
        add(head, &used, "Last-Modified: %s\r\n", date);
    if (status == 206)
        add(head, &used, "Content-Range: bytes %lld-%lld/%lld\r\n",
            (long long)first, (long long)(first + count - 1),
            (long long)about.st_size);
    else
        add(head, &used, "Accept-Ranges: bytes\r\n");
    if (!finish(reply, head, used, NULL, 0) || status == 304 ||
        request->head_only || count == 0) {
        close(file);
        return reply->text != NULL;
    }
    reply->file = file;
    reply->offset = first;
    reply->left = (size_t)count;
    return true;
}

void http_reply_free(struct http_reply *reply)
{
    free(reply->text);
    if (reply->file >= 0)
        close(reply->file);
    *reply = (struct http_reply){.file = -1};
}
