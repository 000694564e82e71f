/*
 * http_request.c - strict about lines, and the library's parser for the rest.
 *
 * The order of the questions is the order of the answers: are these lines at
 * all (400, 414, 431)? Is it a version that is spoken here (505), a method that
 * anybody knows (501), a request that says where it ends and whom it asks
 * (400, 411, 413)? And only then: is it one that can be served (405)?
 */
#include "http_request.h"

#include <http_parser.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

/* What the parser's calls back gather. */
struct gathering {
    struct http_request *request;
    const char *target; /* as it was sent */
    size_t target_size;
    const char *field; /* the header whose value comes next */
    size_t field_size;
    int hosts;      /* how many Host headers there are */
    bool good_host; /* the last of them names one */
    bool expects;   /* Expect: 100-continue, or anything else */
    bool encoded;   /* Transfer-Encoding: chunked, or anything else */
    bool if_range, if_none_match;
};

/* The letters of a method and of a header's name: RFC 9110, 5.6.2. */
static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                            "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* How many of the n bytes are of the set, from the first on. */
static size_t span(const char *bytes, size_t n, const char *set)
{
    size_t i = 0;
    while (i < n && is_one_of(bytes[i], set))
        i++;
    return i;
}

/*
 * Find the end of the head: an empty line. Returns its size; 0: more must
 * come; or minus the status that says what is wrong already.
 */
static int find_end(const char *bytes, size_t n)
{
    size_t line = 0; /* where the current one begins */
    for (size_t i = 0; i < n && i < HTTP_HEAD_MAX; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (c == '\r' && (i + 1 == n || bytes[i + 1] == '\n'))
            continue;
        if (c == '\n' && i > 0 && bytes[i - 1] == '\r') {
            if (i == line + 1)
                return (int)i + 1;
            line = i + 1;
        } else if ((c < ' ' && c != '\t') || c == 127) {
            return -400;
        } else if (line == 0 && i >= HTTP_LINE_MAX) {
            return -414;
        }
    }
    return n < HTTP_HEAD_MAX ? 0 : -431;
}

/*
 * Is each header's name made of the right letters, from the line's first to
 * its colon? So no line can go on in the next one, and no name end in a space.
 */
static bool has_good_names(const char *head, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++) {
        if (head[i] != '\n')
            continue;
        const size_t size = span(head + i + 1, n - i - 1, token);
        const char end = head[i + 1 + size];
        if (end != ':' && !(end == '\r' && i + 3 == n))
            return false;
        if (end == ':' && size == 0)
            return false;
    }
    return true;
}

/*
 * The first line: METHOD TARGET HTTP/x.y, with one space between. Returns 0 or
 * the status that says what is wrong.
 */
static int judge_line(const char *line, size_t n)
{
    const size_t method = span(line, n, token);
    size_t end = method + 1; /* of the target: it is printable ASCII */
    while (end < n && line[end] > ' ' && line[end] <= '~')
        end++;
    const char *const version = line + end;
    if (method == 0 || method >= n || line[method] != ' ' ||
        end == method + 1 || n - end != strlen(" HTTP/1.1") ||
        strncmp(version, " HTTP/", 6) != 0 || version[6] < '0' ||
        version[6] > '9' || version[7] != '.' || version[8] < '0' ||
        version[8] > '9')
        return 400;
    return version[6] == '1' ? 0 : 505;
}

/* --- the calls back ------------------------------------------------------ */

static int on_target(http_parser *parser, const char *at, size_t n)
{
    struct gathering *const g = parser->data;
    g->target = at;
    g->target_size = n;
    return 0;
}

static int on_field(http_parser *parser, const char *at, size_t n)
{
    struct gathering *const g = parser->data;
    g->field = at;
    g->field_size = n;
    return 0;
}

static bool is_field(const struct gathering *g, const char *name)
{
    return g->field_size == strlen(name) &&
           strncasecmp(g->field, name, g->field_size) == 0;
}

/* Keep a value that is short enough; what is longer is not understood. */
static void keep(char *value, const char *at, size_t n)
{
    if (n >= HTTP_VALUE_MAX)
        n = 0;
    memcpy(value, at, n);
    value[n] = '\0';
}

