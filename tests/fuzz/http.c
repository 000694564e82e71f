/*
 * http.c - any bytes at all as a request, for stage 11.
 *
 * The sanitizers see a byte read or written out of place; what is checked here
 * is what the stage relies on: the same answer however the bytes come in, a
 * path that begins with a slash, a body of bounded size, no file but the one
 * below the root. scripts/fuzz builds and runs it.
 */
#include "../../demos/http_reply.h"
#include "../../demos/http_request.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

/* The document root, with one file, and a link that leads out of it. */
static int open_root(ino_t *inode)
{
    const int root = open("tests/fuzz/http_root", O_PATH | O_DIRECTORY);
    struct stat about;
    check(root >= 0 && fstatat(root, "a.txt", &about, 0) == 0);
    *inode = about.st_ino;
    return root;
}

static void check_reply(const struct http_request *request)
{
    static int root = -1;
    static ino_t inode;
    struct http_reply reply;
    struct stat about;
    if (root < 0)
        root = open_root(&inode);
    const bool good = request->status != 0
                          ? http_reply_error(&reply, request, request->status)
                          : http_reply_file(&reply, request, root);
    check(good && reply.size > 20 && memcmp(reply.text, "HTTP/1.1 ", 9) == 0);
    check(memmem(reply.text, reply.size, "\r\n\r\n", 4) != NULL);
    if (reply.file >= 0)
        check(fstat(reply.file, &about) == 0 && about.st_ino == inode &&
              reply.left > 0 &&
              reply.offset + (off_t)reply.left <= about.st_size);
    http_reply_free(&reply);
}

static void check_range(const char *text)
{
    off_t first = 0, count = 0;
    const int status = http_range(text, 1000, &first, &count);
    check(status == 200 || status == 206 || status == 416);
    if (status == 206)
        check(first >= 0 && count > 0 && first + count <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 > HTTP_HEAD_MAX)
        return 0;
    /* Two bytes say where it is cut. A copy: no byte after it may be read. */
    size -= 2;
    const size_t cut = size > 0 ? (data[0] << 8 | data[1]) % size : 0;
    char *const bytes = malloc(size + (size == 0));
    char *const begin = malloc(cut + (cut == 0));
    check(bytes != NULL && begin != NULL);
    memcpy(bytes, data + 2, size);
    memcpy(begin, data + 2, cut);

    struct http_request whole, part;
    const size_t used = http_read_request(bytes, size, &whole);
    const size_t early = http_read_request(begin, cut, &part);
    check(used <= size && early <= cut);
    if (early > 0)
        check(used > 0 && part.status == whole.status);
    if (early > 0 && part.keep_alive)
        check(early == used && strcmp(part.path, whole.path) == 0);
    if (used > 0) {
        check(whole.status == 0 || whole.status >= 400);
        check(whole.body <= HTTP_BODY_MAX);
        check(whole.path[0] == '/' || whole.status != 0);
        check(!whole.keep_alive || whole.status == 0 || whole.status == 405);
        check_reply(&whole);
        check_range(whole.range);
    }
    free(bytes);
    free(begin);
    return 0;
}
