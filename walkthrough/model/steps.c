/*
 * steps.c - the steps of a script. Each is played on the kernel's epoll and on
 * the model of it.
 */
#include "play.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct name names[NAMES]; /* the first is the set that needs no name */
bool quiet;

void die(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    fputs("model: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(2);
}

/* --- flags as words ------------------------------------------------------ */

static const struct {
    const char *word;
    uint32_t bit;
} flags[] = {{"IN", EPOLLIN},           {"PRI", EPOLLPRI},
             {"OUT", EPOLLOUT},         {"ERR", EPOLLERR},
             {"HUP", EPOLLHUP},         {"RDHUP", EPOLLRDHUP},
             {"ONESHOT", EPOLLONESHOT}, {"ET", EPOLLET},
             {"WAKEUP", EPOLLWAKEUP},   {"EXCLUSIVE", EPOLLEXCLUSIVE}};
enum { FLAGS = sizeof(flags) / sizeof(flags[0]) };

static uint32_t parse_flags(char *text)
{
    uint32_t events = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, "|", &rest); word != NULL;
         word = strtok_r(NULL, "|", &rest)) {
        int i = 0;
        while (i < FLAGS && strcmp(word, flags[i].word) != 0)
            i++;
        if (i < FLAGS)
            events |= flags[i].bit;
        else if (strcmp(word, "0") != 0)
            die("'%s' is not a flag; use IN, PRI, OUT, RDHUP, ERR, HUP, ET, "
                "ONESHOT, WAKEUP, EXCLUSIVE, joined by |, or 0",
                word);
    }
    return events;
}

/* --- results ------------------------------------------------------------- */

void add(struct result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof(result->text) - result->length;
    int n = vsnprintf(result->text + result->length, room, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= room)
        die("a result is too long");
    result->length += (size_t)n;
}

static void add_event(struct result *result, const char *name, uint32_t events)
{
    size_t length = result->length;
    bool follows = length > 0 && result->text[length - 1] != '{';
    add(result, "%s%s:", follows ? " " : "", name);
    const char *between = "";
    for (int i = 0; i < FLAGS; i++) {
        if (events & flags[i].bit) {
            add(result, "%s%s", between, flags[i].word);
            between = "|";
        }
    }
}

void add_number(struct result *result, ssize_t n)
{
    if (n >= 0)
        add(result, "%zd", n);
    else
        add(result, "%s", strerrorname_np((int)-n));
}

void add_events(struct result *result, const struct epoll_event *events,
                ssize_t n)
{
    for (int i = 0; i < n; i++)
        add_event(result, names[events[i].data.u64].text, events[i].events);
    if (n <= 0)
        add_number(result, n);
}

ssize_t or_errno(ssize_t n)
{
    return n < 0 ? -errno : n;
}

/* --- words --------------------------------------------------------------- */

int find_name(const char *word)
{
    for (int i = 1; i < NAMES && names[i].open != NULL; i++)
        if (strcmp(names[i].text, word) == 0)
            return i;
    return -1;
}

struct name *name_of(const char *word, bool fresh)
{
    size_t letters = islower((unsigned char)word[0]) ? 1 : 0;
    size_t digits = strspn(word + letters, "0123456789");
    if (letters == 0 || word[1 + digits] != '\0' || digits > NAME_SIZE - 2)
        die("a name must be a letter from a to z and up to three digits, not "
            "'%s'",
            word);
    int found = find_name(word);
    if (!fresh && found < 0)
        die("there is no %s yet; add a step such as 'socket %s' before this",
            word, word);
    if (!fresh)
        return &names[found];
    if (found >= 0)
        die("%s is in use; choose a name that has not been used", word);
    int i = 1;
    while (i < NAMES && names[i].open != NULL)
        i++;
    if (i == NAMES)
        die("a script has at most %d names", NAMES - 1);
    strcpy(names[i].text, word);
    return &names[i];
}

size_t number_of(const char *word, size_t least, size_t most)
{
    char *end = NULL;
    const unsigned long n = strtoul(word, &end, 10);
    if (!isdigit((unsigned char)word[0]) || *end != '\0' || n < least ||
        n > most)
        die("this step needs a number from %zu to %zu, not '%s'", least, most,
            word);
    return n;
}

/* --- steps that open and close ------------------------------------------- */

