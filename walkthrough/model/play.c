/*
 * play.c - plays one script on the kernel's epoll and on the model of it, and
 * prints where they differ.
 *
 * Adds to eventpoll.c a model of a connected Unix-domain stream socket: the
 * events that poll returns for it, and the calls that wake its wait queue
 * (net/unix/af_unix.c). Each socket has a peer that only the script uses, so
 * nothing depends on time.
 *
 * Leaves out: the limit of the send buffer, out-of-band bytes and listening
 * sockets. A socket of the model always has OUT, but a real one loses it when
 * more than a quarter of its send buffer is in use. A script must not send
 * more.
 *
 * Try: build/model walkthrough/model/edge.ep, and build/model --random 7
 */
#include "eventpoll.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NAMES = 26, MOST_BYTES = 4096, RANDOM_STEPS = 400 };

/* The model of a socket. file is first, so that a pointer to it can be cast. */
struct sock {
    struct file file;
    size_t in, out;  /* bytes to read here; bytes the peer has not read */
    bool peer_shut;  /* the peer sends no more */
    bool peer_gone;  /* the peer is closed */
    bool reset;      /* ... with unread bytes: ECONNRESET, once */
    int descriptors; /* how many refer to this socket */
    int peer;        /* the real peer; -1: closed */
    bool used;
};

/* A letter of the script. */
struct name {
    int fd; /* the real descriptor, and its number in the model; -1: none */
    struct sock *sock;
};

enum verb {
    WRITE,
    READ,
    SEND,
    PEER_READS,
    PEER_SHUTS,
    PEER_CLOSES,
    ADD,
    MOD,
    DEL,
    SOCKET,
    DUP,
    CLOSE,
    WAIT,
    INTEREST,
    VERBS
};

static const char *const verbs[VERBS] = {
    "write",       "read",  "send", "peer-reads", "peer-shuts",
    "peer-closes", "add",   "mod",  "del",        "socket",
    "dup",         "close", "wait", "interest"};

static struct sock socks[NAMES];
static struct name names[NAMES];
static struct eventpoll model;
static int epoll_fd;
static uint64_t seed;

static void die(const char *format, ...)
{
    va_list arguments;
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
} flags[] = {{"IN", EPOLLIN},       {"OUT", EPOLLOUT},
             {"ERR", EPOLLERR},     {"HUP", EPOLLHUP},
             {"RDHUP", EPOLLRDHUP}, {"ONESHOT", EPOLLONESHOT},
             {"ET", EPOLLET}};
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
            die("'%s' is not a flag; use IN, OUT, RDHUP, ERR, HUP, ET, "
                "ONESHOT, "
                "joined by |, or 0",
                word);
    }
    return events;
}

/* The text of a result. It has room for every result. */
struct result {
    char text[1024];
    size_t length;
};

static void add(struct result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const size_t room = sizeof(result->text) - result->length;
    const int n =
        vsnprintf(result->text + result->length, room, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= room)
        die("a result is too long");
    result->length += (size_t)n;
}

static void add_event(struct result *result, int letter, uint32_t events)
{
    add(result, "%s%c:", result->length > 0 ? " " : "", letter);
    const char *between = "";
    for (int i = 0; i < FLAGS; i++)
        if (events & flags[i].bit) {
            add(result, "%s%s", between, flags[i].word);
            between = "|";
        }
}

/* Adds a number, or the name of an error, which is -errno. */
static void add_number(struct result *result, ssize_t n)
{
    if (n >= 0)
        add(result, "%zd", n);
    else
        add(result, "%s", strerrorname_np((int)-n));
}

static ssize_t or_errno(ssize_t n)
{
    return n < 0 ? -errno : n;
}

/* --- the model of a socket ----------------------------------------------- */

/* Returns the events that unix_poll() returns. */
static uint32_t sock_poll(const struct file *file)
{
    const struct sock *const sock = (const struct sock *)file;
    uint32_t events = EPOLLOUT;
    if (sock->in > 0)
        events |= EPOLLIN;
    if (sock->peer_shut || sock->peer_gone)
        events |= EPOLLIN | EPOLLRDHUP;
    if (sock->peer_gone)
        events |= EPOLLHUP;
    if (sock->reset)
        events |= EPOLLERR;
    return events;
}

