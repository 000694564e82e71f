/*
 * eventpoll.h - a model of the kernel's epoll, in user space.
 *
 * The names are those of fs/eventpoll.c in Linux 6.18, so that you can compare
 * the two. The calls return the results of the system calls, but -EEXIST, for
 * example, instead of -1 with errno.
 */
#ifndef IOMUX_MODEL_EVENTPOLL_H
#define IOMUX_MODEL_EVENTPOLL_H

#include "wait.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* An open file, to which descriptors refer and which epoll watches. */
struct file {
    uint32_t (*poll)(struct file *file); /* its events now, or NULL: EPERM */
    struct wait_entry *waiting;          /* its wait queue */
    struct epitem *refs;                 /* its registrations */
};

/* One registration. Its key is the pair of file and descriptor. */
struct epitem {
    struct wait_entry entry; /* in the wait queue of the file; first */
    struct eventpoll *ep;
    struct file *file;
    int fd;
    struct epoll_event event;     /* as passed to epoll_ctl */
    struct epitem *next;          /* in the interest list */
    struct epitem *next_ref;      /* in the registrations of the file */
    struct epitem *next_ready;    /* in the ready list ... */
    bool linked;                  /* ... if it is in it */
    struct epitem *next_overflow; /* in the overflow list ... */
    bool overflowed;              /* ... if it is in it */
};

/* An epoll instance, or set. It is a file, so another set can watch it. */
struct eventpoll {
    struct file file;       /* first; its wait queue is poll_wait */
    struct epitem *items;   /* the interest list; a tree in the kernel */
    struct epitem *rdllist; /* the ready list */
    struct epitem *ovflist; /* the overflow list, newest first ... */
    bool scanning;          /* ... which is in use during a scan */
    struct wait_entry *wq;  /* the threads that are blocked in epoll_wait */
};

/* One call of epoll_wait(2), or of poll(2) for IN of one file. */
struct waiter {
    struct wait_entry entry; /* in the queue in which it is blocked; first */
    struct file *file;       /* the first argument, or NULL: EBADF */
    bool polls;              /* the call is poll(2) */
    struct epoll_event *events;
    int maxevents;
    int room;       /* events that fit before an address that is not mapped */
    bool timed_out; /* the time-out is 0 or has expired */
    bool signal;    /* a signal is pending */
    bool asleep;    /* the call is blocked */
    int result;     /* what the call has returned, if it is not blocked */
    struct waiter *next_woken;
};

/* Initialises an empty set. */
void model_create(struct eventpoll *ep);

/* The last descriptor of a set was closed: removes its registrations. */
void model_free(struct eventpoll *ep);

/* epoll_ctl(2). file is the file behind fd, and epfile the one behind the first
 * argument. NULL is a descriptor that is not open, or a wrong address. */
int model_ctl(struct file *epfile, int op, struct file *file, int fd,
              const struct epoll_event *event);

/* epoll_wait(2) or poll(2): runs until the call is blocked or has returned. */
void model_wait(struct waiter *waiter);

/* Ends a blocked call by a signal or, with timed_out, by its time-out. */
void model_interrupt(struct waiter *waiter, bool timed_out);

/* Runs the threads that were woken, until all are blocked or have returned. */
void model_run(void);

/*
 * Something happened to a file: calls the entries of its wait queue. key is
 * EPOLL... bits, or 0 if the file does not report what happened. At most
 * exclusive exclusive entries are woken. 0 means all.
 */
void model_wake(struct file *file, uint32_t key, int exclusive);

/* The last descriptor of a file was closed: removes all its registrations. */
void model_release_file(struct file *file);

/* If not NULL, the next scan calls this function once, when it is about to copy
 * its first event. No lock is held then, so files may change. */
typedef void copy_hook(void);
extern copy_hook *model_copying;

/* Whether this process may use EPOLLWAKEUP. */
extern bool model_can_block_suspend;

#endif