static void name_it(struct name *name, int fd, enum kind kind,
                    struct file *file)
{
    struct open_file *open = calloc(1, sizeof(*open));
    if (open == NULL)
        die("no memory");
    if (fd < 0)
        die("cannot open %s: %s", name->text, strerrorname_np(errno));
    *open = (struct open_file){.kind = kind,
                               .descriptors = 1,
                               .file = file,
                               .peer_fd = -1,
                               .peer_is_named = true};
    name->fd = fd;
    name->open = open;
}

static void real_pair(int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        die("socketpair: %s", strerrorname_np(errno));
}

static void socket_step(struct step *step)
{
    struct name *name = name_of(step->words[1], true);
    struct sock *pair[2];
    int real[2];
    real_pair(real);
    sock_pair(pair);
    name_it(name, real[0], SOCKET, &pair[0]->file);
    name->open->peer_is_named = false;
    name->open->peer = pair[1];
    name->open->peer_fd = real[1];
}

static void pair_step(struct step *step)
{
    struct sock *pair[2];
    int real[2];
    real_pair(real);
    sock_pair(pair);
    for (int i = 0; i < 2; i++)
        name_it(name_of(step->words[1 + i], true), real[i], SOCKET,
                &pair[i]->file);
}

static void open_set(struct name *name)
{
    struct eventpoll *ep = calloc(1, sizeof(*ep));
    if (ep == NULL)
        die("no memory");
    model_create(ep);
    name_it(name, epoll_create1(EPOLL_CLOEXEC), SET, &ep->file);
}

static void set_step(struct step *step)
{
    open_set(name_of(step->words[1], true));
}

/* A file that cannot be polled. */
static void file_step(struct step *step)
{
    struct file *file = calloc(1, sizeof(*file));
    name_it(name_of(step->words[1], true), memfd_create("model", MFD_CLOEXEC),
            PLAIN, file);
}

static void dup_step(struct step *step)
{
    const struct name *old = name_of(step->words[1], false);
    struct name *new = name_of(step->words[2], true);
    if (old->fd < 0)
        die("%s is closed", old->text);
    new->fd = dup(old->fd);
    new->open = old->open;
    old->open->descriptors++;
}

static void listen_step(struct step *step)
{
    struct name *name = name_of(step->words[1], true);
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A bind without a path chooses an abstract address that is free. */
    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) < 0 ||
        listen(fd, BACKLOG) < 0)
        die("cannot listen: %s", strerrorname_np(errno));
    name_it(name, fd, SOCKET, &sock_listen()->file);
}

static struct sock *sock_of(const struct name *name)
{
    if (name->open->kind != SOCKET)
        die("%s is not a socket", name->text);
    return (struct sock *)name->open->file;
}

static void connect_step(struct step *step)
{
    const struct name *listener = name_of(step->words[1], false);
    struct name *name = name_of(step->words[2], true);
    struct sockaddr_un address;
    socklen_t length = sizeof(address);
    struct sock *client = NULL;
    if (listener->fd < 0 || !sock_of(listener)->listens)
        die("%s does not listen", listener->text);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address, &length) < 0)
        die("socket: %s", strerrorname_np(errno));
    ssize_t n =
        or_errno(connect(fd, (const struct sockaddr *)&address, length));
    ssize_t ours = sock_connect(sock_of(listener), &client);
    add_number(&step->real, n);
    add_number(&step->ours, ours);
    if (n == 0 && ours == 0)
        name_it(name, fd, SOCKET, &client->file);
    else
        close(fd);
}

static void accept_step(struct step *step)
{
    const struct name *listener = name_of(step->words[1], false);
    struct name *name = name_of(step->words[2], true);
    struct sock *accepted = NULL;
    if (listener->fd < 0 || !sock_of(listener)->listens)
        die("%s does not listen", listener->text);
    fcntl(listener->fd, F_SETFL, O_NONBLOCK);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    add_number(&step->real, fd < 0 ? or_errno(fd) : 0);
    ssize_t ours = sock_accept(sock_of(listener), &accepted);
    add_number(&step->ours, ours);
    if (fd >= 0 && ours == 0)
        name_it(name, fd, SOCKET, &accepted->file);
    else if (fd >= 0)
        close(fd);
}