static ssize_t sock_read(struct sock *sock, size_t size)
{
    const size_t n = size < sock->in ? size : sock->in;
    sock->in -= n;
    if (n > 0)
        return (ssize_t)n;
    if (sock->reset) {
        sock->reset = false;
        return -ECONNRESET;
    }
    return sock->peer_shut || sock->peer_gone ? 0 : -EAGAIN;
}

static ssize_t sock_send(struct sock *sock, size_t size)
{
    if (sock->peer_gone)
        return -EPIPE;
    sock->out += size; /* wakes the peer, which no instance watches */
    return (ssize_t)size;
}

static ssize_t peer_write(struct sock *sock, size_t size)
{
    if (sock->peer_gone || sock->peer_shut)
        return sock->peer_gone ? -EBADF : -EPIPE;
    sock->in += size;
    model_wake(&model, &sock->file, EPOLLIN); /* sock_def_readable() */
    return (ssize_t)size;
}

static ssize_t peer_reads(struct sock *sock)
{
    const size_t n = sock->out;
    if (sock->peer_gone || n == 0)
        return sock->peer_gone ? -EBADF : -EAGAIN;
    sock->out = 0;
    model_wake(&model, &sock->file, EPOLLOUT); /* unix_write_space() */
    return (ssize_t)n;
}

static ssize_t peer_shuts(struct sock *sock)
{
    if (sock->peer_gone)
        return -EBADF;
    sock->peer_shut = true;
    model_wake(&model, &sock->file, 0); /* sk_state_change(): no key */
    return 0;
}

static ssize_t peer_closes(struct sock *sock)
{
    if (sock->peer_gone)
        return -EBADF;
    sock->peer_gone = true;
    sock->reset = sock->out > 0;
    model_wake(&model, &sock->file, 0);
    return 0;
}

/* --- the real calls ------------------------------------------------------ */

static ssize_t real_send(int fd, size_t size)
{
    static const char bytes[MOST_BYTES];
    return or_errno(send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static ssize_t real_read(int fd, size_t size)
{
    char bytes[MOST_BYTES];
    return or_errno(recv(fd, bytes, size, MSG_DONTWAIT));
}

/* Reads until EAGAIN. Returns the sum, or -errno. */
static ssize_t real_read_all(int fd)
{
    ssize_t sum = 0, n;
    while ((n = real_read(fd, MOST_BYTES)) > 0)
        sum += n;
    return sum > 0 ? sum : n;
}

static ssize_t real_close(int *fd)
{
    const int old = *fd;
    *fd = -1;
    return or_errno(close(old));
}

/* Reads the kernel's interest list, proc(5): the events of each letter. */
static void real_interest(uint32_t asked[NAMES], bool listed[NAMES])
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll_fd);
    FILE *const info = fopen(path, "re");
    if (info == NULL)
        die("cannot read %s: %s", path, strerrorname_np(errno));
    while (fgets(line, sizeof(line), info) != NULL) {
        int fd;
        uint32_t events;
        unsigned long long data;
        if (sscanf(line, "tfd: %d events: %x data: %llx", &fd, &events,
                   &data) == 3) {
            asked[data] = events;
            listed[data] = true;
        }
    }
    fclose(info);
}

static void model_interest(uint32_t asked[NAMES], bool listed[NAMES])
{
    const struct epitem *item = model.items;
    for (; item != NULL; item = item->next) {
        asked[item->event.data.u64] = item->event.events;
        listed[item->event.data.u64] = true;
    }
}

/* --- steps --------------------------------------------------------------- */

static void open_socket(struct name *name)
{
    int pair[2], i = 0;
    while (socks[i].used)
        i++;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        die("socketpair: %s", strerrorname_np(errno));
    socks[i] = (struct sock){.file.poll = sock_poll,
                             .descriptors = 1,
                             .peer = pair[1],
                             .used = true};
    *name = (struct name){.fd = pair[0], .sock = &socks[i]};
}

