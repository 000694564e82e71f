/*
 * exist.c - epoll's interface
 *
 * Claim: adding a descriptor again changes its events
 * Truth: false. ADD of a registered descriptor fails with EEXIST and changes
 * nothing. MOD changes it. MOD and DEL of a descriptor that is not registered
 * fail with ENOENT. DEL does not need an event.
 * Settled by: epoll_ctl(2), ERRORS.
 * Try: print the interest list between the calls, as fdinfo.c does.
 */
#include "claim.h"

static int epoll_fd, pair[2];

/* Calls epoll_ctl. Returns the name of its error, or "none". */
static const char *ctl(int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = pair[0]};
    const int result =
        epoll_ctl(epoll_fd, op, pair[0], op == EPOLL_CTL_DEL ? NULL : &event);
    return error_name(result < 0 ? errno : 0);
}

static void must_be(const char *expected, const char *call, const char *error)
{
    saw(strcmp(expected, error) == 0, "%-22s error: %s", call, error);
}

int main(void)
{
    make_pair(pair);
    epoll_fd = new_epoll();
    must_be("ENOENT", "MOD of what is absent", ctl(EPOLL_CTL_MOD, EPOLLIN));
    must_be("ENOENT", "DEL of what is absent", ctl(EPOLL_CTL_DEL, 0));
    must_be("none", "ADD, events IN", ctl(EPOLL_CTL_ADD, EPOLLIN));
    must_be("EEXIST", "ADD again, events OUT", ctl(EPOLL_CTL_ADD, EPOLLOUT));
    const uint32_t before = ask(epoll_fd);
    saw(before == 0, "the socket can be written, and is reported for %s",
        event_names(before));
    must_be("none", "MOD, events OUT", ctl(EPOLL_CTL_MOD, EPOLLOUT));
    const uint32_t after = ask(epoll_fd);
    saw(after == EPOLLOUT, "now it is reported for %s", event_names(after));
    must_be("none", "DEL without an event", ctl(EPOLL_CTL_DEL, 0));
    return verdict("false", "adding a descriptor again changes its events",
                   "ADD again is EEXIST and changes nothing, MOD changes them; "
                   "MOD and DEL of what is not registered are ENOENT");
}
