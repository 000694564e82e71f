/*
 * wait.h - a model of the kernel's wait queues.
 *
 * A wait queue is a list of functions to call when something happens. For a
 * blocked thread this function makes the thread run again.
 */
#ifndef IOMUX_MODEL_WAIT_H
#define IOMUX_MODEL_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* An entry of a wait queue. A wake-up calls func, which returns whether it has
 * woken a thread. func may remove its own entry. */
struct wait_entry {
    bool (*func)(struct wait_entry *entry, uint32_t key);
    bool exclusive; /* a wake-up ends with such an entry that it has woken */
    struct wait_entry *next;
};

/* Calls the entries of a queue in their order, until it has woken as many
 * exclusive ones as exclusive says. 0 means all. key is the event, or 0. */
void wake_up(struct wait_entry **queue, uint32_t key, int exclusive);

/* Inserts an entry at the head, or at the tail. */
void add_wait_queue(struct wait_entry **queue, struct wait_entry *entry);
void add_wait_queue_tail(struct wait_entry **queue, struct wait_entry *entry);

/* Removes an entry, if it is in the queue. */
void remove_wait_queue(struct wait_entry **queue,
                       const struct wait_entry *entry);

#endif