static void close_name(struct name *name)
{
    struct sock *const sock = name->sock;
    if (sock != NULL && name->fd >= 0 && --sock->descriptors == 0) {
        model_release_file(&model, &sock->file);
        if (sock->peer >= 0)
            close(sock->peer);
        sock->used = false;
    }
}

/* Executes a step that moves bytes in the model. */
static ssize_t model_move(enum verb verb, struct name *name, size_t size)
{
    struct sock *const sock = name->sock;
    if (name->fd < 0)
        return -EBADF;
    switch (verb) {
    case WRITE:
        return peer_write(sock, size);
    case READ:
        return sock_read(sock, size);
    case SEND:
        return sock_send(sock, size);
    case PEER_READS:
        return peer_reads(sock);
    case PEER_SHUTS:
        return peer_shuts(sock);
    default:
        return peer_closes(sock);
    }
}

/* The same with system calls. After close a, its peer is closed too. */
static ssize_t real_move(enum verb verb, struct name *name, size_t size)
{
    int none = -1;
    int *const peer = name->fd < 0 ? &none : &name->sock->peer;
    switch (verb) {
    case WRITE:
        return real_send(*peer, size);
    case READ:
        return real_read(name->fd, size);
    case SEND:
        return real_send(name->fd, size);
    case PEER_READS:
        return real_read_all(*peer);
    case PEER_SHUTS:
        return or_errno(shutdown(*peer, SHUT_WR));
    default:
        return real_close(peer);
    }
}

static void control(enum verb verb, int letter, uint32_t events,
                    struct result *real, struct result *ours)
{
    const struct name *const name = &names[letter];
    const int op = verb == ADD   ? EPOLL_CTL_ADD
                   : verb == MOD ? EPOLL_CTL_MOD
                                 : EPOLL_CTL_DEL;
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)letter};
    add_number(real, or_errno(epoll_ctl(epoll_fd, op, name->fd, &event)));
    add_number(ours, name->fd < 0 ? -EBADF
                                  : model_ctl(&model, op, &name->sock->file,
                                              name->fd, &event));
}

static void wait_for(int most, struct result *real, struct result *ours)
{
    struct epoll_event events[NAMES];
    struct result *const results[] = {real, ours};
    for (int i = 0; i < 2; i++) {
        const ssize_t n = i == 0
                              ? or_errno(epoll_wait(epoll_fd, events, most, 0))
                              : model_wait(&model, events, most);
        for (int k = 0; k < n; k++)
            add_event(results[i], 'a' + events[k].data.fd, events[k].events);
        if (n <= 0)
            add_number(results[i], n);
    }
}

static void interest(struct result *real, struct result *ours)
{
    struct result *const results[] = {real, ours};
    for (int i = 0; i < 2; i++) {
        uint32_t asked[NAMES] = {0};
        bool listed[NAMES] = {false};
        (i == 0 ? real_interest : model_interest)(asked, listed);
        for (int letter = 0; letter < NAMES; letter++)
            if (listed[letter])
                add_event(results[i], 'a' + letter, asked[letter]);
        if (results[i]->length == 0)
            add(results[i], "empty");
    }
}

/* Returns the letter of a word. If fresh it must be unused, else in use. */
static int letter_of(const char *word, bool fresh)
{
    if (word == NULL || !islower((unsigned char)word[0]) || word[1] != '\0')
        die("a name must be a letter from a to z, not '%s'", word ? word : "");
    const int letter = word[0] - 'a';
    if (fresh && names[letter].sock != NULL)
        die("%s is in use; choose a letter that has not been used", word);
    if (!fresh && names[letter].sock == NULL)
        die("there is no socket %s yet; add a step 'socket %s' before this",
            word, word);
    return letter;
}

