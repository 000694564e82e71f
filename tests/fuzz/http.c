/*
 * http.c - arbitrary bytes as a request to stage 11, read twice.
 *
 * demos/http_request.c walks through the bytes. The second reading, in this
 * file, was written from the RFCs alone and shares no code with the first: it
 * compares whole lines with the grammar of RFC 9112, RFC 9110 and RFC 3986, as
 * regular expressions. The two must agree in every field of struct
 * http_request. If they do not, a proxy and this server may disagree as well,
 * and one request can be smuggled inside another.
 *
 * The program also checks what the stage relies on: the result does not depend
 * on where the bytes are cut, a reply to HEAD has no body, its length is right,
 * and no file outside the root is opened. scripts/fuzz builds and runs it.
 */
#include "../../demos/http_reply.h"
#include "../../demos/http_request.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stands for that of common/trace.c. */
char *trace_last(void)
{
    return strdup("a line of the trace\n");
}

static void fail(int line)
{
    fprintf(stderr, "tests/fuzz/http.c:%d: this does not hold\n", line);
    abort();
}

#define CHECK(condition) ((condition) ? (void)0 : fail(__LINE__))

/* --- the grammar --------------------------------------------------------- */

/* RFC 9110, 5.6.2 and 5.6.3; RFC 9112, 2.3, 3 and 5. */
#define METHOD       "([!#$%&'*+.^_`|~0-9A-Za-z-]+)"
#define REQUEST_LINE METHOD " ([!\"$-~]+) HTTP/([0-9])\\.([0-9])"
#define FIELD_LINE   METHOD ":[ \t]*(.*)"

/* RFC 3986, 2 and 3.2.2. */
#define H16   "[0-9A-Fa-f]{1,4}"
#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define LS32  "(" H16 ":" H16 "|" OCTET "(\\." OCTET "){3})"
#define IPV6                                                                   \
    "((" H16 ":){6}" LS32 "|::(" H16 ":){5}" LS32 "|(" H16 ")?::(" H16         \
    ":){4}" LS32 "|((" H16 ":){0,1}" H16 ")?::(" H16 ":){3}" LS32 "|((" H16    \
    ":){0,2}" H16 ")?::(" H16 ":){2}" LS32 "|((" H16 ":){0,3}" H16 ")?::" H16  \
    ":" LS32 "|((" H16 ":){0,4}" H16 ")?::" LS32 "|((" H16 ":){0,5}" H16       \
    ")?::" H16 "|((" H16 ":){0,6}" H16 ")?::)"
#define FUTURE      "[vV][0-9A-Fa-f]+\\.[!$&'()*+,;=:._~0-9A-Za-z-]+"
#define NAME        "([!$&'()*+,;=._~0-9A-Za-z-]|%[0-9A-Fa-f]{2})"
#define HOST(names) "(\\[(" IPV6 "|" FUTURE ")\\]|" NAME names ")"

enum rule {
    IS_REQUEST_LINE, /* 1 method, 2 target, 3 and 4 version */
    IS_FIELD_LINE,   /* 1 name, 2 value */
    IS_HOST,         /* Host: RFC 9112, 3.2 */
    IS_AUTHORITY,    /* target of CONNECT: RFC 9112, 3.2.3; RFC 9110, 9.3.6 */
    IS_ABSOLUTE,     /* RFC 9112, 3.2.2; RFC 9110, 4.2.1: a host is needed */
    IS_PATH,         /* with good escapes and no NUL */
    IS_LENGTH,
    RULES
};

static const char *const grammar[RULES] = {
    [IS_REQUEST_LINE] = "^" REQUEST_LINE "$",
    [IS_FIELD_LINE] = "^" FIELD_LINE "$",
    [IS_HOST] = "^" HOST("*") "(:[0-9]*)?$",
    [IS_AUTHORITY] = "^" HOST("+") ":0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|"
                                   "6[0-4][0-9]{3}|65[0-4][0-9]{2}|"
                                   "655[0-2][0-9]|6553[0-5])$",
    [IS_ABSOLUTE] = "^[hH][tT][tT][pP]://" HOST("+") "(:[0-9]*)?([/?].*)?$",
    [IS_PATH] = "^/([^%]|%([1-9A-Fa-f][0-9A-Fa-f]|0[1-9A-Fa-f]))*$",
    [IS_LENGTH] = "^[0-9]+$",
};

static regmatch_t groups[5];

static bool matches(enum rule rule, const char *text)
{
    static regex_t compiled[RULES];
    static bool ready;
    for (int i = 0; i < RULES && !ready; i++)
        CHECK(regcomp(&compiled[i], grammar[i],
                      REG_EXTENDED | (i > IS_FIELD_LINE ? REG_NOSUB : 0)) == 0);
    ready = true;
    return regexec(&compiled[rule], text, 5, groups, 0) == 0;
}

