/*
 * eventpoll.c - a model of the kernel's epoll: three lists, two queues and four
 * rules.
 *
 * The interest list holds all registrations, and the ready list holds those to
 * check. A file that changes puts its registration on the ready list, at most
 * once, and wakes a thread (ep_poll_callback). A wait takes the ready list,
 * polls each file, and puts level-triggered registrations back
 * (ep_send_events). Only this last step distinguishes level- from
 * edge-triggered.
 *
 * Leaves out: locks (one call runs at a time, and a woken thread runs when the
 * call has ended), busy polling, max_user_watches, and what EPOLLWAKEUP does.
 * The interest list is a plain list instead of a red-black tree. It is slower
 * and has the same content.
 *
 * Try: build/model walkthrough/model/level.ep. Then remove the line that puts
 * a registration back, and find the step where the kernel and the model differ.
 */
#include "eventpoll.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* Bits that are not events. */
static const uint32_t EP_PRIVATE_BITS =
    EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;

static const uint32_t EPOLLINOUT_BITS = EPOLLIN | EPOLLOUT;

/* What may be registered together with EPOLLEXCLUSIVE. */
static const uint32_t EPOLLEXCLUSIVE_OK_BITS = EPOLLIN | EPOLLOUT | EPOLLERR |
                                               EPOLLHUP | EPOLLWAKEUP |
                                               EPOLLET | EPOLLEXCLUSIVE;

enum { EP_MAX_NESTS = 4 };

copy_hook *model_copying;
bool model_can_block_suspend;

static struct waiter *woken; /* threads that can run, first woken first */

static uint32_t ep_eventpoll_poll(struct file *file);

static bool is_file_epoll(const struct file *file)
{
    return file->poll == ep_eventpoll_poll;
}

/* --- the ready list ------------------------------------------------------ */

static void put_first(struct epitem **list, struct epitem *item)
{
    item->linked = true;
    item->next_ready = *list;
    *list = item;
}

/* Appends item to a list of ready items, unless it is in one already. */
static void make_ready(struct epitem **list, struct epitem *item)
{
    while (*list != NULL)
        list = &(*list)->next_ready;
    if (!item->linked)
        put_first(list, item);
}

static struct epitem *take_first(struct epitem **list)
{
    struct epitem *item = *list;
    *list = item->next_ready;
    item->linked = false;
    return item;
}

/* Returns the registered events that the file has now. */
static uint32_t ep_item_poll(const struct epitem *item)
{
    return item->file->poll(item->file) & item->event.events;
}

void model_wake(struct file *file, uint32_t key, int exclusive)
{
    wake_up(&file->waiting, key, exclusive);
}

/* Wakes one thread in epoll_wait, and all that watch the set itself. */
static void wake_waiters(struct eventpoll *ep)
{
    wake_up(&ep->wq, 0, 1);
    model_wake(&ep->file, EPOLLIN, 1);
}

/* Whether an exclusive wake-up for key may end with this item. */
static bool ends_wake(const struct epitem *item, uint32_t key)
{
    uint32_t inout = key & EPOLLINOUT_BITS;
    return inout != EPOLLINOUT_BITS &&
           (inout == 0 || (inout & item->event.events) != 0);
}

/*
 * Rule 1: a file that changes calls this function. It does not poll the file.
 * It only puts the registration on the ready list, at most once, and wakes a
 * thread.
 */
static bool ep_poll_callback(struct wait_entry *entry, uint32_t key)
{
    struct epitem *item = (struct epitem *)entry;
    struct eventpoll *ep = item->ep;
    uint32_t asked = item->event.events;
    if ((asked & ~EP_PRIVATE_BITS) == 0)
        return false; /* EPOLLONESHOT: disabled after its report */
    if (key != 0 && (key & asked) == 0)
        return false; /* the item is not registered for this event */
    if (!ep->scanning) {
        make_ready(&ep->rdllist, item);
    } else if (!item->overflowed) {
        item->overflowed = true;
        item->next_overflow = ep->ovflist;
        ep->ovflist = item;
    }
    bool sleepers = ep->wq != NULL;
    wake_waiters(ep);
    return sleepers && ends_wake(item, key);
}

/* --- one scan of the ready list ------------------------------------------ */

