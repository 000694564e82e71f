/*
 * http_request.c - the grammar of RFC 9112 (messages), RFC 9110 (fields) and
 * RFC 3986 (host names).
 *
 * The order of the checks decides which status a request with several errors
 * gets. First come the lines (400, 414, 431), the version (505) and the method
 * (501), then the fields (400, 411, 413), the target (400), and the use of the
 * method (405).
 */
#include "http_request.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS          "0123456789"
#define HEXDIGITS       DIGITS "abcdefABCDEF"
#define LETTERS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_CHARACTERS "-._~!$&'()*+,;=" DIGITS LETTERS /* RFC 3986, 2 */

/* A method or the name of a field (RFC 9110, 5.6.2). */
static const char token[] = "!#$%&'*+-.^_`|~" DIGITS LETTERS;

/* Bytes of the request, without a NUL at the end. */
struct text {
    const char *at;
    size_t size;
};

/* What the parser remembers about a request until its head ends. */
struct parse_context {
    struct http_request *request;
    struct text method, target;
    /* How many fields have this name. */
    int hosts, lengths, codings, ranges, modified_since, unmodified_since;
    bool valid_host, valid_length;
    int chunked;       /* how many transfer codings are chunked */
    bool chunked_last; /* the last transfer coding is chunked */
    bool close, keep_alive, expects_continue, if_range;
};

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Returns how many bytes at the start of text are in set. */
static size_t span(struct text text, const char *set)
{
    size_t size = 0;
    while (size < text.size && is_one_of(text.at[size], set))
        size++;
    return size;
}

/* Returns text without its first n bytes. */
static struct text skip(struct text text, size_t n)
{
    return (struct text){text.at + n, text.size - n};
}

/* Returns the part of text before the first c. */
static struct text before(struct text text, char c)
{
    const char *end = memchr(text.at, c, text.size);
    return end == NULL ? text : (struct text){text.at, (size_t)(end - text.at)};
}

/* Returns text without optional white space around it (RFC 9110, 5.6.3). */
static struct text trim(struct text text)
{
    text = skip(text, span(text, " \t"));
    while (text.size > 0 && is_one_of(text.at[text.size - 1], " \t"))
        text.size--;
    return text;
}

/* Compares a method, which is case-sensitive (RFC 9110, 9.1). */
static bool is_exactly(struct text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.at, word, text.size) == 0;
}

/* Compares a name or a word in a value, which are not case-sensitive (5.1). */
static bool is_word(struct text text, const char *word)
{
    return text.size == strlen(word) &&
           strncasecmp(text.at, word, text.size) == 0;
}

/* Returns the value of 1*DIGIT, at most max + 1, or -1 if text has no value. */
static long parse_number(struct text text, long max)
{
    if (text.size == 0 || span(text, DIGITS) != text.size)
        return -1;
    long number = 0;
    for (size_t i = 0; i < text.size && number <= max; i++)
        number = 10 * number + (text.at[i] - '0');
    return number <= max ? number : max + 1;
}

/* Takes the next member that is not empty from a list (RFC 9110, 5.6.1.2).
 * Returns false at the end of the list. */
static bool next_member(struct text *list, struct text *member)
{
    while (list->size > 0) {
        struct text part = before(*list, ',');
        *list = skip(*list, part.size < list->size ? part.size + 1 : part.size);
        *member = trim(part);
        if (member->size > 0)
            return true;
    }
    return false;
}

/* --- lines and the first line -------------------------------------------- */

/*
 * Finds the end of the head, which is an empty line. Returns the size of the
 * head, 0 if the head is incomplete, or a negative status. A CR that is not
 * followed by LF, a LF without CR and other control characters get 400 (RFC
 * 9112, 2.2; RFC 9110, 5.5).
 */