/* The model of closing the last descriptor of a file. */
static void release(struct open_file *open)
{
    model_release_file(open->file);
    if (open->kind == SOCKET)
        sock_release((struct sock *)open->file);
    if (open->kind == SET)
        model_free((struct eventpoll *)open->file);
}

static void close_name(struct name *name)
{
    struct open_file *open = name->open;
    if (name->fd < 0)
        return;
    close(name->fd);
    name->fd = -1;
    open->descriptors--;
    if (open->descriptors > 0)
        return;
    release(open);
    if (open->peer_fd >= 0)
        close(open->peer_fd);
    open->peer_fd = -1;
}

static void close_step(struct step *step)
{
    struct name *name = name_of(step->words[1], false);
    if (name->open->descriptors == 1 && sleeps_in(name->open->file))
        die("a thread sleeps in %s", name->text);
    close_name(name);
}

void begin_script(void)
{
    open_set(&names[0]);
}

void end_script(void)
{
    end_sleepers();
    for (int i = 0; i < NAMES && names[i].open != NULL; i++) {
        struct open_file *open = names[i].open;
        close_name(&names[i]);
        bool shared = false;
        for (int j = i + 1; j < NAMES && names[j].open != NULL; j++)
            shared = shared || names[j].open == open;
        if (!shared && open->kind != SOCKET)
            free(open->file);
        if (!shared)
            free(open);
        names[i] = (struct name){.open = NULL};
    }
    sock_free_all();
}

static void reset_step(struct step *step)
{
    end_script();
    begin_script();
    step->set = &names[0];
}

/* --- steps that move bytes ----------------------------------------------- */

static ssize_t real_send(int fd, size_t size, int flags_of_send)
{
    static const char bytes[MOST_BYTES];
    return or_errno(
        send(fd, bytes, size, flags_of_send | MSG_DONTWAIT | MSG_NOSIGNAL));
}

static ssize_t real_read(int fd, size_t size, int flags_of_recv)
{
    char bytes[MOST_BYTES];
    return or_errno(recv(fd, bytes, size, flags_of_recv | MSG_DONTWAIT));
}

/* Calls one of them until it fails or finds the end. */
static ssize_t real_all(int fd, ssize_t (*call)(int, size_t, int))
{
    ssize_t sum = 0, n = call(fd, MOST_BYTES, 0);
    while (n > 0) {
        sum += n;
        n = call(fd, MOST_BYTES, 0);
    }
    return sum > 0 ? sum : n;
}

static ssize_t real_fill(int fd, size_t unused, int unused_flags)
{
    (void)unused;
    (void)unused_flags;
    return real_all(fd, real_send);
}

static ssize_t real_read_all(int fd, size_t unused, int unused_flags)
{
    (void)unused;
    (void)unused_flags;
    return real_all(fd, real_read);
}

static ssize_t real_shutdown(int fd, size_t mask, int unused_flags)
{
    static const int how[] = {SHUT_RDWR, SHUT_RD, SHUT_WR, SHUT_RDWR};
    (void)unused_flags;
    return or_errno(shutdown(fd, how[mask]));
}

typedef ssize_t real_call(int fd, size_t size, int flags_of_call);
typedef ssize_t model_call(struct sock *sock, size_t size);

/* Both sides of one operation. */
struct operation {
    real_call *real;
    int flags_of_call;
    model_call *model;
};

static const struct operation sending = {real_send, 0, sock_send},
                              sending_urgent = {real_send, MSG_OOB,
                                                sock_send_urgent},
                              filling = {real_fill, 0, sock_fill},
                              reading = {real_read, 0, sock_read},
                              reading_urgent = {real_read, MSG_OOB,
                                                sock_read_urgent},
                              reading_all = {real_read_all, 0, sock_read_all},
                              shutting = {real_shutdown, 0, sock_shutdown};

/* Plays an operation on a named socket, or on its peer without a name. Repeats
 * it while it moves bytes, at most as often as the last word of the step says.
 */