/* Copies a group of the last match. */
static char *group(const char *text, int i)
{
    size_t size = (size_t)(groups[i].rm_eo - groups[i].rm_so);
    return strndup(text + groups[i].rm_so, size);
}

/* --- the second reading -------------------------------------------------- */

/* What the second reading finds. */
struct reading {
    int status;
    bool begun, old, head_only, keep_alive;
    size_t used; /* 0 if the head is incomplete */
    unsigned long long body;
    const char *if_match, *if_none_match; /* as in struct http_request */
    char range[9000], modified[9000], unmodified[9000], path[9000];
};

/* All fields of one name as one list, with commas between them (RFC 9110, 5.3),
 * and how many there are. */
struct field {
    const char *name;
    char value[20000];
    int count;
};

enum name {
    HOST_FIELD,
    LENGTH,
    CODING,
    CONNECTION,
    EXPECT,
    RANGE,
    IF_RANGE,
    MODIFIED,
    UNMODIFIED,
    MATCH,
    NONE_MATCH,
    NAMES
};

static struct field fields[NAMES] = {
    [HOST_FIELD] = {.name = "Host"},
    [LENGTH] = {.name = "Content-Length"},
    [CODING] = {.name = "Transfer-Encoding"},
    [CONNECTION] = {.name = "Connection"},
    [EXPECT] = {.name = "Expect"},
    [RANGE] = {.name = "Range"},
    [IF_RANGE] = {.name = "If-Range"},
    [MODIFIED] = {.name = "If-Modified-Since"},
    [UNMODIFIED] = {.name = "If-Unmodified-Since"},
    [MATCH] = {.name = "If-Match"},
    [NONE_MATCH] = {.name = "If-None-Match"},
};

/* Stores the fields of the lines up to the empty one. Returns false if a line
 * is not a field (RFC 9112, 5). */
static bool split_fields(char *lines)
{
    for (int i = 0; i < NAMES; i++) {
        fields[i].count = 0;
        fields[i].value[0] = '\0';
    }
    for (char *end; (end = strstr(lines, "\r\n")) != lines; lines = end + 2) {
        *end = '\0';
        if (!matches(IS_FIELD_LINE, lines))
            return false;
        char *name = group(lines, 1), *value = group(lines, 2);
        size_t size = strlen(value);
        while (size > 0 && strchr(" \t", value[size - 1]) != NULL)
            value[--size] = '\0';
        for (int i = 0; i < NAMES; i++)
            if (strcasecmp(fields[i].name, name) == 0) {
                if (fields[i].count++ > 0)
                    strcat(fields[i].value, ",");
                strcat(fields[i].value, value);
            }
        free(name);
        free(value);
    }
    return true;
}

/* Counts the members of a list that are word, and says whether the last one
 * is (RFC 9110, 5.6.1.2). */
static int count_members(enum name name, const char *word, bool *last)
{
    char *list = strdup(fields[name].value), *next = list, *member;
    int count = 0;
    *last = false;
    while ((member = strsep(&next, ",")) != NULL) {
        member += strspn(member, " \t");
        size_t size = strlen(member);
        while (size > 0 && strchr(" \t", member[size - 1]) != NULL)
            member[--size] = '\0';
        if (size == 0)
            continue;
        *last = strcasecmp(member, word) == 0;
        count += *last;
    }
    free(list);
    return count;
}

/* A value that is kept only if it stands alone and is short. */
static void keep(char *kept, enum name name)
{
    bool good = fields[name].count == 1 && strlen(fields[name].value) < 80;
    strcpy(kept, good ? fields[name].value : "");
}

static const char *tags(enum name name)
{
    return fields[name].count == 0                ? "none"
           : strcmp(fields[name].value, "*") == 0 ? "any"
                                                  : "some";
}

/* RFC 9112, 6.3, and 3.2 for Host. Returns 0 or the status of the error. */
static int read_framing(struct reading *r)
{
    bool last, no_host = fields[HOST_FIELD].count == 0;
    if (fields[HOST_FIELD].count > 1 || (no_host && !r->old) ||
        (!no_host && !matches(IS_HOST, fields[HOST_FIELD].value)))
        return 400;
    int chunked = count_members(CODING, "chunked", &last);
    if (fields[CODING].count > 0 &&
        (fields[LENGTH].count > 0 || r->old || chunked != 1 || !last))
        return 400;
    if (fields[CODING].count > 0)
        return 411;
    if (fields[LENGTH].count == 0)
        return 0;
    if (!matches(IS_LENGTH, fields[LENGTH].value))
        return 400; /* also for several fields: there is a comma */
    errno = 0;
    r->body = strtoull(fields[LENGTH].value, NULL, 10);
    return errno == ERANGE || r->body > 65536 ? 413 : 0;
}

