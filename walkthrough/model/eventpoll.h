/*
 * eventpoll.h - a model of the kernel's epoll, in user space.
 *
 * The names are those of the kernel's fs/eventpoll.c, so that you can compare
 * the two. The calls return the results of the system calls, but -EEXIST, for
 * example, instead of -1 with errno.
 */
#ifndef IOMUX_MODEL_EVENTPOLL_H
#define IOMUX_MODEL_EVENTPOLL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* An open file, to which descriptors refer and which epoll watches. */
struct file {
    uint32_t (*poll)(const struct file *file); /* its events now */
    struct epitem *waiting; /* its wait queue: the registrations to call,
                               newest first */
};

/* One registration. Its key is the pair of file and descriptor. */
struct epitem {
    struct file *file;
    int fd;
    struct epoll_event event;    /* as passed to epoll_ctl */
    struct epitem *next;         /* in the interest list */
    struct epitem *next_waiting; /* in the file's wait queue */
    struct epitem *next_ready;   /* in the ready list ... */
    bool linked;                 /* ... if it is in it */
};

/* An epoll instance, as epoll_create1 creates it. */
struct eventpoll {
    struct epitem *items;   /* the interest list; a tree in the kernel */
    struct epitem *rdllist; /* the ready list */
};

/* epoll_ctl(2) for the file behind descriptor fd. */
int model_ctl(struct eventpoll *ep, int op, struct file *file, int fd,
              const struct epoll_event *event);

/* epoll_wait(2) with a time-out of 0. */
int model_wait(struct eventpoll *ep, struct epoll_event *events, int maxevents);

/*
 * Calls every registration in the wait queue of a file that has changed. key
 * is the event as EPOLL... bits, or 0 if the file does not pass one. In the
 * kernel this is wake_up().
 */
void model_wake(struct eventpoll *ep, struct file *file, uint32_t key);

/* Removes the registrations of a file whose last descriptor was closed. */
void model_release_file(struct eventpoll *ep, struct file *file);

#endif
