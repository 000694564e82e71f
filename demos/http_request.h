/*
 * http_request.h - parses the head of an HTTP/1.1 request.
 *
 * The parser is strict. Some servers accept a line that ends without CR, a
 * header that continues on a second line, a control character, two lengths, or
 * a blank before a colon. If a proxy understands such a request differently, a
 * client can hide one request inside another (RFC 9112, 11.2). So the parser
 * refuses all of these.
 *
 * The parser makes no system calls. Its result depends only on the bytes, not
 * on how they arrived. Therefore tests/fuzz/http.c can compare it with a second
 * parser.
 *
 * Limitations: no chunked bodies, and no methods other than GET and HEAD.
 */
#ifndef IOMUX_HTTP_REQUEST_H
#define IOMUX_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_HEAD_MAX = 8192,  /* bytes of a head; a longer one gets 431 */
    HTTP_LINE_MAX = 4096,  /* bytes of its first line; a longer one gets 414 */
    HTTP_BODY_MAX = 65536, /* bytes of a body; a longer one gets 413 */
    HTTP_VALUE_MAX = 80    /* bytes of a value that is kept, with its NUL */
};

/* The value of If-Match or If-None-Match. */
enum http_tags {
    HTTP_NO_TAGS,  /* the field is absent */
    HTTP_ANY_TAG,  /* "*" */
    HTTP_SOME_TAGS /* entity tags; none can match, because we send no ETag */
};

/* A request. The last three fields are "" if the header is absent, repeated or
 * longer than HTTP_VALUE_MAX, which all have the same meaning: ignore it. */
struct http_request {
    int status;      /* status of the error reply, or 0 */
    bool begun;      /* more has arrived than empty lines */
    bool keep_alive; /* another request may follow */
    bool old;        /* the client uses HTTP/1.0 */
    bool head_only;  /* the method is HEAD: no reply has a body */
    size_t body;     /* bytes of the body, which follow the head */
    enum http_tags if_match, if_none_match;
    char path[HTTP_LINE_MAX]; /* decoded; begins with '/' and has no NUL */
    char range[HTTP_VALUE_MAX];
    char modified_since[HTTP_VALUE_MAX];
    char unmodified_since[HTTP_VALUE_MAX];
};

/*
 * Parses the request that begins at bytes, of which n have arrived. Returns the
 * size of its head, or 0 if the head is incomplete. In that case only begun and
 * head_only have a meaning.
 *
 * A bad request has a status of 400 or more. If the end of the request is
 * unknown, keep_alive is false and the result is n.
 */
size_t http_read_request(const char *bytes, size_t n,
                         struct http_request *request);

#endif