static void move(struct step *step, bool by_peer, size_t size,
                 const struct operation *operation)
{
    const struct name *name = name_of(step->words[1], false);
    const struct open_file *open = name->open;
    int fd = name->fd;
    struct sock *sock = sock_of(name);
    if (by_peer && open->peer_is_named)
        die("%s has no peer without a name: use the name of the peer",
            name->text);
    if (by_peer && fd >= 0) {
        fd = open->peer_fd;
        sock = open->peer;
    }
    size_t times = step->count > 3 ? number_of(step->words[3], 1, 1000) : 1;
    ssize_t real = 0, ours = 0, n = 1;
    for (size_t i = 0; i < times && n > 0; i++) {
        n = operation->real(fd, size, operation->flags_of_call);
        real = n > 0 || real == 0 ? real + n : real;
    }
    n = 1;
    for (size_t i = 0; i < times && n > 0; i++) {
        n = fd < 0 ? -EBADF : operation->model(sock, size);
        ours = n > 0 || ours == 0 ? ours + n : ours;
    }
    add_number(&step->real, real);
    add_number(&step->ours, ours);
}

static size_t bytes_of(const struct step *step)
{
    return number_of(step->words[2], 1, MOST_BYTES);
}

static void write_step(struct step *step)
{
    move(step, true, bytes_of(step), &sending);
}

static void send_step(struct step *step)
{
    move(step, false, bytes_of(step), &sending);
}

static void urgent_step(struct step *step)
{
    move(step, true, 1, &sending_urgent);
}

static void send_urgent_step(struct step *step)
{
    move(step, false, 1, &sending_urgent);
}

static void fill_step(struct step *step)
{
    move(step, false, 0, &filling);
}

static void read_step(struct step *step)
{
    move(step, false, bytes_of(step), &reading);
}

static void read_urgent_step(struct step *step)
{
    move(step, false, 1, &reading_urgent);
}

static void peer_reads_step(struct step *step)
{
    move(step, true, 0, &reading_all);
}

static void peer_shuts_step(struct step *step)
{
    move(step, true, SEND_SHUTDOWN, &shutting);
}

static void shutdown_step(struct step *step)
{
    static const char *const ways[] = {"", "RD", "WR", "RDWR"};
    size_t mask = 1;
    while (mask < 4 && strcmp(step->words[2], ways[mask]) != 0)
        mask++;
    if (mask == 4)
        die("shutdown needs RD, WR or RDWR, not '%s'", step->words[2]);
    move(step, false, mask, &shutting);
}

static void peer_closes_step(struct step *step)
{
    const struct name *name = name_of(step->words[1], false);
    struct open_file *open = name->open;
    sock_of(name);
    if (open->peer_is_named)
        die("%s has no peer without a name: close the peer", name->text);
    int fd = name->fd < 0 ? -1 : open->peer_fd;
    add_number(&step->real, or_errno(close(fd)));
    add_number(&step->ours, fd < 0 ? -EBADF : 0);
    if (fd < 0)
        return;
    open->peer_fd = -1;
    sock_release(open->peer);
}

/* --- epoll_ctl ----------------------------------------------------------- */

/* The file behind a name, or NULL if the descriptor is closed. */
static struct file *file_of(const struct name *name)
{
    return name->fd < 0 ? NULL : name->open->file;
}

static void control(struct step *step, int op)
{
    const struct name *name = name_of(step->words[1], false);
    bool needs_flags = op != EPOLL_CTL_DEL;
    struct epoll_event event = {.data.u64 = (uint64_t)(name - names)};
    struct epoll_event *address = &event;
    if (needs_flags && step->count < 3)
        die("%s needs flags: %s a IN|ET", step->words[0], step->words[0]);
    if (needs_flags && strcmp(step->words[2], "NULL") == 0)
        address = NULL;
    else if (needs_flags)
        event.events = parse_flags(step->words[2]);
    add_number(&step->real,
               or_errno(epoll_ctl(step->set->fd, op, name->fd, address)));
    add_number(&step->ours, model_ctl(file_of(step->set), op, file_of(name),
                                      name->fd, address));
}

static void add_step(struct step *step)
{
    control(step, EPOLL_CTL_ADD);
}

static void mod_step(struct step *step)
{
    control(step, EPOLL_CTL_MOD);
}

static void del_step(struct step *step)
{
    control(step, EPOLL_CTL_DEL);
}

static void bad_op_step(struct step *step)
{
    control(step, 99);
}

/* --- epoll_wait and poll ------------------------------------------------- */

/* Plays a call that has a time-out on the model. */
static void model_call_now(struct step *step, struct waiter *waiter)
{
    struct epoll_event events[NAMES];
    waiter->events = events;
    model_wait(waiter);
    if (waiter->asleep)
        model_interrupt(waiter, true);
    add_events(&step->ours, events, waiter->result);
}

