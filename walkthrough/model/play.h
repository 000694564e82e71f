/*
 * play.h - what the files of the player share: names, steps and results.
 */
#ifndef IOMUX_MODEL_PLAY_H
#define IOMUX_MODEL_PLAY_H

#include "eventpoll.h"
#include "socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { NAMES = 512, NAME_SIZE = 5, MOST_WORDS = 6, LINE_SIZE = 128 };

enum kind { SOCKET, SET, PLAIN };

/* What descriptors refer to, on both sides. */
struct open_file {
    enum kind kind;
    int descriptors;    /* how many names refer to it */
    struct file *file;  /* of the model */
    struct sock *peer;  /* the end of a socket that has no name, or NULL */
    int peer_fd;        /* its real descriptor, or -1 if it is closed */
    bool peer_is_named; /* there is no such end */
};

/* A word of the script that stands for a descriptor. Its index is the data of
 * its events. */
struct name {
    char text[NAME_SIZE];
    int fd; /* the real descriptor, and its number in the model; -1: closed */
    struct open_file *open; /* NULL: not used yet */
};

/* The text of a result. It is long enough for any. */
struct result {
    char text[8192];
    size_t length;
};

/* A line of the script, and what it has given on both sides. */
struct step {
    const char *line;
    char *words[MOST_WORDS + 1]; /* the verb, its arguments, NULL */
    int count;
    struct name *set; /* where add, wait and others work */
    struct result real, ours;
};

extern struct name names[NAMES];

/* Prints a sentence on standard error and ends the program with status 2. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2)))
__attribute__((noreturn));

/* --- steps.c ------------------------------------------------------------- */

/* Plays one line on both sides and prints it, unless it is quiet. Returns
 * whether both sides gave the same. */
bool play_line(const char *line);

/* Begins a script: opens the set that needs no name. */
void begin_script(void);

/* Closes everything that the script has opened. */
void end_script(void);

/* Where during-copy takes its lines from. Returns false at the end. */
typedef bool line_source(char line[LINE_SIZE]);
extern line_source *next_line;

/* Do not print steps that agree. */
extern bool quiet;

/* Returns the index of an open name, or -1. */
int find_name(const char *word);

/* Returns the name that a word stands for. fresh: it must be unused. */
struct name *name_of(const char *word, bool fresh);

/* Returns the number that a word is, from least to most. */
size_t number_of(const char *word, size_t least, size_t most);

/* Add to the text of a result. */
void add(struct result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void add_number(struct result *result, ssize_t n);
void add_events(struct result *result, const struct epoll_event *events,
                ssize_t n);

/* Returns n, or -errno if it is negative. */
ssize_t or_errno(ssize_t n);

/* Starts a call in the kernel that stops in the copy of its first event, plays
 * lines up to "}", and lets the call go on. */
void during_copy(struct step *step);

/* Whether the kernel permits that. */
bool can_stop_copies(void);

/* --- sleepers.c ---------------------------------------------------------- */

void sleep_step(struct step *step);      /* sleep T [N] */
void sleep_poll_step(struct step *step); /* sleep-poll T a */
void signal_step(struct step *step);     /* signal T */
void awake_step(struct step *step);      /* awake */

/* Waits until every thread in the kernel is blocked or has returned. */
void settle(void);

/* Whether a thread T is in a call, or its result was not shown yet. */
bool is_sleeping(int letter);
bool any_sleeps(void);
bool sleeps_in(const struct file *file);

/* Whether such a thread is in epoll_wait, or in poll, of file. */
bool waits_in(const struct file *file);
bool polls_in(const struct file *file);

/* Ends all threads. */
void end_sleepers(void);

/* --- random.c ------------------------------------------------------------ */

/* Makes up a script of seed and plays it. */
bool play_random(size_t seed);

#endif
