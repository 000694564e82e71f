/*
 * eventpoll.c - a model of the kernel's epoll: two lists and four rules.
 *
 * The interest list holds all registrations, and the ready list holds those to
 * check. A file that changes puts its registration on the ready list, at most
 * once (ep_poll_callback). A wait takes the ready list, polls each file, and
 * puts level-triggered registrations back (ep_send_events). Only this last step
 * distinguishes level- from edge-triggered.
 *
 * Leaves out: blocking and wake-ups, the overflow list (nothing happens during
 * a wait of the model), nested epoll instances, EPOLLEXCLUSIVE and EPOLLWAKEUP.
 * The interest list is a plain list instead of a red-black tree. It is slower
 * and has the same content.
 *
 * Try: build/model walkthrough/model/level.ep. Then remove the line that puts
 * a registration back, and find the step where the kernel and the model differ.
 */
#include "eventpoll.h"

#include <errno.h>
#include <stdlib.h>

/* Bits that are not events. The kernel's EP_PRIVATE_BITS also has EPOLLWAKEUP
 * and EPOLLEXCLUSIVE, which the model leaves out. */
static const uint32_t HIDDEN = EPOLLONESHOT | EPOLLET;

/* --- the ready list ------------------------------------------------------ */

/* Appends item to a list of ready items, unless it is in one already. */
static void make_ready(struct epitem **list, struct epitem *item)
{
    if (item->linked)
        return;
    while (*list != NULL)
        list = &(*list)->next_ready;
    item->linked = true;
    item->next_ready = NULL;
    *list = item;
}

static struct epitem *take_first(struct epitem **list)
{
    struct epitem *const item = *list;
    *list = item->next_ready;
    item->linked = false;
    return item;
}

/* Returns the registered events that the file has now. */
static uint32_t ep_item_poll(const struct epitem *item)
{
    return item->file->poll(item->file) & item->event.events;
}

/*
 * Rule 1: a file that changes calls this function. It does not poll the file.
 * It only puts the registration on the ready list, at most once.
 */
static void ep_poll_callback(struct eventpoll *ep, struct epitem *item,
                             uint32_t key)
{
    const uint32_t asked = item->event.events;
    if ((asked & ~HIDDEN) == 0)
        return; /* EPOLLONESHOT: disabled after its report, until MOD */
    if (key != 0 && (key & asked) == 0)
        return; /* the item is not registered for this event */
    make_ready(&ep->rdllist, item);
}

void model_wake(struct eventpoll *ep, struct file *file, uint32_t key)
{
    struct epitem *item = file->waiting;
    for (; item != NULL; item = item->next_waiting)
        ep_poll_callback(ep, item, key);
}

/* --- epoll_ctl ----------------------------------------------------------- */

static struct epitem **ep_find(struct eventpoll *ep, const struct file *file,
                               int fd)
{
    struct epitem **item = &ep->items;
    while (*item != NULL && ((*item)->file != file || (*item)->fd != fd))
        item = &(*item)->next;
    return item;
}

/* Rule 2: ADD and MOD poll the file, so an event that exists is not missed. */
static void set_event(struct eventpoll *ep, struct epitem *item,
                      const struct epoll_event *event)
{
    item->event = *event;
    item->event.events |= EPOLLERR | EPOLLHUP; /* always reported */
    if (ep_item_poll(item) != 0)
        make_ready(&ep->rdllist, item);
}

static int ep_insert(struct eventpoll *ep, const struct epoll_event *event,
                     struct file *file, int fd)
{
    struct epitem *const item = calloc(1, sizeof(*item));
    if (item == NULL)
        return -ENOMEM;
    item->file = file;
    item->fd = fd;
    item->next = ep->items;
    ep->items = item;
    item->next_waiting = file->waiting;
    file->waiting = item;
    set_event(ep, item, event);
    return 0;
}

/* Removes the item that *place points to from all three lists. */
static void ep_remove(struct eventpoll *ep, struct epitem **place)
{
    struct epitem *const item = *place;
    *place = item->next;
    place = &item->file->waiting;
    while (*place != item)
        place = &(*place)->next_waiting;
    *place = item->next_waiting;
    place = &ep->rdllist;
    while (*place != NULL && *place != item)
        place = &(*place)->next_ready;
    if (*place != NULL)
        *place = item->next_ready;
    free(item);
}

int model_ctl(struct eventpoll *ep, int op, struct file *file, int fd,
              const struct epoll_event *event)
{
    struct epitem **const place = ep_find(ep, file, fd);
    if (op == EPOLL_CTL_ADD)
        return *place ? -EEXIST : ep_insert(ep, event, file, fd);
    if (*place == NULL)
        return -ENOENT;
    if (op == EPOLL_CTL_MOD)
        set_event(ep, *place, event);
    else
        ep_remove(ep, place);
    return 0;
}

/* Rule 3: a registration ends with its file, not with its descriptor. */
void model_release_file(struct eventpoll *ep, struct file *file)
{
    struct epitem **place = &ep->items;
    while (*place != NULL)
        if ((*place)->file == file)
            ep_remove(ep, place);
        else
            place = &(*place)->next;
}

/* --- epoll_wait ---------------------------------------------------------- */

/* Rule 4: the ready list is a hint. A wait polls each file before it reports.
 */
static int ep_send_events(struct eventpoll *ep, struct epoll_event *events,
                          int maxevents)
{
    struct epitem *todo = ep->rdllist, *again = NULL;
    int count = 0;
    while (todo != NULL && count < maxevents) {
        struct epitem *const item = take_first(&todo);
        const uint32_t revents = ep_item_poll(item);
        if (revents == 0)
            continue; /* it is no longer ready */
        events[count].events = revents;
        events[count].data = item->event.data;
        count++;
        if (item->event.events & EPOLLONESHOT)
            item->event.events &= HIDDEN;
        else if (!(item->event.events & EPOLLET))
            make_ready(&again, item); /* level-triggered: check again */
    }
    /* Items that had no room come first in the next wait. */
    struct epitem **end = &todo;
    while (*end != NULL)
        end = &(*end)->next_ready;
    *end = again;
    ep->rdllist = todo;
    return count;
}

int model_wait(struct eventpoll *ep, struct epoll_event *events, int maxevents)
{
    return maxevents <= 0 ? -EINVAL : ep_send_events(ep, events, maxevents);
}