static void wait_with(struct step *step, int milliseconds)
{
    struct epoll_event events[NAMES];
    int most =
        step->count > 1 ? (int)number_of(step->words[1], 0, NAMES) : NAMES;
    add_events(&step->real, events,
               or_errno(epoll_wait(step->set->fd, events, most, milliseconds)));
    model_call_now(step, &(struct waiter){.file = file_of(step->set),
                                          .maxevents = most,
                                          .room = INT_MAX,
                                          .timed_out = milliseconds == 0});
}

static void wait_step(struct step *step)
{
    wait_with(step, 0);
}

static void time_out_step(struct step *step)
{
    wait_with(step, 1);
}

/* epoll_wait into an array of which only the beginning is mapped. */
static void fault_step(struct step *step)
{
    static char *pages;
    size_t size = 16384;
    size_t room = number_of(step->words[1], 0, NAMES);
    if (pages == NULL) {
        pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED || mprotect(pages + size, size, PROT_NONE) < 0)
            die("mmap: %s", strerrorname_np(errno));
    }
    struct epoll_event *events = (struct epoll_event *)(pages + size) - room;
    ssize_t n = or_errno(epoll_wait(step->set->fd, events, NAMES, 0));
    add_events(&step->real, events, n);
    model_call_now(step, &(struct waiter){.file = file_of(step->set),
                                          .maxevents = NAMES,
                                          .room = (int)room,
                                          .timed_out = true});
}

static void poll_step(struct step *step)
{
    const struct name *name = name_of(step->words[1], false);
    struct pollfd pollfd = {.fd = name->fd, .events = POLLIN};
    ssize_t n = or_errno(poll(&pollfd, 1, 0));
    const struct epoll_event event = {.events = (uint32_t)pollfd.revents,
                                      .data.u64 = (uint64_t)(name - names)};
    struct epoll_event ours = {.data = event.data};
    struct waiter waiter = {.file = file_of(name),
                            .polls = true,
                            .events = &ours,
                            .timed_out = true};
    add_events(&step->real, &event, n);
    model_wait(&waiter);
    add_events(&step->ours, &ours, waiter.result);
}

/* --- the interest list --------------------------------------------------- */

/* Shows the interest list as the kernel does in /proc, proc(5). */
static void real_interest(const struct step *step, uint32_t asked[NAMES],
                          bool listed[NAMES])
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", step->set->fd);
    FILE *info = fopen(path, "re");
    if (info == NULL)
        die("cannot read %s: %s", path, strerrorname_np(errno));
    while (fgets(line, sizeof(line), info) != NULL) {
        int fd;
        uint32_t events;
        unsigned long long data;
        if (sscanf(line, "tfd: %d events: %x data: %llx", &fd, &events,
                   &data) == 3 &&
            data < NAMES) {
            asked[data] = events;
            listed[data] = true;
        }
    }
    fclose(info);
}

static void model_interest(const struct step *step, uint32_t asked[NAMES],
                           bool listed[NAMES])
{
    const struct epitem *item =
        ((const struct eventpoll *)step->set->open->file)->items;
    for (; item != NULL; item = item->next) {
        asked[item->event.data.u64] = item->event.events;
        listed[item->event.data.u64] = true;
    }
}

static void interest_step(struct step *step)
{
    struct result *results[] = {&step->real, &step->ours};
    if (step->set->fd < 0 || step->set->open->kind != SET)
        die("%s is not an open set", step->set->text);
    for (int i = 0; i < 2; i++) {
        uint32_t asked[NAMES] = {0};
        bool listed[NAMES] = {false};
        (i == 0 ? real_interest : model_interest)(step, asked, listed);
        for (int k = 0; k < NAMES; k++)
            if (listed[k])
                add_event(results[i], names[k].text, asked[k]);
        if (results[i]->length == 0)
            add(results[i], "empty");
    }
}

/* --- one step ------------------------------------------------------------ */