static int on_value(http_parser *parser, const char *at, size_t n)
{
    struct gathering *const g = parser->data;
    while (n > 0 && is_one_of(at[n - 1], " \t"))
        n--;
    if (is_field(g, "host")) {
        g->hosts++;
        g->good_host = n == span(at, n,
                                 "-._~%!$&'()*+,;=:[]0123456789"
                                 "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    } else if (is_field(g, "range")) {
        keep(g->request->range, at, n);
    } else if (is_field(g, "if-modified-since")) {
        keep(g->request->since, at, n);
    } else if (is_field(g, "if-range")) {
        g->if_range = true;
    } else if (is_field(g, "if-none-match")) {
        g->if_none_match = true;
    } else if (is_field(g, "transfer-encoding")) {
        g->encoded = true;
    } else if (is_field(g, "expect")) {
        g->expects = true;
    }
    return 0;
}

/* The end of the head: 1 tells the parser not to look for a body. */
static int on_head(http_parser *parser)
{
    struct gathering *const g = parser->data;
    struct http_request *const r = g->request;
    const bool sized = (parser->flags & F_CONTENTLENGTH) != 0;
    r->keep_alive = http_should_keep_alive(parser) != 0;
    r->old = parser->http_minor == 0;
    r->head_only = parser->method == HTTP_HEAD;
    if (g->hosts > 1 || (g->hosts == 1 && !g->good_host) ||
        (g->hosts == 0 && !r->old))
        r->status = 400;
    else if (g->encoded) /* RFC 9112, 6.3: the end must be "chunked" */
        r->status = (parser->flags & F_CHUNKED) != 0 ? 411 : 400;
    else if (sized && parser->content_length > HTTP_BODY_MAX)
        r->status = 413;
    else if (sized)
        r->body = (size_t)parser->content_length;
    if (r->status == 0 && parser->method != HTTP_GET && !r->head_only)
        r->status = 405;
    if (r->body > 0 && g->expects) {
        r->body = 0; /* it waits to be told to send it, and is not */
        r->keep_alive = false;
    }
    return 1;
}

static int on_end(http_parser *parser)
{
    http_parser_pause(parser, 1);
    return 0;
}

/* --- the target ---------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decode %XX. False: that is no number, or a NUL, which would end the path. */
static bool decode(const char *from, size_t n, char *path)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        char c = from[i];
        if (c == '%') {
            const int high = i + 2 < n ? hex(from[i + 1]) : -1;
            const int low = i + 2 < n ? hex(from[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        path[size++] = c;
    }
    path[size] = '\0';
    return true;
}

/* The path of the target, which is /path?query or http://host/path?query. */
static bool find_path(const struct gathering *g, char *path)
{
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (memchr(g->target, '#', g->target_size) != NULL ||
        http_parser_parse_url(g->target, g->target_size, 0, &url) != 0 ||
        (url.field_set & 1 << UF_USERINFO) != 0)
        return false;
    const char *const scheme = g->target + url.field_data[UF_SCHEMA].off;
    if ((url.field_set & 1 << UF_SCHEMA) != 0 &&
        strncasecmp(scheme, "http://", 7) != 0)
        return false;
    if ((url.field_set & 1 << UF_PATH) == 0)
        return decode("/", 1, path); /* http://host */
    return decode(g->target + url.field_data[UF_PATH].off,
                  url.field_data[UF_PATH].len, path) &&
           path[0] == '/';
}

/* --- the whole ----------------------------------------------------------- */

size_t http_read_request(const char *bytes, size_t n,
                         struct http_request *request)
{
    *request = (struct http_request){0};
    size_t blank = 0; /* empty lines before a request: old clients' habit */
    while (n - blank >= 2 && memcmp(bytes + blank, "\r\n", 2) == 0)
        blank += 2;
    const char *const head = bytes + blank;
    const int end = find_end(head, n - blank);
    if (end == 0 && n < HTTP_HEAD_MAX)
        return 0;
    const size_t size = end > 0 ? (size_t)end : 0;
    request->status = end > 0 ? 0 : end < 0 ? -end : 431;
    if (request->status == 0)
        request->status =
            judge_line(head, (size_t)((char *)memchr(head, '\r', size) - head));
    if (request->status == 0 && !has_good_names(head, size))
        request->status = 400;
    if (request->status != 0)
        return n;

    static const http_parser_settings calls = {.on_url = on_target,
                                               .on_header_field = on_field,
                                               .on_header_value = on_value,
                                               .on_headers_complete = on_head,
                                               .on_message_complete = on_end};
    struct gathering g = {.request = request};
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &g;
    http_parser_execute(&parser, &calls, head, size);
    switch (HTTP_PARSER_ERRNO(&parser)) {
    case HPE_OK:
    case HPE_PAUSED:
        break;
    case HPE_INVALID_METHOD:
        request->status = 501;
        break;
    default:
        request->status = 400;
    }
    if (request->status == 0 && !find_path(&g, request->path))
        request->status = 400;
    if (request->status != 0 && request->status != 405) {
        request->keep_alive = false;
        request->body = 0; /* what has come of it is among the n bytes */
        return n;
    }
    if (g.if_range) /* its condition is not understood: send the whole */
        request->range[0] = '\0';
    if (g.if_none_match) /* RFC 9110, 13.1.3: it goes before the date */
        request->since[0] = '\0';
    return blank + size;
}