/* Takes the ready list. From now on the callback uses the overflow list. */
static struct epitem *ep_start_scan(struct eventpoll *ep)
{
    struct epitem *todo = ep->rdllist;
    ep->rdllist = NULL;
    ep->scanning = true;
    return todo;
}

/* Puts first what is left of todo, then the overflow list, oldest first. If
 * anything is ready, another thread is woken. */
static void ep_done_scan(struct eventpoll *ep, struct epitem *todo)
{
    while (ep->ovflist != NULL) {
        struct epitem *item = ep->ovflist;
        ep->ovflist = item->next_overflow;
        item->overflowed = false;
        if (!item->linked)
            put_first(&ep->rdllist, item);
    }
    ep->scanning = false;
    struct epitem **end = &todo;
    while (*end != NULL)
        end = &(*end)->next_ready;
    *end = ep->rdllist;
    ep->rdllist = todo;
    if (ep->rdllist != NULL)
        wake_up(&ep->wq, 0, 1);
}

/* A set is readable if an item of its ready list is. Items that are not ready
 * leave the list. */
static uint32_t ep_eventpoll_poll(struct file *file)
{
    struct eventpoll *ep = (struct eventpoll *)file;
    struct epitem *todo = ep_start_scan(ep);
    uint32_t events = 0;
    while (todo != NULL && events == 0) {
        if (ep_item_poll(todo) != 0)
            events = EPOLLIN | EPOLLRDNORM;
        else
            take_first(&todo);
    }
    ep_done_scan(ep, todo);
    return events;
}

/* --- sets within sets ---------------------------------------------------- */

/* Returns how many levels of sets are below ep, or a number that is too large
 * if goal is one of them. */
static int ep_loop_check_proc(const struct eventpoll *ep,
                              const struct eventpoll *goal, int depth)
{
    int levels = 0;
    const struct epitem *item = ep->items;
    for (; item != NULL && levels <= EP_MAX_NESTS; item = item->next) {
        const struct eventpoll *inner = (struct eventpoll *)item->file;
        if (!is_file_epoll(item->file))
            continue;
        if (inner == goal || depth > EP_MAX_NESTS)
            return EP_MAX_NESTS + 1;
        int below = ep_loop_check_proc(inner, goal, depth + 1) + 1;
        if (below > levels)
            levels = below;
    }
    return levels;
}

static int ep_get_upwards_depth_proc(const struct eventpoll *ep)
{
    int levels = 0;
    const struct epitem *item = ep->file.refs;
    for (; item != NULL; item = item->next_ref) {
        int above = ep_get_upwards_depth_proc(item->ep) + 1;
        if (above > levels)
            levels = above;
    }
    return levels;
}

/* Whether the set to may be registered in ep. */
static bool ep_loop_check(const struct eventpoll *ep,
                          const struct eventpoll *to)
{
    int below = ep_loop_check_proc(to, ep, 0);
    return below <= EP_MAX_NESTS &&
           below + 1 + ep_get_upwards_depth_proc(ep) <= EP_MAX_NESTS;
}

/* Counts the paths of each length from a file up to outermost sets. Returns
 * whether one event of the file would cause too many calls. */
static bool reverse_path_check_proc(const struct file *file, int depth,
                                    int *count)
{
    static const int path_limits[] = {INT_MAX, 500, 100, 50, 10};
    const struct epitem *item = file->refs;
    bool too_many = false;
    for (; item != NULL && !too_many; item = item->next_ref) {
        if (item->ep->file.refs != NULL)
            too_many =
                reverse_path_check_proc(&item->ep->file, depth + 1, count);
        else
            too_many = ++count[depth] > path_limits[depth];
    }
    return too_many;
}

/* The same for file, or if it is a set for every file below it. */
static bool reverse_path_check(const struct file *file)
{
    int count[EP_MAX_NESTS + 1] = {0};
    bool too_many = false;
    if (!is_file_epoll(file))
        return reverse_path_check_proc(file, 0, count);
    const struct epitem *item = ((const struct eventpoll *)file)->items;
    for (; item != NULL && !too_many; item = item->next)
        too_many = reverse_path_check(item->file);
    return too_many;
}

/* --- epoll_ctl ----------------------------------------------------------- */

