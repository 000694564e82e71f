/*
 * article-nul.c - well-known samples
 *
 * Claim: the bytes that recv has stored are a string that printf can print
 * Truth: false. recv stores bytes without a zero byte at the end. If they are
 * printed with %s, a short message ends with a part of the message before it.
 * One that fills the buffer continues with the memory behind the buffer, which
 * may hold bytes of other clients. Use the length.
 * Settled by: recv(2), RETURN VALUE; printf(3), precision of %s.
 * Try: two arrays instead of one, and -fsanitize=address.
 */
#include "claim.h"

#define BUFFER 16

int main(void)
{
    /* One array, so that reading past the buffer is defined here. */
    static char memory[BUFFER + 32];
    strcpy(memory + BUFFER, "another client's");
    char *const buffer = memory;
    int pair[2];
    make_pair(pair);

    send(pair[1], "a long one", 10, 0);
    recv(pair[0], buffer, BUFFER, 0);
    send(pair[1], "short", 5, 0);
    ssize_t n = recv(pair[0], buffer, BUFFER, 0);
    saw(strcmp(buffer, "shortg one") == 0,
        "\"a long one\", then \"short\", %%s: \"%s\"", buffer);
    saw(n == 5, "with the length, %%.*s: \"%.*s\"", (int)n, buffer);

    send(pair[1], "sixteen bytes ->", 16, 0);
    n = recv(pair[0], buffer, BUFFER, 0);
    saw(n == BUFFER && strlen(buffer) > BUFFER,
        "a message that fills the buffer, %%s: \"%s\"", buffer);
    saw(n == BUFFER, "with the length, %%.*s: \"%.*s\"", (int)n, buffer);
    return verdict(
        "false",
        "the bytes that recv has stored are a string that printf can print",
        "%s prints the end of the last message, and the bytes after a full "
        "buffer");
}
