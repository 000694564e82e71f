/*
 * http_reply.h - what a server of HTTP/1.1 answers: a head, and a body.
 *
 * For stage 11, and no lesson of it: status lines, dates, content types, and
 * how to open a file that is below the document root and nowhere else. It
 * knows nothing of sockets; the stage sends what stands in the struct.
 *
 * Left out: lists of directories, ETags, several ranges in one reply, and
 * compression.
 */
#ifndef IOMUX_HTTP_REPLY_H
#define IOMUX_HTTP_REPLY_H

#include "http_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* First the text, then, if there is a file, so many of its bytes. */
struct http_reply {
    char *text;  /* the head, and a body that is not in a file; owned */
    size_t size; /* of text */
    int file;    /* -1: none; owned */
    off_t offset;
    size_t left; /* bytes of the file, from offset on */
};

/*
 * The next three make a reply. They overwrite *reply and free nothing: what it
 * owned is the caller's to free before. Afterwards it is for http_reply_free().
 * If they return false it owns nothing, and may be freed all the same; but
 * http_reply_text() may have left it as it was: let it be empty before, which
 * is {.file = -1}.
 */

/* An error as a small page. Returns false without memory. */
bool http_reply_error(struct http_reply *reply,
                      const struct http_request *request, int status);

/*
 * An HTML page that shows a text as it is: what would be HTML in it is escaped.
 * The title is not: it is HTML already. Returns false without memory.
 */
bool http_reply_text(struct http_reply *reply,
                     const struct http_request *request, const char *title,
                     const char *text);

/*
 * The file that the request names, below the directory root: 200, 206 for a
 * range, 304 if it has not changed since, 416 if it has none of the range. When
 * http_open() fails, 503 for EMFILE, ENFILE and ENOMEM, and 404 for all else,
 * EACCES, too. Returns false without memory.
 */
bool http_reply_file(struct http_reply *reply,
                     const struct http_request *request, int root);

/* Give back what it owns; then it is empty. */
void http_reply_free(struct http_reply *reply);

/*
 * Open the regular file at path below the directory root. No ".." and no
 * symbolic link leads out, or anywhere; nothing sleeps, as the open(2) of a
 * FIFO would. Returns the descriptor, which is the caller's, with what fstat(2)
 * says of it in *about; or -1 with errno: ENOENT, there is none, or it is no
 * regular file, or the path has a ".."; ENAMETOOLONG; or one of openat(2):
 * EACCES, ENOTDIR (also for a link in place of a directory), EMFILE, ENFILE,
 * ENOMEM, ...
 */
int http_open(int root, const char *path, struct stat *about);

/*
 * The range of a file of size bytes that "bytes=A-B", "bytes=A-" or "bytes=-N"
 * names. Returns 206 with the first byte and how many; 416 if the file has none
 * of them; 200 for the whole file, if it says nothing that is understood.
 */
int http_range(const char *text, off_t size, off_t *first, off_t *count);

/*
 * The seconds since 1970 of a date in any of the three forms of RFC 9110,
 * 5.6.7; or -1.
 */
long long http_date(const char *text);

#endif