static size_t number_of(const char *word, size_t most)
{
    char *end = NULL;
    const unsigned long n = word ? strtoul(word, &end, 10) : 0;
    if (word == NULL || !isdigit((unsigned char)word[0]) || *end != '\0' ||
        n < 1 || n > most)
        die("this step needs a number from 1 to %zu, not '%s'", most,
            word ? word : "");
    return n;
}

/* Returns the verb of a step, which is its first word. */
static enum verb verb_of(const char *word)
{
    int verb = 0;
    while (verb < VERBS && strcmp(word, verbs[verb]) != 0)
        verb++;
    if (verb == VERBS)
        die("there is no step '%s'; try build/model --help", word);
    return (enum verb)verb;
}

/* Creates another descriptor for the socket of a letter. */
static void duplicate(const char *word, const char *copy)
{
    const struct name *const old = &names[letter_of(word, false)];
    struct name *const new = &names[letter_of(copy, true)];
    if (old->fd < 0)
        die("%s is closed", word);
    *new = (struct name){.fd = dup(old->fd), .sock = old->sock};
    old->sock->descriptors++;
}

/* Plays a step on both, and prints it. Returns whether they agree. */
static bool play(const char *line)
{
    struct result real = {.length = 0}, ours = {.length = 0};
    char copy[128], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", line);
    const enum verb verb = verb_of(strtok_r(copy, " ", &rest));
    const char *const word = strtok_r(NULL, " ", &rest);
    char *const last = strtok_r(NULL, " ", &rest);
    int letter = 0;
    if (strtok_r(NULL, " ", &rest) != NULL)
        die("'%s' has too many words", line);
    if (verb < SOCKET)
        letter = letter_of(word, false);

    if (verb <= PEER_CLOSES) {
        const size_t size = verb <= SEND ? number_of(last, MOST_BYTES) : 0;
        add_number(&real, real_move(verb, &names[letter], size));
        add_number(&ours, model_move(verb, &names[letter], size));
    } else if (verb <= DEL) {
        if (verb != DEL && last == NULL)
            die("%s needs flags: %s a IN|ET", verbs[verb], verbs[verb]);
        const uint32_t events = verb != DEL ? parse_flags(last) : 0;
        control(verb, letter, events, &real, &ours);
    } else if (verb == SOCKET) {
        open_socket(&names[letter_of(word, true)]);
    } else if (verb == DUP) {
        duplicate(word, last);
    } else if (verb == CLOSE) {
        struct name *const name = &names[letter_of(word, false)];
        close_name(name);
        real_close(&name->fd);
    } else if (verb == WAIT) {
        wait_for(word ? (int)number_of(word, NAMES) : NAMES, &real, &ours);
    } else {
        interest(&real, &ours);
    }

    const bool equal = strcmp(real.text, ours.text) == 0;
    if (!equal)
        printf("%-20s  kernel: %-16s MODEL: %s\n", line, real.text, ours.text);
    else if (real.length > 0)
        printf("%-20s  %s\n", line, real.text);
    else
        puts(line);
    return equal;
}

/* --- scripts ------------------------------------------------------------- */

/* Plays a file, and prints its comments too. Returns whether they agree. */
static bool play_file(const char *path)
{
    FILE *const file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL)
        die("cannot read %s: %s", path, strerrorname_np(errno));
    bool equal = true;
    char line[128];
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strchr(line, '\n') == NULL && !feof(file))
            die("a line of %s is longer than %zu bytes", path,
                sizeof(line) - 2);
        line[strcspn(line, "\n")] = '\0';
        const size_t blanks = strspn(line, " ");
        if (line[blanks] == '#' || line[blanks] == '\0')
            puts(line);
        else
            equal = play(line + blanks) && equal;
    }
    if (file != stdin)
        fclose(file);
    return equal;
}

/* Returns a number below limit. The same seed gives the same numbers. */
static unsigned draw(unsigned limit)
{
    static const uint64_t factor = 6364136223846793005, step = 1442695040888963;
    seed = seed * factor + step;
    return (unsigned)(seed >> 33) % limit;
}