/* RFC 9112, 3.2. */
static bool read_target(struct reading *r, const char *method, char *target)
{
    if (strcmp(method, "CONNECT") == 0)
        return matches(IS_AUTHORITY, target);
    if (strcmp(method, "OPTIONS") == 0 && strcmp(target, "*") == 0)
        return true;
    if (target[0] != '/') {
        if (!matches(IS_ABSOLUTE, target))
            return false;
        target += strlen("http://");
        target += strcspn(target, "/?");
    }
    target[strcspn(target, "?")] = '\0';
    if (!matches(IS_PATH, *target != '\0' ? target : "/"))
        return false;
    char *path = r->path;
    for (const char *c = *target != '\0' ? target : "/"; *c != '\0'; c++) {
        unsigned byte = (unsigned char)*c;
        if (byte == '%') {
            sscanf(c + 1, "%2x", &byte);
            c += 2;
        }
        *path++ = (char)byte;
    }
    *path = '\0';
    return true;
}

/* Reads a complete head, to which it writes. */
static int read_head(struct reading *r, char *head)
{
    static const char methods[] =
        " GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH ";
    char *end = strstr(head, "\r\n"), word[9000];
    *end = '\0';
    if (!matches(IS_REQUEST_LINE, head))
        return 400;
    char *method = group(head, 1), *target = group(head, 2);
    r->old = head[groups[4].rm_so] == '0';
    bool good_version = head[groups[3].rm_so] == '1', last;
    snprintf(word, sizeof(word), " %s ", method);
    int status = !good_version                   ? 505
                 : strstr(methods, word) == NULL ? 501
                 : !split_fields(end + 2)        ? 400
                                                 : read_framing(r);
    if (status == 0 && !read_target(r, method, target))
        status = 400;
    if (status == 0) {
        r->status = strstr(" GET HEAD ", word) == NULL ? 405 : 0;
        bool close = count_members(CONNECTION, "close", &last) > 0;
        bool stay = count_members(CONNECTION, "keep-alive", &last) > 0;
        r->keep_alive = !close && (stay || !r->old);
        if (r->body > 0 && !r->old &&
            count_members(EXPECT, "100-continue", &last) > 0) {
            r->body = 0;
            r->keep_alive = false;
        }
        keep(r->range, RANGE);
        if (fields[IF_RANGE].count > 0)
            r->range[0] = '\0';
        keep(r->modified, MODIFIED);
        keep(r->unmodified, UNMODIFIED);
        r->if_match = tags(MATCH);
        r->if_none_match = tags(NONE_MATCH);
    }
    free(method);
    free(target);
    return status;
}

/* The first byte that no head may contain (RFC 9112, 2.2; RFC 9110, 5.5), or
 * size. */
static size_t find_bad_byte(const char *head, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool has_lf = i + 1 < size && head[i + 1] == '\n';
        bool has_cr = i > 0 && head[i - 1] == '\r';
        if ((head[i] == '\r' && !has_lf && i + 1 < size) ||
            (head[i] == '\n' && !has_cr) ||
            (strchr("\r\n\t", head[i]) == NULL && (head[i] & 0xe0) == 0) ||
            head[i] == '\0' || head[i] == 127)
            return i;
    }
    return size;
}

static void read_again(const char *bytes, size_t n, struct reading *r)
{
    memset(r, 0, sizeof(*r));
    size_t blank = 0;
    while (n - blank >= 2 && bytes[blank] == '\r' && bytes[blank + 1] == '\n')
        blank += 2;
    const char *head = bytes + blank;
    size_t size = n - blank;
    r->begun = size > 0 && head[0] != '\r';
    r->head_only = size >= 5 && strncmp(head, "HEAD ", 5) == 0;

    const char *end = memmem(head, size, "\r\n\r\n", 4);
    const char *line = memmem(head, size, "\r\n", 2);
    size_t bad = find_bad_byte(head, size);
    size_t complete = end != NULL ? (size_t)(end - head) + 4 : size + 1;
    bool long_line = line != NULL ? line - head > 4096 : size > 4096;
    if (line == NULL && size == 4097 && head[4096] == '\r')
        long_line = false; /* LF may follow */
    int status = 0;
    if (bad < complete && bad < size && !(long_line && bad > 4096))
        status = 400;
    else if (long_line)
        status = 414;
    else if (end == NULL && n >= 8192)
        status = 431;
    else if (end == NULL)
        return; /* incomplete */
    r->used = n;
    if (status == 0) {
        char *copy = strndup(head, complete);
        status = read_head(r, copy);
        free(copy);
    }
    if (status != 0) {
        r->status = status;
        r->keep_alive = false;
        r->body = 0;
    } else {
        r->used = blank + complete;
    }
}

