/*
 * fd-setsize-define.c - select and poll
 *
 * Claim: define FD_SETSIZE before the headers to make fd_set larger
 * Truth: false with glibc. Its fd_set always has 1024 bits, and its headers
 * define FD_SETSIZE again. On BSD and Windows the sentence is true.
 * Settled by: select(2), NOTES; bits/typesizes.h and sys/select.h of glibc.
 * Try: gcc -E -dM on this file, and look for FD_SETSIZE.
 */
#define FD_SETSIZE 4096

#include "claim.h"

#include <limits.h>
#include <sys/select.h>

int main(void)
{
    saw(FD_SETSIZE == 1024, "#define FD_SETSIZE 4096, then the headers: %d",
        FD_SETSIZE);
    saw(sizeof(fd_set) * CHAR_BIT == 1024, "bits in an fd_set: %zu",
        sizeof(fd_set) * CHAR_BIT);
    return verdict("false",
                   "define FD_SETSIZE before the headers to make fd_set larger",
                   "the headers make FD_SETSIZE 1024 again, and the fd_set has "
                   "1024 bits");
}