static struct epitem *ep_find(const struct eventpoll *ep,
                              const struct file *file, int fd)
{
    struct epitem *item = ep->items;
    while (item != NULL && (item->file != file || item->fd != fd))
        item = item->next;
    return item;
}

/* Rule 2: ADD and MOD poll the file, so an event that exists is not missed. */
static int check_now(struct epitem *item)
{
    if (ep_item_poll(item) != 0 && !item->linked) {
        make_ready(&item->ep->rdllist, item);
        wake_waiters(item->ep);
    }
    return 0;
}

static void ep_remove(struct epitem *item)
{
    struct epitem **place = &item->ep->items;
    while (*place != item)
        place = &(*place)->next;
    *place = item->next;
    place = &item->file->refs;
    while (*place != item)
        place = &(*place)->next_ref;
    *place = item->next_ref;
    place = &item->ep->rdllist;
    while (*place != NULL && *place != item)
        place = &(*place)->next_ready;
    if (*place != NULL)
        *place = item->next_ready;
    remove_wait_queue(&item->file->waiting, &item->entry);
    free(item);
}

static int ep_insert(struct eventpoll *ep, const struct epoll_event *event,
                     struct file *file, int fd)
{
    struct epitem *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return -ENOMEM;
    item->ep = ep;
    item->file = file;
    item->fd = fd;
    item->event = *event;
    item->next = ep->items;
    ep->items = item;
    item->next_ref = file->refs;
    file->refs = item;
    bool nested = ep->file.refs != NULL || is_file_epoll(file);
    if (nested && reverse_path_check(file)) {
        ep_remove(item);
        return -EINVAL;
    }
    item->entry.func = ep_poll_callback;
    item->entry.exclusive = (event->events & EPOLLEXCLUSIVE) != 0;
    if (item->entry.exclusive)
        add_wait_queue_tail(&file->waiting, &item->entry);
    else
        add_wait_queue(&file->waiting, &item->entry);
    return check_now(item);
}

static int ep_modify(struct epitem *item, const struct epoll_event *event)
{
    if ((item->event.events & EPOLLEXCLUSIVE) != 0)
        return -EINVAL;
    item->event = *event;
    return check_now(item);
}

/* Checks an event that has EPOLLEXCLUSIVE. */
static bool exclusive_is_valid(int op, const struct file *file, uint32_t events)
{
    if (op == EPOLL_CTL_MOD)
        return false; /* the place in the queue is chosen by ADD */
    return op != EPOLL_CTL_ADD ||
           (!is_file_epoll(file) && (events & ~EPOLLEXCLUSIVE_OK_BITS) == 0);
}