static const char *tags_of(enum http_tags found)
{
    return found == HTTP_NO_TAGS   ? "none"
           : found == HTTP_ANY_TAG ? "any"
                                   : "some";
}

/* Both readings must agree. */
static void compare(const char *bytes, size_t n)
{
    static struct reading second;
    struct http_request first;
    size_t used = http_read_request(bytes, n, &first);
    read_again(bytes, n, &second);
    CHECK(used == second.used);
    CHECK(first.begun == second.begun);
    CHECK(first.head_only == second.head_only);
    if (used == 0)
        return;
    if (first.status != second.status)
        fprintf(stderr, "%d, but %d\n", first.status, second.status);
    CHECK(first.status == second.status);
    CHECK(first.keep_alive == second.keep_alive);
    CHECK(first.body == second.body);
    if (first.status != 0 && first.status != 405)
        return;
    CHECK(first.old == second.old);
    CHECK(strcmp(first.range, second.range) == 0);
    CHECK(strcmp(first.modified_since, second.modified) == 0);
    CHECK(strcmp(first.unmodified_since, second.unmodified) == 0);
    CHECK(strcmp(tags_of(first.if_match), second.if_match) == 0);
    CHECK(strcmp(tags_of(first.if_none_match), second.if_none_match) == 0);
    CHECK(first.status != 0 || strcmp(first.path, second.path) == 0);
}

/* --- the reply ----------------------------------------------------------- */

/* The document root, with one file, and a link that leads out of it. */
static int open_root(ino_t *inode)
{
    int root = open("tests/fuzz/http_root", O_PATH | O_DIRECTORY);
    struct stat about;
    CHECK(root >= 0 && fstatat(root, "a.txt", &about, 0) == 0);
    *inode = about.st_ino;
    return root;
}

static void check_reply(const struct http_request *request)
{
    static int root = -1;
    static ino_t inode;
    struct http_reply reply;
    struct stat about;
    int status;
    if (root < 0)
        root = open_root(&inode);
    CHECK(http_make_reply(&reply, request, root));
    CHECK(sscanf(reply.text, "HTTP/1.1 %3d ", &status) == 1);
    CHECK(request->status == 0 || request->status == status);
    CHECK(strstr(reply.text, "\r\nDate: ") != NULL);
    const char *close = strstr(reply.text, "\r\nConnection: close\r\n");
    CHECK((close != NULL) == !request->keep_alive);
    const char *body = strstr(reply.text, "\r\n\r\n") + 4;
    size_t size = strlen(body) + reply.left;
    CHECK(reply.size == strlen(reply.text) && reply.sent == 0);
    const char *length = strstr(reply.text, "\r\nContent-Length: ");
    CHECK((length == NULL) == (status == 304));
    if (request->head_only || status == 304)
        CHECK(size == 0); /* RFC 9110, 9.3.2, 15.4.5 */
    else
        CHECK(size ==
              strtoul(length + strlen("\r\nContent-Length: "), NULL, 10));
    if (reply.file >= 0)
        CHECK(fstat(reply.file, &about) == 0 && about.st_ino == inode &&
              reply.left > 0 &&
              reply.offset + (off_t)reply.left <= about.st_size);
    http_reply_free(&reply);
}

static void check_range(const char *text)
{
    off_t first = 0, count = 0;
    int status = http_range(text, 1000, &first, &count);
    CHECK(status == 200 || status == 206 || status == 416);
    if (status == 206)
        CHECK(first >= 0 && count > 0 && first + count <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 > HTTP_HEAD_MAX)
        return 0;
    /* The first two bytes decide where the others are cut. They are copied, so
     * that the sanitizer finds a read after the end. */
    size -= 2;
    size_t cut = size > 0 ? (data[0] << 8 | data[1]) % size : 0;
    char *bytes = malloc(size + (size == 0));
    char *begin = malloc(cut + (cut == 0));
    CHECK(bytes != NULL && begin != NULL);
    memcpy(bytes, data + 2, size);
    memcpy(begin, data + 2, cut);

    struct http_request whole, part;
    size_t used = http_read_request(bytes, size, &whole);
    size_t early = http_read_request(begin, cut, &part);
    CHECK(used <= size && early <= cut);
    if (early > 0)
        CHECK(used > 0 && part.status == whole.status);
    if (early > 0 && part.keep_alive)
        CHECK(early == used && strcmp(part.path, whole.path) == 0);
    compare(bytes, size);
    compare(begin, cut);
    if (used > 0) {
        CHECK(whole.status == 0 || whole.status >= 400);
        CHECK(whole.body <= HTTP_BODY_MAX);
        CHECK(whole.path[0] == '/' || whole.status != 0);
        CHECK(!whole.keep_alive || whole.status == 0 || whole.status == 405);
        check_reply(&whole);
        check_range(whole.range);
    }
    free(bytes);
    free(begin);
    return 0;
}