static const struct verb {
    const char *word;
    int least, most;   /* the number of its arguments */
    bool while_copied; /* it may be played during a copy */
    void (*play)(struct step *step);
} verbs[] = {
    {"socket", 1, 1, false, socket_step},
    {"pair", 2, 2, false, pair_step},
    {"set", 1, 1, false, set_step},
    {"file", 1, 1, false, file_step},
    {"dup", 2, 2, false, dup_step},
    {"listen", 1, 1, false, listen_step},
    {"connect", 2, 2, true, connect_step},
    {"accept", 2, 2, true, accept_step},
    {"close", 1, 1, false, close_step},
    {"write", 2, 2, true, write_step},
    {"read", 2, 3, true, read_step},
    {"send", 2, 3, true, send_step},
    {"fill", 1, 1, true, fill_step},
    {"urgent", 1, 1, true, urgent_step},
    {"send-urgent", 1, 1, true, send_urgent_step},
    {"read-urgent", 1, 1, true, read_urgent_step},
    {"shutdown", 2, 2, true, shutdown_step},
    {"peer-reads", 1, 1, true, peer_reads_step},
    {"peer-shuts", 1, 1, true, peer_shuts_step},
    {"peer-closes", 1, 1, true, peer_closes_step},
    {"add", 1, 2, false, add_step},
    {"mod", 1, 2, false, mod_step},
    {"del", 1, 1, false, del_step},
    {"bad-op", 1, 2, false, bad_op_step},
    {"wait", 0, 1, false, wait_step},
    {"time-out", 0, 1, false, time_out_step},
    {"fault", 1, 1, false, fault_step},
    {"poll", 1, 1, false, poll_step},
    {"interest", 0, 0, false, interest_step},
    {"sleep", 1, 2, false, sleep_step},
    {"sleep-poll", 2, 2, false, sleep_poll_step},
    {"signal", 1, 1, false, signal_step},
    {"awake", 0, 0, false, awake_step},
    {"during-copy", 1, 2, false, during_copy},
    {"reset", 0, 0, false, reset_step},
};

/* Splits line into words and finds the set that it names. */
static void split(struct step *step, char *line)
{
    char *rest = NULL, *word = strtok_r(line, " ", &rest);
    step->set = &names[0];
    if (word != NULL && word[strlen(word) - 1] == ':') {
        word[strlen(word) - 1] = '\0';
        step->set = name_of(word, false);
        word = strtok_r(NULL, " ", &rest);
    }
    if (word == NULL)
        die("'%s' has no step", step->line);
    while (word != NULL && step->count < MOST_WORDS) {
        step->words[step->count++] = word;
        word = strtok_r(NULL, " ", &rest);
    }
}

static const struct verb *verb_of(const struct step *step)
{
    size_t count = sizeof(verbs) / sizeof(verbs[0]);
    size_t i = 0;
    while (i < count && strcmp(step->words[0], verbs[i].word) != 0)
        i++;
    if (i == count)
        die("there is no step '%s'; try build/model --help", step->words[0]);
    if (step->count - 1 > verbs[i].most)
        die("'%s' has too many words", step->line);
    if (step->count - 1 < verbs[i].least)
        die("'%s' has too few words", step->line);
    return &verbs[i];
}

/* Prints what a step gave. Returns whether this is as it must be. */
static bool show(const char *line, const char *wanted, const struct step *step)
{
    const char *real = step->real.text, *ours = step->ours.text;
    bool equal = strcmp(real, ours) == 0;
    if (!equal)
        printf("%-20s  kernel: %-16s MODEL: %s\n", line, real, ours);
    else if (wanted != NULL && strcmp(real, wanted) != 0)
        printf("%-20s  both: %-18s WANTED: %s\n", line, real, wanted);
    else if (!quiet && real[0] != '\0')
        printf("%-20s  %s\n", line, real);
    else if (!quiet)
        puts(line);
    return equal && (wanted == NULL || strcmp(real, wanted) == 0);
}

bool play_line(const char *line)
{
    static int depth;
    char text[LINE_SIZE], copy[LINE_SIZE];
    struct step step = {.line = text};
    snprintf(text, sizeof(text), "%s", line);
    char *wanted = strstr(text, " = ");
    if (wanted != NULL) {
        *wanted = '\0';
        wanted += strlen(" = ");
    }
    snprintf(copy, sizeof(copy), "%s", text);
    split(&step, copy);
    const struct verb *verb = verb_of(&step);
    if (depth > 0 && !verb->while_copied)
        die("'%s' cannot be played during a copy, in which the set is locked",
            text);
    depth++;
    verb->play(&step);
    depth--;
    model_run();
    settle();
    return show(verb->play == during_copy ? "}" : text, wanted, &step);
}
