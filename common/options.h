/*
 * options.h - the command line of every stage.
 */
#ifndef IOMUX_OPTIONS_H
#define IOMUX_OPTIONS_H

#include "demo.h"

#include <stdbool.h>
#include <stddef.h>

/* The values of the options. The texts are parts of argv. */
struct options {
    long clients, messages, interval_ms, stagger_ms, size;
    const char *path;     /* --socket, or NULL */
    const char *scenario; /* or NULL */
    const char *json;     /* or NULL */
    bool serve, connect, states, quiet, help, version;
};

/* What --help and the error messages need to know of the program. */
struct options_program {
    const char *name;              /* such as "06-epoll-lt" */
    const char *done;              /* "echoed", or "answered" */
    bool echoes;                   /* it has the echo protocol */
    const struct demo_option *own; /* options of this stage alone */
    size_t own_count;
};

enum { OPTIONS_MAX_OWN = 8 };

/*
 * Parses the command line into *options, and into the variables of the stage's
 * own options. Returns -1 if the program must run, or the exit status: 0 after
 * --help and --version, 2 after an error message.
 */
int options_parse(int argc, char **argv, const struct options_program *program,
                  struct options *options);

#endif
