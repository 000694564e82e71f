/*
 * article-size-t.c - well-known samples
 *
 * Claim: a size_t holds what recv returns
 * Truth: false. recv returns ssize_t, and -1 in a size_t is the largest
 * number, so it is "more than 0 bytes". When a client has reset the
 * connection, the article's server prints its old buffer as a message. Used as
 * a length, the number reads past the buffer.
 * Settled by: recv(2), RETURN VALUE: ssize_t.
 * Try: gcc -Wsign-conversion. -Wall -Wextra does not warn.
 */
#include "claim.h"

static char buffer[128];

/* The sample's handler. Returns true if it takes the result for a message. */
static bool message_unsigned(int fd)
{
    size_t size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    return size > 0;
}

static bool message_signed(int fd)
{
    ssize_t size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    return size > 0;
}

/* Creates a client that closes with a greeting unread: ECONNRESET. */
static int reset_connection(void)
{
    int pair[2];
    make_pair(pair);
    send(pair[0], "welcome", 7, 0);
    close(pair[1]);
    return pair[0];
}

int main(void)
{
    const bool wrong = message_unsigned(reset_connection());
    saw(wrong && errno == ECONNRESET, "size_t,  recv says %s: %s",
        error_name(errno), wrong ? "\"a message\"" : "no message");
    const bool right = message_signed(reset_connection());
    saw(!right && errno == ECONNRESET, "ssize_t, recv says %s: %s",
        error_name(errno), right ? "\"a message\"" : "no message");
    return verdict("false", "a size_t holds what recv returns",
                   "a reset connection is taken for a message with size_t, "
                   "for an error with ssize_t");
}
