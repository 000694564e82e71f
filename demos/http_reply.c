/*
 * http_reply.c - status lines, conditions, dates, and files below a root.
 */
#include "http_reply.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DATE_SIZE = 40 };

/* --- dates, conditions and ranges ---------------------------------------- */

/* The three forms of a date (RFC 9110, 5.6.7). */
static const char *const date_forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
                                         "%A, %d-%b-%y %H:%M:%S GMT",
                                         "%a %b %e %H:%M:%S %Y"};

/* Formats a date of the years 1970 to 9999. */
static void format_date(time_t when, char text[DATE_SIZE])
{
    struct tm tm;
    gmtime_r(&when, &tm);
    strftime(text, DATE_SIZE, date_forms[0], &tm);
}

bool http_date(const char *text, time_t *when)
{
    for (size_t i = 0; i < sizeof(date_forms) / sizeof(date_forms[0]); i++) {
        /* strptime(3) accepts more than the RFC: other case, fewer digits. */
        char again[HTTP_VALUE_MAX];
        struct tm tm = {0};
        if (strptime(text, date_forms[i], &tm) == NULL ||
            strftime(again, sizeof(again), date_forms[i], &tm) == 0 ||
            strcmp(text, again) != 0)
            continue;
        if (i == 1) { /* a year of two digits is at most 50 years ahead */
            time_t now = time(NULL);
            struct tm today;
            gmtime_r(&now, &today);
            tm.tm_year = today.tm_year - today.tm_year % 100 + tm.tm_year % 100;
            if (tm.tm_year > today.tm_year + 50)
                tm.tm_year -= 100;
        }
        if (tm.tm_sec == 60)
            tm.tm_sec = 59; /* time_t has no leap seconds */
        int day = tm.tm_mday, weekday = tm.tm_wday;
        *when = timegm(&tm); /* changes the 31st of February, for example */
        return tm.tm_mday == day && tm.tm_wday == weekday;
    }
    return false;
}

/*
 * Evaluates the conditions in the order of RFC 9110, 13.2.2. modified is the
 * modification time of the file, or -1 if that is unknown. Returns 200 if the
 * request must be served, or else 304 or 412.
 */
static int check_conditions(const struct http_request *request, time_t modified)
{
    time_t date;
    if (request->if_match == HTTP_SOME_TAGS)
        return 412;
    if (request->if_match == HTTP_NO_TAGS && modified >= 0 &&
        http_date(request->unmodified_since, &date) && modified > date)
        return 412;
    if (request->if_none_match == HTTP_ANY_TAG)
        return 304;
    if (request->if_none_match == HTTP_NO_TAGS && modified >= 0 &&
        http_date(request->modified_since, &date) && modified <= date)
        return 304;
    return 200;
}

/* Parses 1*DIGIT and moves *text behind it. Returns LLONG_MAX if the number is
 * larger than that, or -1 if there is none. */
static long long parse_number(const char **text)
{
    if (**text < '0' || **text > '9')
        return -1;
    char *end;
    long long number = strtoll(*text, &end, 10);
    *text = end;
    return number;
}