static int find_end(struct text head)
{
    size_t line = 0; /* where the current line begins */
    for (size_t i = 0; i < head.size; i++) {
        unsigned char c = (unsigned char)head.at[i];
        if (c == '\r' && (i + 1 == head.size || head.at[i + 1] == '\n'))
            continue;
        if (c == '\n' && i > 0 && head.at[i - 1] == '\r') {
            if (i == line + 1)
                return (int)i + 1;
            line = i + 1;
        } else if ((c < ' ' && c != '\t') || c == 127) {
            return -400;
        } else if (line == 0 && i >= HTTP_LINE_MAX) {
            return -414;
        }
    }
    return head.size < HTTP_HEAD_MAX ? 0 : -431;
}

static bool is_known(struct text method)
{
    static const char *const methods[] = {
        "GET",     "HEAD",    "POST",  "PUT",  "DELETE", /* RFC 9110, 9.3 */
        "CONNECT", "OPTIONS", "TRACE", "PATCH"};         /* RFC 5789 */
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (is_exactly(method, methods[i]))
            return true;
    return false;
}

/*
 * Parses METHOD SP TARGET SP HTTP/x.y (RFC 9112, 3). Browsers send some
 * characters in a target unencoded that RFC 3986 does not allow, such as [ and
 * |, so all printable characters are accepted. A fragment is not (RFC 9112,
 * 3.2). Returns 0 or the status of the error.
 */
static int check_request_line(struct parse_context *context, struct text line)
{
    context->method = (struct text){line.at, span(line, token)};
    line = skip(line, context->method.size);
    if (context->method.size == 0 || line.size == 0 || line.at[0] != ' ')
        return 400;
    line = skip(line, 1);
    context->target = before(line, ' ');
    for (size_t i = 0; i < context->target.size; i++) {
        char c = context->target.at[i];
        if (c <= ' ' || c > '~' || c == '#')
            return 400;
    }
    struct text version = skip(line, context->target.size);
    if (context->target.size == 0 || version.size != strlen(" HTTP/1.1") ||
        memcmp(version.at, " HTTP/", 6) != 0 ||
        !is_one_of(version.at[6], DIGITS) || version.at[7] != '.' ||
        !is_one_of(version.at[8], DIGITS))
        return 400;
    context->request->old = version.at[8] == '0';
    if (version.at[6] != '1')
        return 505;
    return is_known(context->method) ? 0 : 501;
}

/* --- hosts and targets --------------------------------------------------- */

static bool is_encoded(struct text text)
{
    return text.size >= 3 && text.at[0] == '%' &&
           is_one_of(text.at[1], HEXDIGITS) && is_one_of(text.at[2], HEXDIGITS);
}

