/*
 * http_request.h - the head of a request of HTTP/1.1, from bytes to a struct.
 *
 * For stage 11, and no lesson of it. The parser is Debian's libhttp-parser,
 * the only one that has the same header and the same calls in Debian 12 and in
 * Debian 13. What it lets pass for old clients' sake is refused here (RFC 9112
 * calls each of these a way to smuggle one request inside another): a line
 * that ends without CR, a header that goes on in a second line, a control
 * character, a space before the colon.
 *
 * It knows nothing of sockets: bytes in, an answer out, the same answer
 * however the bytes arrived. So tests/fuzz/http.c can try it by the million.
 *
 * Left out: bodies in chunks, and methods other than GET and HEAD.
 */
#ifndef IOMUX_HTTP_REQUEST_H
#define IOMUX_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_HEAD_MAX = 8192,  /* bytes of a head; more is 431 */
    HTTP_LINE_MAX = 4096,  /* of its first line; more is 414 */
    HTTP_BODY_MAX = 65536, /* of a body, which is read and dropped; or 413 */
    HTTP_VALUE_MAX = 80    /* of a header that the server reads */
};

/* What a request wants. Its strings are the struct's own. */
struct http_request {
    int status;      /* 0: it can be served; else the error to answer with */
    bool keep_alive; /* the connection can take another request */
    bool old;        /* HTTP/1.0: keep-alive has to be said */
    bool head_only;  /* HEAD: the reply ends before its body */
    size_t body;     /* bytes that follow the head, to be dropped */
    char path[HTTP_LINE_MAX]; /* decoded; begins with '/', has no NUL */
    char range[HTTP_VALUE_MAX], since[HTTP_VALUE_MAX]; /* ""; or what it said */
};

/*
 * Read the request that begins at bytes, of which n have come so far. Returns
 * the size of its head, or 0 if more must come before anything can be said.
 * A request that is wrong has a status from 400 on; if it is so wrong that
 * nobody knows where it ends, keep_alive is false and all n bytes are its.
 */
size_t http_read_request(const char *bytes, size_t n,
                         struct http_request *request);

#endif
