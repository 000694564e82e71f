/*
 * http_reply.h - builds the reply to a request: a head, and a text or a file.
 *
 * The functions make no call on a socket. The stage sends what the struct
 * contains.
 *
 * Limitations: no directory listings, no entity tags, one range in a reply, and
 * no compression.
 */
#ifndef IOMUX_HTTP_REPLY_H
#define IOMUX_HTTP_REPLY_H

#include "http_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* The text is sent first, then the bytes of the file. The reply owns both. */
struct http_reply {
    char *text;   /* head and body, or the head alone before a file; or NULL */
    size_t size;  /* of text, in bytes */
    size_t sent;  /* bytes of text, counted by the caller */
    int file;     /* descriptor, or -1 */
    off_t offset; /* of the first byte of the file that is to be sent */
    size_t left;  /* bytes of the file to send, from offset on */
};

/*
 * Builds the reply to a request. Overwrites *reply without freeing it first.
 * The caller frees the new one with http_reply_free(). Returns false if there
 * is no memory, and *reply is then empty.
 *
 * If request->status is not 0, the reply is that error, with a body of one line
 * such as "404 Not Found". /trace is a plain text, the last lines of the trace.
 * Every other path is a file below the directory root: 200, or 206 for a range.
 * If root is -1, there is only a line at / that explains this. The status is
 * 304 or 412 if a condition requires it, and 416 if the range is after the end.
 * If http_open() fails, it is 503 for EMFILE, ENFILE and ENOMEM, and 404 for
 * every other error, so that a forbidden file looks like a missing one.
 *
 * A reply to HEAD has no body, and neither has 304 (RFC 9110, 9.3.2, 15.4.5).
 */
bool http_make_reply(struct http_reply *reply,
                     const struct http_request *request, int root);

/* Frees what the reply owns and makes it empty. */
void http_reply_free(struct http_reply *reply);

/*
 * Opens the regular file at path below the directory root. Neither ".." nor a
 * symbolic link is followed, and the call does not block, as open(2) of a FIFO
 * would. Returns a descriptor, which the caller closes, and sets *about. On
 * failure returns -1 with errno. It is ENOENT if there is no such regular file
 * or the path contains "..", or ENAMETOOLONG. It may also be an error of
 * openat(2): EACCES, ENOTDIR (a link in place of a directory, for example),
 * EMFILE, ENFILE, ENOMEM.
 */
int http_open(int root, const char *path, struct stat *about);

/*
 * Parses "bytes=A-B", "bytes=A-" or "bytes=-N" for a file of size bytes (RFC
 * 9110, 14.1.2). Returns 206 and sets *first and *count. Returns 416 if the
 * file has none of these bytes, and 200 if text has another form, which is
 * ignored.
 */
int http_range(const char *text, off_t size, off_t *first, off_t *count);

/*
 * Parses a date in one of the three forms of RFC 9110, 5.6.7. Returns false if
 * text is not such a date, or its weekday is wrong.
 */
bool http_date(const char *text, time_t *when);

#endif