int http_range(const char *text, off_t size, off_t *first, off_t *count)
{
    if (strncasecmp(text, "bytes=", 6) != 0)
        return 200;
    text += 6;
    long long from = parse_number(&text);
    if (*text++ != '-')
        return 200;
    long long to = parse_number(&text);
    if (*text != '\0' || (from < 0 && to < 0) || (to >= 0 && to < from))
        return 200;
    if (from < 0) { /* the last bytes, of which there are `to` */
        if (to == 0)
            return 416;
        if (size == 0)
            return 200; /* satisfiable, but 206 cannot express "no bytes" */
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

/* Must be called before open(2), because opening a FIFO wakes its writer, which
 * then has no reader, and opening a device may have side effects. */
static bool is_file(int directory, const char *name)
{
    struct stat about;
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    errno = ENOENT;
    return S_ISREG(about.st_mode);
}

/*
 * Opens one name after the other and follows neither symbolic links nor "..".
 * openat2(2) does the same in one call with RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS, but old versions of glibc have no openat2(), and many
 * containers forbid it.
 */
int http_open(int root, const char *path, struct stat *about)
{
    int directory = root;
    for (;;) {
        char name[NAME_MAX + 1];
        path += strspn(path, "/");
        if (strncmp(path, "./", 2) == 0) {
            path++; /* skipped here, so that thousands of them need no call */
            continue;
        }
        size_t size = strcspn(path, "/");
        bool last = path[size] == '\0';
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
            close(fd); /* it was replaced after is_file() */
            errno = ENOENT;
            return -1;
        }
        directory = fd;
        path += size;
    }
}

/* Returns the media type for the extension of path. */
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
    const char *name = strrchr(path, '/');
    const char *end = strrchr(name != NULL ? name : path, '.');
    for (size_t i = 0; end != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(end, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* --- replies ------------------------------------------------------------- */

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 206:
        return "Partial Content";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 411:
        return "Length Required";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 416:
        return "Range Not Satisfiable";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    }
    return "";
}

/* Opens a stream that writes to reply->text, so that a head has no fixed size,
 * and writes the first lines. Returns NULL if there is no memory. */
static FILE *begin_head(struct http_reply *reply,
                        const struct http_request *request, int status)
{
    *reply = (struct http_reply){.file = -1};
    FILE *out = open_memstream(&reply->text, &reply->size);
    if (out == NULL)
        return NULL;
    fprintf(out, "HTTP/1.1 %d %s\r\n", status, reason(status));
    if (!request->keep_alive)
        fputs("Connection: close\r\n", out);
    else if (request->old)
        fputs("Connection: keep-alive\r\n", out);
    return out;
}

/* Describes the body. nosniff forbids a browser to guess another type, for
 * example to display a trace that contains HTML as a page. */
static void write_type(FILE *out, const char *type, long long size)
{
    fprintf(out,
            "Content-Type: %s\r\nContent-Length: %lld\r\n"
            "X-Content-Type-Options: nosniff\r\n",
            type, size);
}

/* Ends the head, writes the body and closes the stream. Returns false, with
 * *reply empty, if there is no memory. */
static bool finish(struct http_reply *reply, FILE *out, const char *body)
{
    char date[DATE_SIZE];
    format_date(time(NULL), date);
    fprintf(out, "Date: %s\r\n\r\n%s", date, body);
    bool complete = ferror(out) == 0;
    if (fclose(out) == 0 && complete)
        return true;
    http_reply_free(reply);
    return false;
}

/* Builds an error reply. size is that of the file for 416, otherwise -1. */
static bool reply_status(struct http_reply *reply,
                         const struct http_request *request, int status,
                         long long size)
{
    char body[64];
    int length =
        snprintf(body, sizeof(body), "%d %s\n", status, reason(status));
    FILE *out = begin_head(reply, request, status);
    if (out == NULL)
        return false;
    write_type(out, "text/plain; charset=utf-8", length);
    if (status == 405)
        fputs("Allow: GET, HEAD\r\n", out);
    if (size >= 0)
        fprintf(out, "Content-Range: bytes */%lld\r\n", size);
    return finish(reply, out, request->head_only ? "" : body);
}

static bool reply_text(struct http_reply *reply,
                       const struct http_request *request, const char *text)
{
    int status = check_conditions(request, -1);
    if (status == 412)
        return reply_status(reply, request, status, -1);
    FILE *out = begin_head(reply, request, status);
    if (out == NULL)
        return false;
    if (status != 304)
        write_type(out, "text/plain; charset=utf-8", (long long)strlen(text));
    fputs("Cache-Control: no-store\r\n", out);
    return finish(reply, out, status == 304 || request->head_only ? "" : text);
}

/* Writes the head of a reply with the open file, and selects its bytes. Leaves
 * the file to the caller unless reply->file is set. */
static bool reply_open_file(struct http_reply *reply,
                            const struct http_request *request, int file,
                            const struct stat *about, const char *type)
{
    /* A date in the future becomes that of the reply (RFC 9110, 8.8.2.1). A
     * file from before 1970 has no date. */
    time_t now = time(NULL);
    time_t modified = about->st_mtime < now ? about->st_mtime : now;
    off_t first = 0, count = about->st_size;
    int status = check_conditions(request, modified >= 0 ? modified : -1);
    if (status == 200 && request->range[0] != '\0' && !request->head_only)
        status = http_range(request->range, about->st_size, &first, &count);
    if (status == 412 || status == 416)
        return reply_status(reply, request, status,
                            status == 416 ? (long long)about->st_size : -1);

    FILE *out = begin_head(reply, request, status);
    if (out == NULL)
        return false;
    if (status != 304)
        write_type(out, type, count);
    if (modified >= 0) {
        char date[DATE_SIZE];
        format_date(modified, date);
        fprintf(out, "Last-Modified: %s\r\n", date);
    }
    if (status == 206)
        fprintf(out, "Content-Range: bytes %lld-%lld/%lld\r\n",
                (long long)first, (long long)(first + count - 1),
                (long long)about->st_size);
    else
        fputs("Accept-Ranges: bytes\r\n", out);
    if (!finish(reply, out, ""))
        return false;
    if (status != 304 && !request->head_only && count > 0) {
        reply->file = file;
        reply->offset = first;
        reply->left = (size_t)count;
    }
    return true;
}

static bool reply_file(struct http_reply *reply,
                       const struct http_request *request, int root)
{
    char path[HTTP_LINE_MAX + 16];
    size_t length = strlen(request->path);
    bool directory = length > 0 && request->path[length - 1] == '/';
    snprintf(path, sizeof(path), "%s%s", request->path,
             directory ? "index.html" : "");
    struct stat about;
    int file = http_open(root, path, &about);
    if (file < 0) {
        bool full = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        return reply_status(reply, request, full ? 503 : 404, -1);
    }
    bool ok = reply_open_file(reply, request, file, &about, type_of(path));
    if (reply->file != file)
        close(file);
    return ok;
}

bool http_make_reply(struct http_reply *reply,
                     const struct http_request *request, int root)
{
    if (request->status != 0)
        return reply_status(reply, request, request->status, -1);
    if (strcmp(request->path, "/trace") == 0) {
        char *text = trace_last();
        *reply = (struct http_reply){.file = -1};
        bool ok = text != NULL && reply_text(reply, request, text);
        free(text);
        return ok;
    }
    if (root < 0 && strcmp(request->path, "/") == 0)
        return reply_text(reply, request,
                          "This is stage 11 of iomux. /trace shows its trace, "
                          "and --root DIR serves files.\n");
    return reply_file(reply, request, root);
}

void http_reply_free(struct http_reply *reply)
{
    free(reply->text);
    if (reply->file >= 0)
        close(reply->file);
    *reply = (struct http_reply){.file = -1};
}