int model_ctl(struct file *epfile, int op, struct file *file, int fd,
              const struct epoll_event *event)
{
    struct eventpoll *ep = (struct eventpoll *)epfile;
    struct epoll_event epds = {.events = 0};
    if (op != EPOLL_CTL_DEL && event == NULL)
        return -EFAULT;
    if (op != EPOLL_CTL_DEL)
        epds = *event;
    if (epfile == NULL || file == NULL)
        return -EBADF;
    if (file->poll == NULL)
        return -EPERM;
    if (!model_can_block_suspend)
        epds.events &= ~(uint32_t)EPOLLWAKEUP;
    if (epfile == file || !is_file_epoll(epfile))
        return -EINVAL;
    if ((epds.events & EPOLLEXCLUSIVE) != 0 &&
        !exclusive_is_valid(op, file, epds.events))
        return -EINVAL;
    if (op == EPOLL_CTL_ADD && is_file_epoll(file) &&
        !ep_loop_check(ep, (struct eventpoll *)file))
        return -ELOOP;
    struct epitem *item = ep_find(ep, file, fd);
    epds.events |= EPOLLERR | EPOLLHUP; /* always reported */
    if (op == EPOLL_CTL_ADD)
        return item != NULL ? -EEXIST : ep_insert(ep, &epds, file, fd);
    if (op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
        return -EINVAL;
    if (item == NULL)
        return -ENOENT;
    if (op == EPOLL_CTL_MOD)
        return ep_modify(item, &epds);
    ep_remove(item);
    return 0;
}

/* Rule 3: a registration ends with its file, not with its descriptor. */
void model_release_file(struct file *file)
{
    while (file->refs != NULL)
        ep_remove(file->refs);
}

void model_create(struct eventpoll *ep)
{
    *ep = (struct eventpoll){.file.poll = ep_eventpoll_poll};
}

void model_free(struct eventpoll *ep)
{
    while (ep->items != NULL)
        ep_remove(ep->items);
}

/* --- epoll_wait ---------------------------------------------------------- */

/* Rule 4: the ready list is a hint. A wait polls each file before it reports.
 */
static int ep_send_events(const struct waiter *waiter)
{
    struct eventpoll *ep = (struct eventpoll *)waiter->file;
    struct epitem *todo = ep_start_scan(ep);
    int count = 0;
    while (todo != NULL && count < waiter->maxevents) {
        struct epitem *item = take_first(&todo);
        uint32_t revents = ep_item_poll(item);
        if (revents == 0)
            continue; /* it is no longer ready */
        if (count == waiter->room) {
            put_first(&todo, item); /* nothing is lost */
            count = count > 0 ? count : -EFAULT;
            break;
        }
        if (model_copying != NULL)
            model_copying();
        waiter->events[count].events = revents;
        waiter->events[count].data = item->event.data;
        count++;
        if (item->event.events & EPOLLONESHOT)
            item->event.events &= EP_PRIVATE_BITS;
        else if (!(item->event.events & EPOLLET))
            make_ready(&ep->rdllist, item); /* level-triggered: check again */
    }
    ep_done_scan(ep, todo);
    return count;
}

/* poll(2) of one file. */
static int do_poll(const struct waiter *waiter)
{
    struct file *file = waiter->file;
    uint32_t events = file->poll != NULL ? file->poll(file) : EPOLLIN;
    waiter->events[0].events = events & (EPOLLIN | EPOLLERR | EPOLLHUP);
    return waiter->events[0].events != 0 ? 1 : 0;
}

static struct wait_entry **queue_of(const struct waiter *waiter)
{
    return waiter->polls ? &waiter->file->waiting
                         : &((struct eventpoll *)waiter->file)->wq;
}

/* Called by a wake-up. A thread in epoll_wait leaves its queue at once, so the
 * next wake-up takes another one. */
static bool wake_thread(struct wait_entry *entry, uint32_t key)
{
    struct waiter *waiter = (struct waiter *)entry;
    struct waiter **end = &woken;
    if (waiter->polls && key != 0 && (key & EPOLLIN) == 0)
        return false;
    while (*end != NULL && *end != waiter)
        end = &(*end)->next_woken;
    if (*end == NULL) {
        waiter->next_woken = NULL;
        *end = waiter;
    }
    if (!waiter->polls)
        remove_wait_queue(queue_of(waiter), entry);
    return true;
}

/* What a thread does between two sleeps: it takes events, and only if there are
 * none it looks for a signal. Then it blocks. */
static void ep_poll(struct waiter *waiter)
{
    bool queued = waiter->polls && waiter->asleep;
    waiter->result = waiter->polls ? do_poll(waiter) : ep_send_events(waiter);
    bool nothing = waiter->result == 0 && !waiter->timed_out;
    waiter->asleep = nothing && !waiter->signal;
    if (nothing && waiter->signal) {
        waiter->signal = false;
        waiter->result = -EINTR;
    }
    if (waiter->asleep && !queued) {
        waiter->entry.func = wake_thread;
        waiter->entry.exclusive = !waiter->polls;
        add_wait_queue(queue_of(waiter), &waiter->entry);
    }
    if (!waiter->asleep && queued)
        remove_wait_queue(queue_of(waiter), &waiter->entry);
}

void model_wait(struct waiter *waiter)
{
    waiter->asleep = false;
    if (waiter->file == NULL)
        waiter->result = waiter->polls ? 0 : -EBADF;
    else if (!waiter->polls &&
             (waiter->maxevents <= 0 || !is_file_epoll(waiter->file)))
        waiter->result = -EINVAL;
    else
        ep_poll(waiter);
}

void model_interrupt(struct waiter *waiter, bool timed_out)
{
    remove_wait_queue(queue_of(waiter), &waiter->entry);
    waiter->timed_out = timed_out;
    waiter->signal = !timed_out;
    ep_poll(waiter);
}

void model_run(void)
{
    while (woken != NULL) {
        struct waiter *waiter = woken;
        woken = waiter->next_woken;
        ep_poll(waiter);
    }
}
