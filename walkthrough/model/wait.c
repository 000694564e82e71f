/*
 * wait.c - a model of the kernel's wait queues (include/linux/wait.h and
 * kernel/sched/wait.c).
 */
#include "wait.h"

#include <stddef.h>

void wake_up(struct wait_entry **queue, uint32_t key, int exclusive)
{
    struct wait_entry *entry = *queue, *next = NULL;
    for (; entry != NULL; entry = next) {
        next = entry->next;
        bool woke = entry->func(entry, key);
        if (woke && entry->exclusive) {
            exclusive--;
            if (exclusive == 0)
                return;
        }
    }
}

void add_wait_queue(struct wait_entry **queue, struct wait_entry *entry)
{
    entry->next = *queue;
    *queue = entry;
}

void add_wait_queue_tail(struct wait_entry **queue, struct wait_entry *entry)
{
    while (*queue != NULL)
        queue = &(*queue)->next;
    add_wait_queue(queue, entry);
}

void remove_wait_queue(struct wait_entry **queue,
                       const struct wait_entry *entry)
{
    while (*queue != NULL && *queue != entry)
        queue = &(*queue)->next;
    if (*queue != NULL)
        *queue = entry->next;
}
