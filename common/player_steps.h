/*
 * player_steps.h - steps of the player that concern the whole process: its
 * descriptors, its signals and its timers.
 *
 * Only player.c includes this file. A function that returns a string returns
 * NULL, or a sentence that says why the step failed.
 */
#ifndef IOMUX_PLAYER_STEPS_H
#define IOMUX_PLAYER_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

/* Remembers the soft limit of descriptors, which "room" changes. */
void player_remember_limit(void);

/* Sets the soft limit of descriptors. Returns the one before. */
rlim_t player_limit_descriptors(rlim_t limit);

/* Restores the limit that was remembered. Returns the one before. */
rlim_t player_restore_limit(void);

/*
 * Gives the calling thread, and the threads that it creates, a separate table
 * of descriptors, in which the numbers from 3 to first_fd - 1 are free.
 * Replaces *fd with a duplicate in this table, whose number is first_fd or
 * higher. needed is the limit of descriptors that the scenario needs.
 */
const char *player_unshare_descriptors(int first_fd, rlim_t needed, int *fd);

/* Limits the descriptors so that the server can open only room more. */
void player_make_room(size_t room);

/* Stops the process with SIGSTOP and continues it with SIGCONT. */
const char *player_stop_and_continue(void);

/* Sends SIGTERM to the server, and waits until it has handled the signal, at
 * most limit_s seconds. */
const char *player_terminate(int limit_s);

/*
 * Waits for the next timer of the server: the Nth call returns when N timers
 * have expired since the start, or after limit_s seconds. Returns early if
 * interrupted() returns true.
 */
const char *player_await_timer(int limit_s, bool (*interrupted)(void));

#endif
