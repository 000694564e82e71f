/*
 * fd-set-bounds.c - select and poll
 *
 * Claim: FD_SET with a number above 1023 is not noticed
 * Truth: depends. It writes past the set, which is undefined behaviour. If the
 * program is compiled with -D_FORTIFY_SOURCE=2 and optimisation, glibc checks
 * the number and ends the program with SIGABRT.
 * Settled by: select(2), BUGS; feature_test_macros(7), _FORTIFY_SOURCE; the
 * header bits/select2.h of glibc.
 * Try: cc -O2 -D_FORTIFY_SOURCE=2 on a program of your own.
 */
#undef _FORTIFY_SOURCE /* some distributions define it in the compiler */
#include "claim.h"

#include <sys/select.h>

#define NUMBER 1500
#define WORD   (NUMBER / (int)(8 * sizeof(long)))

static void set_plain(int fd, fd_set *set)
{
    FD_SET(fd, set);
}

#include <bits/select2.h> /* sys/select.h does so with _FORTIFY_SOURCE */

static void set_checked(int fd, fd_set *set)
{
    FD_SET(fd, set);
}

/* Called through this pointer, so that the compiler does not see the number. */
static void (*volatile set_bit)(int fd, fd_set *set);

/* Returns 1 if FD_SET wrote past the set, else 0. */
static int write_past_the_set(int unused)
{
    static unsigned long memory[2 * sizeof(fd_set) / sizeof(long)];
    struct rlimit no_core = {0, 0};
    (void)unused;
    setrlimit(RLIMIT_CORE, &no_core);
    close(STDERR_FILENO); /* glibc prints a message there */
    set_bit(NUMBER, (fd_set *)(void *)memory);
    return WORD >= FD_SETSIZE / (int)(8 * sizeof(long)) && memory[WORD] != 0;
}

int main(void)
{
    fflush(stdout);
    set_bit = set_plain;
    int plain = end_of(start_child(write_past_the_set, 0));
    saw(plain == 1, "FD_SET(%d) writes past the set: %s", NUMBER,
        plain == 1 ? "yes" : "no");
    fflush(stdout);
    set_bit = set_checked;
    int checked = end_of(start_child(write_past_the_set, 0));
    saw(checked == 128 + SIGABRT, "the same, compiled to be checked: %s",
        checked == 128 + SIGABRT ? "SIGABRT" : "not noticed");
    return verdict("depends", "FD_SET with a number above 1023 is not noticed",
                   "it writes past the set; with _FORTIFY_SOURCE the program "
                   "is aborted");
}
