/*
 * play.c - plays scripts on the kernel's epoll and on the model of it, and
 * prints where they differ.
 *
 * steps.c has the steps, sleepers.c the threads that block, copy.c what happens
 * while the kernel copies, socket.c a model of the sockets, and random.c makes
 * up scripts.
 *
 * Try: build/model walkthrough/model/edge.ep, and build/model --random 5
 */
#include "play.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static FILE *file; /* the script */
static const char *path;

/* Reads a line of the script without its newline. */
static bool line_of_file(char line[LINE_SIZE])
{
    if (fgets(line, LINE_SIZE, file) == NULL)
        return false;
    if (strchr(line, '\n') == NULL && !feof(file))
        die("a line of %s is longer than %d bytes", path, LINE_SIZE - 2);
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/* Plays a file. Its comments are part of what is shown. */
static bool play_file(void)
{
    char line[LINE_SIZE];
    bool equal = true;
    file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL)
        die("cannot read %s: %s", path, strerrorname_np(errno));
    next_line = line_of_file;
    begin_script();
    while (line_of_file(line)) {
        size_t blanks = strspn(line, " ");
        if (line[blanks] == '#' || line[blanks] == '\0')
            puts(line);
        else
            equal = play_line(line + blanks) && equal;
    }
    end_script();
    if (file != stdin)
        fclose(file);
    return equal;
}

/* Plays the script of a seed, or quietly those of a range FIRST-LAST. */
static bool play_seeds(char *word)
{
    size_t most = 1000000000;
    char *minus = strchr(word, '-');
    if (minus == NULL)
        return play_random(number_of(word, 1, most));
    *minus = '\0';
    size_t first = number_of(word, 1, most);
    size_t last = number_of(minus + 1, first, most);
    size_t different = 0;
    quiet = true;
    for (size_t seed = first; seed <= last; seed++) {
        if (!play_random(seed)) {
            printf("they differ in: build/model --random %zu\n", seed);
            different++;
        }
    }
    printf("%zu scripts, %zu differ\n", last - first + 1, different);
    return different == 0;
}

/* Asks the kernel whether this process may use EPOLLWAKEUP. */
static bool can_block_suspend(void)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int inner_fd = epoll_create1(EPOLL_CLOEXEC);
    char info[512] = "", name[64];
    struct epoll_event event = {.events = EPOLLWAKEUP};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, inner_fd, &event);
    snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", epoll_fd);
    FILE *opened = fopen(name, "re");
    if (epoll_fd < 0 || opened == NULL)
        die("cannot read %s: %s", name, strerrorname_np(errno));
    size_t n = fread(info, 1, sizeof(info) - 1, opened);
    info[n] = '\0';
    fclose(opened);
    close(inner_fd);
    close(epoll_fd);
    const char *events = strstr(info, "events:");
    return events != NULL &&
           (strtoul(events + strlen("events:"), NULL, 16) & EPOLLWAKEUP) != 0;
}

static void usage(void)
{
    puts(
        "usage: build/model SCRIPT\n"
        "       build/model --random SEED\n"
        "       build/model --random FIRST-LAST\n"
        "\n"
        "Play a script on the kernel's epoll and on the model of it, and show\n"
        "the result of each step. A line has both results if they differ. The\n"
        "script is a file, or - for standard input. --random makes one up, "
        "the\n"
        "same for the same seed, or plays a range and shows only differences.\n"
        "\n"
        "A name is a letter and up to three digits. A step that begins with\n"
        "NAME: uses this set instead of the one without a name.\n"
        "\n"
        "  socket a         a new socket; only steps use its peer\n"
        "  pair a b         two connected sockets\n"
        "  listen a         a listening socket, with connect a b, accept a b\n"
        "  set s            a new epoll instance\n"
        "  file f           a file that cannot be polled\n"
        "  dup a b          b is another descriptor of it\n"
        "  close a          close the descriptor\n"
        "  add a IN|ET      epoll_ctl ADD; likewise mod a FLAGS, del a,\n"
        "                   bad-op a FLAGS; FLAGS may be NULL\n"
        "  wait [N]         epoll_wait, time-out 0, at most N events\n"
        "  time-out [N]     the same, with a time-out of 1 ms\n"
        "  fault N          the same into an array of which N events are "
        "mapped\n"
        "  poll a           poll for POLLIN, time-out 0\n"
        "  interest         the interest list, of /proc/self/fdinfo\n"
        "  read a N         receive from a at most N bytes\n"
        "  send a N         a sends N bytes to its peer; likewise fill a, "
        "which\n"
        "                   sends until EAGAIN, and send-urgent a\n"
        "  shutdown a WR    also RD, RDWR\n"
        "  read-urgent a    receive the urgent byte (MSG_OOB)\n"
        "  write a N        the peer sends N bytes to a; urgent a: an urgent "
        "byte\n"
        "  peer-reads a     the peer reads all that a has sent\n"
        "  peer-shuts a     the peer sends no more\n"
        "  peer-closes a    the peer is closed\n"
        "  sleep T [N]      thread T calls epoll_wait without a time-out\n"
        "  sleep-poll T a   thread T polls a without a time-out\n"
        "  signal T         T gets a signal, or has it pending in its next "
        "call\n"
        "  awake            the calls that have returned since the last awake\n"
        "  during-copy [N] {  a wait that stops when it copies its first "
        "event;\n"
        "                   the lines up to } happen then\n"
        "  reset            close everything and forget all names\n"
        "\n"
        "A step that ends with = RESULT differs if it gives another result.\n"
        "\n"
        "Exit status: 0 they agree, 1 they differ, 2 the script is wrong, 77\n"
        "the script needs a privilege.");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage();
        return 0;
    }
    bool made_up = argc == 3 && strcmp(argv[1], "--random") == 0;
    if (!made_up && (argc != 2 || strncmp(argv[1], "--", 2) == 0))
        die("expected one script, or --random SEED; try build/model --help");
    path = argv[1];
    model_can_block_suspend = can_block_suspend();
    bool equal = made_up ? play_seeds(argv[2]) : play_file();
    return equal ? 0 : 1;
}
