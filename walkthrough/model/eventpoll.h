/*
 * eventpoll.h - a model of the kernel's epoll, in user space.
 *
 * The names are the kernel's, of fs/eventpoll.c, so that one can be read
 * beside the other. The calls return what the system calls return, with
 * -EEXIST instead of -1 and errno.
 */
#ifndef IOMUX_MODEL_EVENTPOLL_H
#define IOMUX_MODEL_EVENTPOLL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* An open file: what descriptors point to, and what epoll watches. */
struct file {
    uint32_t (*poll)(const struct file *file); /* what is true of it now */
    struct epitem *waiting; /* its wait queue: who wants to be called, newest
                               first */
};

/* One registration. Its key is the pair of file and descriptor. */
struct epitem {
    struct file *file;
    int fd;
    struct epoll_event event;    /* what epoll_ctl was given */
    struct epitem *next;         /* in the interest list */
    struct epitem *next_waiting; /* in the file's wait queue */
    struct epitem *next_ready;   /* in the ready list ... */
    bool linked;                 /* ... if it is in it */
};

/* What epoll_create1 makes. */
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
 * Something happened to a file: call all in its wait queue. key says what, as
 * EPOLL... bits; 0: the file does not say. What wake_up() is in the kernel.
 */
void model_wake(struct eventpoll *ep, struct file *file, uint32_t key);

/* The last descriptor of a file was closed: forget all about it. */
void model_release_file(struct eventpoll *ep, struct file *file);

#endif