/* Checks the IPv6address or IPvFuture of an IP-literal (RFC 3986, 3.2.2). */
static bool is_address(struct text text)
{
    if (text.size > 0 && is_one_of(text.at[0], "vV")) {
        text = skip(text, 1);
        size_t version = span(text, HEXDIGITS);
        text = skip(text, version);
        return version > 0 && text.size > 1 && text.at[0] == '.' &&
               span(skip(text, 1), ":" NAME_CHARACTERS) == text.size - 1;
    }
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/*
 * Parses HOST or HOST:PORT (RFC 9110, 7.2; RFC 3986, 3.2.2). HOST may be empty,
 * and so may PORT. Sets *port to the digits after the colon. Returns the size
 * of HOST, or -1 if text has another form.
 */
static int parse_host(struct text text, struct text *port)
{
    struct text rest = text;
    if (text.size > 0 && text.at[0] == '[') {
        struct text address = before(skip(text, 1), ']');
        if (address.size + 1 == text.size || !is_address(address))
            return -1;
        rest = skip(text, address.size + 2);
    } else {
        while (rest.size > 0 &&
               (is_one_of(rest.at[0], NAME_CHARACTERS) || is_encoded(rest)))
            rest = skip(rest, rest.at[0] == '%' ? 3 : 1);
    }
    *port = rest.size > 0 ? skip(rest, 1) : rest;
    if (rest.size > 0 &&
        (rest.at[0] != ':' || span(*port, DIGITS) != port->size))
        return -1;
    return (int)(text.size - rest.size);
}

/* Decodes %XX and stores the path. Returns false for a % without two digits,
 * and for %00, because a NUL would end the path. */
static bool decode(struct text text, char *path)
{
    while (text.size > 0) {
        char c = text.at[0];
        if (c == '%') {
            if (!is_encoded(text))
                return false;
            char digits[] = {text.at[1], text.at[2], '\0'};
            c = (char)strtol(digits, NULL, 16);
            if (c == '\0')
                return false;
        }
        *path++ = c;
        text = skip(text, text.at[0] == '%' ? 3 : 1);
    }
    *path = '\0';
    return true;
}

/*
 * Parses the target, which has four forms (RFC 9112, 3.2): /path?query,
 * http://host/path?query, host:port for CONNECT, and * for OPTIONS. Stores the
 * path of the first two. Returns false if the target has none of these forms.
 */
static bool parse_target(struct parse_context *context)
{
    struct text target = context->target, port;
    if (is_exactly(context->method, "CONNECT")) {
        long number =
            parse_host(target, &port) > 0 ? parse_number(port, 65535) : 0;
        return number > 0 && number <= 65535; /* RFC 9110, 9.3.6 */
    }
    if (is_exactly(context->method, "OPTIONS") && is_exactly(target, "*"))
        return true;
    if (is_word((struct text){target.at, target.size < 7 ? 0 : 7}, "http://")) {
        target = skip(target, 7);
        struct text authority = before(before(target, '/'), '?');
        /* An empty host is an error (RFC 9110, 4.2.1), and so is a user name
         * (4.2.4), which has no place in parse_host(). */
        if (parse_host(authority, &port) <= 0)
            return false;
        target = skip(target, authority.size);
    } else if (target.at[0] != '/') {
        return false;
    }
    struct text path = before(target, '?');
    return decode(path.size > 0 ? path : (struct text){"/", 1},
                  context->request->path);
}

/* --- fields -------------------------------------------------------------- */

/* Stores the value of a field that has occurred *count times before. If the
 * field is repeated or too long, stores "", so that it is ignored. */
static void store_value(char *stored, int *count, struct text value)
{
    if (*count > 0 || value.size >= HTTP_VALUE_MAX)
        value.size = 0;
    memcpy(stored, value.at, value.size);
    stored[value.size] = '\0';
    ++*count;
}

/* "*" is valid only as the whole list (RFC 9110, 13.1.1). */
static void parse_tags(enum http_tags *tags, struct text value)
{
    bool any = *tags == HTTP_NO_TAGS && is_exactly(value, "*");
    *tags = any ? HTTP_ANY_TAG : HTTP_SOME_TAGS;
}

/* Connection (RFC 9110, 7.6.1), Expect (10.1.1) and Transfer-Encoding (RFC
 * 9112, 6.1) are lists, which continue if the field is repeated. */
static void parse_list(struct parse_context *context, struct text name,
                       struct text list)
{
    struct text member;
    if (is_word(name, "transfer-encoding"))
        context->codings++;
    while (next_member(&list, &member)) {
        if (is_word(name, "connection")) {
            context->close |= is_word(member, "close");
            context->keep_alive |= is_word(member, "keep-alive");
        } else if (is_word(name, "expect")) {
            context->expects_continue |= is_word(member, "100-continue");
        } else if (is_word(name, "transfer-encoding")) {
            context->chunked_last = is_word(member, "chunked");
            context->chunked += context->chunked_last;
        }
    }
}

static void parse_field(struct parse_context *context, struct text name,
                        struct text value)
{
    struct http_request *request = context->request;
    struct text port;
    if (is_word(name, "host")) {
        context->hosts++;
        context->valid_host = parse_host(value, &port) >= 0;
    } else if (is_word(name, "content-length")) {
        long size = parse_number(value, HTTP_BODY_MAX);
        context->lengths++;
        context->valid_length = size >= 0;
        request->body = size > 0 ? (size_t)size : 0;
    } else if (is_word(name, "range")) {
        store_value(request->range, &context->ranges, value);
    } else if (is_word(name, "if-modified-since")) {
        store_value(request->modified_since, &context->modified_since, value);
    } else if (is_word(name, "if-unmodified-since")) {
        store_value(request->unmodified_since, &context->unmodified_since,
                    value);
    } else if (is_word(name, "if-match")) {
        parse_tags(&request->if_match, value);
    } else if (is_word(name, "if-none-match")) {
        parse_tags(&request->if_none_match, value);
    } else if (is_word(name, "if-range")) {
        context->if_range = true;
    } else {
        parse_list(context, name, value);
    }
}

/*
 * Parses the lines NAME: VALUE (RFC 9112, 5). A line without a name and a
 * blank before the colon are errors (5.1). So is a line that begins with a
 * blank, which continued a field in old versions of HTTP (5.2). Returns 0 or
 * the status of the error.
 */
static int parse_fields(struct parse_context *context, struct text lines)
{
    while (lines.at[0] != '\r') {
        struct text line = before(lines, '\r');
        struct text name = {line.at, span(line, token)};
        if (name.size == 0 || name.size == line.size ||
            line.at[name.size] != ':')
            return 400;
        parse_field(context, name, trim(skip(line, name.size + 1)));
        lines = skip(lines, line.size + 2);
    }
    return 0;
}

/* Checks the fields together. Returns 0 or the status of the error. */
static int check_fields(struct parse_context *context)
{
    bool old = context->request->old;
    /* RFC 9112, 3.2 */
    if (context->hosts > 1 || (context->hosts == 1 && !context->valid_host) ||
        (context->hosts == 0 && !old))
        return 400;
    /* RFC 9112, 6.1 and 6.3. With a length or in HTTP/1.0 a transfer coding is
     * an attempt to smuggle. The last coding, and no other, must be chunked. */
    bool chunked = context->chunked == 1 && context->chunked_last;
    if (context->codings > 0)
        return context->lengths == 0 && !old && chunked ? 411 : 400;
    if (context->lengths > 1 ||
        (context->lengths == 1 && !context->valid_length))
        return 400;
    return context->request->body > HTTP_BODY_MAX ? 413 : 0;
}

/* --- the request --------------------------------------------------------- */

/* Parses a complete head. Returns 0 or the status of an error after which the
 * end of the request is unknown. */
static int parse_head(struct parse_context *context, struct text head)
{
    struct text line = before(head, '\r');
    int status = check_request_line(context, line);
    if (status == 0)
        status = parse_fields(context, skip(head, line.size + 2));
    if (status == 0)
        status = check_fields(context);
    if (status == 0 && !parse_target(context))
        status = 400;
    return status;
}

size_t http_read_request(const char *bytes, size_t n,
                         struct http_request *request)
{
    /* Old clients send an empty line after a body (RFC 9112, 2.2). */
    struct text head = {bytes, n};
    while (head.size >= 2 && memcmp(head.at, "\r\n", 2) == 0)
        head = skip(head, 2);
    *request = (struct http_request){0};
    request->begun = head.size > 0 && head.at[0] != '\r';
    /* Known early, because an error reply to HEAD has no body either. */
    request->head_only = head.size >= 5 && memcmp(head.at, "HEAD ", 5) == 0;

    int end = find_end(head);
    if (end == 0 && n < HTTP_HEAD_MAX)
        return 0;
    struct parse_context context = {.request = request};
    if (end > 0)
        request->status =
            parse_head(&context, (struct text){head.at, (size_t)end});
    else
        request->status = end < 0 ? -end : 431;
    if (request->status != 0) {
        request->body = 0;
        return n;
    }

    /* RFC 9112, 9.3: close has precedence. */
    request->keep_alive =
        !context.close && (!request->old || context.keep_alive);
    if (!request->head_only && !is_exactly(context.method, "GET"))
        request->status = 405;
    /* The client sends the body only if a 100 (Continue) reply permits it,
     * which we never send. HTTP/1.0 does not know it (RFC 9110, 10.1.1). */
    if (request->body > 0 && context.expects_continue && !request->old) {
        request->body = 0;
        request->keep_alive = false;
    }
    /* The server may ignore a range (RFC 9110, 14.2) whose condition it cannot
     * evaluate (13.1.5). */
    if (context.if_range)
        request->range[0] = '\0';
    return (size_t)(head.at - bytes) + (size_t)end;
}