/* Generates a step. letters is how many are in use. */
static void make_up(char line[64], int *letters)
{
    static const char *const masks[] = {
        "IN",     "IN|ET",        "IN|OUT|RDHUP|ET", "IN|ONESHOT",
        "0",      "IN|RDHUP",     "IN|OUT|ET",       "OUT|ONESHOT",
        "IN|OUT", "IN|ET|ONESHOT"};
    const int a = 'a' + (int)draw((unsigned)*letters);
    const unsigned n = 1 + draw(9), what = draw(100);
    const char *const mask = masks[draw(10)];
    if (what < 15)
        snprintf(line, 64, "wait");
    else if (what < 30)
        snprintf(line, 64, "wait %u", 1 + draw(3));
    else if (what < 45)
        snprintf(line, 64, "write %c %u", a, n);
    else if (what < 57)
        snprintf(line, 64, "read %c %u", a, n * (1 + draw(3)));
    else if (what < 62)
        snprintf(line, 64, "send %c %u", a, n);
    else if (what < 67)
        snprintf(line, 64, "peer-reads %c", a);
    else if (what < 77)
        snprintf(line, 64, "add %c %s", a, mask);
    else if (what < 87)
        snprintf(line, 64, "mod %c %s", a, mask);
    else if (what < 90)
        snprintf(line, 64, "del %c", a);
    else if (what < 93)
        snprintf(line, 64, "interest");
    else if (what < 94)
        snprintf(line, 64, "peer-shuts %c", a);
    else if (what < 95)
        snprintf(line, 64, "peer-closes %c", a);
    else if (what < 96)
        snprintf(line, 64, "close %c", a);
    else if (*letters == NAMES)
        snprintf(line, 64, "wait");
    else if (what < 98 && names[a - 'a'].fd >= 0)
        snprintf(line, 64, "dup %c %c", a, 'a' + (*letters)++);
    else
        snprintf(line, 64, "socket %c", 'a' + (*letters)++);
}

static bool play_random(const char *word)
{
    char line[64];
    int letters = 1;
    seed = number_of(word, 1000000000);
    bool equal = play("socket a");
    for (int i = 0; i < RANDOM_STEPS; i++) {
        make_up(line, &letters);
        equal = play(line) && equal;
    }
    return equal;
}

static void usage(void)
{
    puts("usage: build/model SCRIPT\n"
         "       build/model --random SEED\n"
         "\n"
         "Play a script on the kernel's epoll and on the model of it, and "
         "print\n"
         "the result of each step. If they differ, the line has both. The\n"
         "script is a file, or - for standard input. --random generates one,\n"
         "which is the same for the same seed.\n"
         "\n"
         "  socket a         create a socket; the script controls its peer\n"
         "  dup a b          b is another descriptor of a\n"
         "  close a          close the descriptor a\n"
         "  add a IN|ET      epoll_ctl ADD; also: mod a FLAGS, del a\n"
         "  wait [N]         epoll_wait with time-out 0, at most N events\n"
         "  interest         the interest list, from /proc/self/fdinfo\n"
         "  read a N         receive at most N bytes from a\n"
         "  send a N         a sends N bytes to its peer\n"
         "  write a N        the peer sends N bytes to a\n"
         "  peer-reads a     the peer reads all that a has sent\n"
         "  peer-shuts a     the peer sends no more\n"
         "  peer-closes a    the peer closes\n"
         "\n"
         "Exit status: 0 they agree, 1 they differ, 2 the script is wrong.");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage();
        return 0;
    }
    const bool made_up = argc == 3 && strcmp(argv[1], "--random") == 0;
    if (!made_up && (argc != 2 || strncmp(argv[1], "--", 2) == 0))
        die("expected one script, or --random SEED; try build/model --help");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1: %s", strerrorname_np(errno));
    const bool equal = made_up ? play_random(argv[2]) : play_file(argv[1]);
    for (int i = 0; i < NAMES; i++) {
        close_name(&names[i]);
        if (names[i].sock != NULL && names[i].fd >= 0)
            close(names[i].fd);
    }
    close(epoll_fd);
    return equal ? 0 : 1;
}
