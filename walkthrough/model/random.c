/*
 * random.c - makes up scripts. The same seed gives the same script everywhere.
 *
 * A script has one of six kinds, because not all steps fit together. While
 * threads sleep, one step must not wake two threads if their order changes the
 * result, because the kernel does not specify which of them is first. So those
 * scripts have no events of a socket that sends, and is_orderly() refuses the
 * other steps of this kind.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 400, KINDS = 6 };
enum script { ONE_SET, NESTED, SLEEPERS, PAIRS, COPIES, NESTED_SLEEPERS };

static uint64_t state; /* of the generator */
static enum script script;
static int steps_left, lines_in_copy;

/* Forms of steps. %p: a prefix that names a set, or nothing. %a: a socket. %l:
 * a listener. %s: a set. %x: anything. %f: a new name. %n: 1 to 9. %k: 0 to 3.
 * %r: 1 to 27. %m: flags. %T: a thread that is in no call. %U: any thread. */
static const struct {
    const char *form;
    int weight[KINDS];
} forms[] = {
    {"%pwait", {14, 14, 8, 12, 5, 6}},
    {"%pwait %k", {14, 12, 8, 12, 5, 6}},
    {"%pfault %k", {3, 2, 2, 2, 2, 2}},
    {"%ptime-out", {0, 0, 1, 0, 0, 1}},
    {"poll %x", {2, 14, 2, 3, 1, 6}},
    {"%pinterest", {3, 3, 2, 2, 2, 2}},
    {"write %a %n", {12, 14, 14, 2, 12, 16}},
    {"read %a %r", {10, 10, 8, 10, 6, 8}},
    {"read %a 4096", {2, 2, 2, 2, 2, 3}},
    {"send %a %n", {4, 2, 0, 14, 3, 0}},
    {"send %a 4096", {2, 0, 0, 4, 1, 0}},
    {"fill %a", {2, 0, 0, 2, 1, 0}},
    {"peer-reads %a", {5, 2, 0, 1, 3, 0}},
    {"urgent %a", {2, 1, 1, 0, 2, 1}},
    {"send-urgent %a", {0, 0, 0, 2, 0, 0}},
    {"read-urgent %a", {1, 1, 1, 2, 1, 1}},
    {"shutdown %a %w", {1, 1, 0, 1, 0, 0}},
    {"peer-shuts %a", {1, 1, 3, 0, 1, 1}},
    {"peer-closes %a", {1, 1, 3, 0, 1, 1}},
    {"close %x", {1, 2, 1, 2, 1, 1}},
    {"%padd %x %m", {10, 18, 0, 12, 8, 0}},
    {"%padd %a %m", {0, 0, 10, 0, 0, 14}},
    {"%padd %s IN", {0, 20, 0, 0, 0, 14}},
    {"%padd %s %m", {0, 0, 0, 0, 0, 6}},
    {"%pmod %x %m", {9, 9, 6, 8, 5, 6}},
    {"%pdel %x", {3, 4, 2, 3, 2, 3}},
    {"%pbad-op %x %m", {1, 1, 0, 0, 0, 0}},
    {"%x: wait", {1, 1, 0, 0, 0, 0}},
    {"%x: add %x %m", {1, 2, 0, 0, 0, 0}},
    {"%padd %x NULL", {1, 1, 0, 0, 0, 0}},
    {"socket %f", {3, 2, 2, 0, 3, 4}},
    {"file %f", {1, 1, 0, 0, 0, 0}},
    {"dup %x %f", {3, 2, 0, 1, 1, 2}},
    {"set %f", {0, 5, 1, 0, 0, 5}},
    {"pair %f %g", {0, 0, 0, 4, 0, 0}},
    {"listen %f", {0, 0, 0, 1, 0, 0}},
    {"connect %l %f", {0, 0, 0, 6, 0, 0}},
    {"accept %l %f", {0, 0, 0, 5, 0, 0}},
    {"%psleep %T", {0, 0, 10, 0, 0, 12}},
    {"%psleep %T 1", {0, 0, 8, 0, 0, 8}},
    {"sleep-poll %T %a", {0, 0, 2, 0, 0, 1}},
    {"sleep-poll %T %s", {0, 0, 0, 0, 0, 4}},
    {"signal %U", {0, 0, 3, 0, 0, 3}},
    {"awake", {0, 0, 10, 0, 0, 10}},
    {"during-copy {", {0, 0, 0, 0, 4, 0}},
    {"during-copy %n {", {0, 0, 0, 0, 4, 0}},
};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

/* Returns a number below limit. */
static unsigned draw(unsigned limit)
{
    static const uint64_t factor = 6364136223846793005, step = 1442695040888963;
    state = state * factor + step;
    return (unsigned)(state >> 33) % limit;
}

static const char *flags_for(enum script kind)
{
    static const char *const any[] = {"IN",
                                      "IN|ET",
                                      "IN|OUT|RDHUP|ET",
                                      "IN|ONESHOT",
                                      "0",
                                      "IN|RDHUP",
                                      "IN|OUT|ET",
                                      "OUT|ONESHOT",
                                      "IN|OUT",
                                      "IN|ET|ONESHOT",
                                      "PRI",
                                      "IN|PRI|ET",
                                      "OUT|ET",
                                      "IN|WAKEUP",
                                      "IN|EXCLUSIVE",
                                      "IN|OUT|ET|EXCLUSIVE",
                                      "IN|RDHUP|EXCLUSIVE"};
    static const char *const sleepy[] = {
        "IN",          "IN|ET", "IN|ONESHOT", "IN|EXCLUSIVE",
        "IN|RDHUP|ET", "IN",    "IN|ET",      "IN|ET|EXCLUSIVE",
        "RDHUP",       "0",     "IN|PRI|ET",  "IN|EXCLUSIVE"};
    if (kind == SLEEPERS || kind == NESTED_SLEEPERS)
        return sleepy[draw(sizeof(sleepy) / sizeof(sleepy[0]))];
    return any[draw(sizeof(any) / sizeof(any[0]))];
}

static bool listens(const struct name *name)
{
    return name->open->kind == SOCKET &&
           ((const struct sock *)name->open->file)->listens;
}

static bool is_a(const struct name *name, char what)
{
    if (what == 'x')
        return true;
    if (what == 'l')
        return name->fd >= 0 && listens(name);
    if (what == 's')
        return name->open->kind == SET;
    return name->open->kind == SOCKET && !listens(name);
}

/* Returns a name of this kind, newer ones more often, or NULL. */
static const char *some_name(char what)
{
    int count = 1;
    while (count < NAMES && names[count].open != NULL)
        count++;
    for (int tries = 0; tries < 50 && count > 1; tries++) {
        unsigned back = draw((unsigned)count - 1);
        unsigned index = draw(2) ? back : draw(back + 1);
        const struct name *name = &names[count - 1 - (int)index];
        if (is_a(name, what))
            return name->text;
    }
    return NULL;
}

/* Appends a prefix that names a set, or nothing. */
static void expand_prefix(char *text)
{
    const char *set = some_name('s');
    if (set == NULL || draw(3) == 0)
        return;
    strcat(text, set);
    strcat(text, ": ");
}

/* Appends what stands for one letter of a form. Returns false if there is no
 * such thing. */
static bool expand(char what, char *text)
{
    static const char *const ways[] = {"RD", "WR", "RDWR"};
    const char *word = NULL;
    char made[16] = "";
    int count = 1;
    while (count < NAMES && names[count].open != NULL)
        count++;
    int fresh = count + (what == 'g' ? 1 : 0);
    if (strchr("alsx", what) != NULL)
        word = some_name(what);
    else if (what == 'n' || what == 'r')
        snprintf(made, sizeof(made), "%u", 1 + draw(what == 'n' ? 9 : 27));
    else if (what == 'k')
        snprintf(made, sizeof(made), "%u", draw(4));
    else if ((what == 'f' || what == 'g') && fresh + 1 < NAMES)
        snprintf(made, sizeof(made), "%c%d", 'a' + fresh % 26, fresh / 26);
    else if (what == 'm')
        word = flags_for(script);
    else if (what == 'w')
        word = ways[draw(3)];
    else if (what == 'T' || what == 'U')
        snprintf(made, sizeof(made), "%c", 'A' + (int)draw(6));
    if (what == 'T' && is_sleeping(made[0] - 'A'))
        return false;
    if (made[0] != '\0')
        word = made;
    if (word == NULL)
        return false;
    strcat(text, word);
    return true;
}

/* --- steps whose result the kernel specifies ----------------------------- */

/* Whether an event of file reaches goal, directly or through sets. */
static bool reaches(const struct file *file, const struct file *goal)
{
    bool found = file == goal;
    const struct epitem *item = file->refs;
    for (; item != NULL && !found; item = item->next_ref)
        found = reaches(&item->ep->file, goal);
    return found;
}

/* Whether a thread in a call on high looks into the set low, from which
 * another thread takes events. */
static bool disturbs(const struct file *low, const struct file *high)
{
    return low == high ? waits_in(low) && polls_in(low)
                       : waits_in(low) && sleeps_in(high);
}

/*
 * Whether the registration of file in the set ep would be a second path between
 * two files, or connect two threads of which one takes the event of the other.
 * With two paths, one event wakes two threads of one set.
 */
static bool joins(const struct file *file, const struct file *ep)
{
    for (int i = 0; i < NAMES && names[i].open != NULL; i++) {
        const struct file *low = names[i].open->file;
        if (!reaches(low, file))
            continue;
        for (int k = 0; k < NAMES && names[k].open != NULL; k++) {
            const struct file *high = names[k].open->file;
            if (reaches(ep, high) &&
                (reaches(low, high) || disturbs(low, high)))
                return true;
        }
    }
    return false;
}

/* Whether a call that blocks on file would take an event from the call of
 * another thread, or the other way round. */
static bool collides(const struct file *file, bool polls)
{
    for (int i = 0; i < NAMES && names[i].open != NULL; i++) {
        const struct file *other = names[i].open->file;
        bool below = reaches(other, file) && (other != file || polls);
        bool above = reaches(file, other) && other != file;
        if (below && waits_in(other))
            return true;
        if (!polls && ((above && sleeps_in(other)) || polls_in(file)))
            return true;
    }
    return false;
}

/* Whether the order of the threads that this step wakes does not matter. */
static bool is_orderly(const char *line)
{
    char words[3][LINE_SIZE] = {"", "", ""};
    const char *colon = strchr(line, ':');
    const struct file *set = names[0].open->file;
    if (colon != NULL) {
        snprintf(words[0], LINE_SIZE, "%.*s", (int)(colon - line), line);
        set = names[find_name(words[0])].open->file;
        line = colon + 1;
    }
    sscanf(line, "%127s %127s %127s", words[0], words[1], words[2]);
    if (strcmp(words[0], "add") == 0)
        return !joins(names[find_name(words[1])].open->file, set);
    if (strcmp(words[0], "sleep") == 0)
        return !collides(set, false);
    if (strcmp(words[0], "sleep-poll") == 0)
        return !collides(names[find_name(words[2])].open->file, true);
    return true;
}

/* Whether the step may be made up now. */
static bool fits(const char *line)
{
    char verb[LINE_SIZE], word[LINE_SIZE] = "";
    if (strstr(line, "urgent") != NULL && !sock_has_urgent())
        return false;
    if (sscanf(line, "%127s %127s", verb, word) < 1)
        return false;
    int found = find_name(word);
    if (strcmp(verb, "close") == 0 && found >= 0)
        return !sleeps_in(names[found].open->file);
    if (strcmp(verb, "dup") == 0 && found >= 0)
        return names[found].fd >= 0;
    if (found >= 0 && names[found].open->peer_is_named)
        return strncmp(verb, "peer-", 5) != 0 && strcmp(verb, "write") != 0 &&
               strcmp(verb, "urgent") != 0;
    if (strstr(line, "interest") != NULL && verb[strlen(verb) - 1] == ':') {
        verb[strlen(verb) - 1] = '\0';
        return names[find_name(verb)].fd >= 0;
    }
    if (verb[strlen(verb) - 1] == ':' && strncmp(word, "sleep", 5) == 0) {
        verb[strlen(verb) - 1] = '\0';
        return names[find_name(verb)].fd >= 0;
    }
    if (strcmp(verb, "sleep-poll") == 0) {
        const char *name = strrchr(line, ' ') + 1;
        return names[find_name(name)].fd >= 0;
    }
    return true;
}

/* Makes up one step. Returns false if the choice was not possible. */
static bool make_up(char line[LINE_SIZE])
{
    unsigned sum = 0;
    int form = 0;
    for (int i = 0; i < FORMS; i++)
        sum += (unsigned)forms[i].weight[script];
    int chosen = (int)draw(sum);
    while (chosen >= forms[form].weight[script])
        chosen -= forms[form++].weight[script];
    line[0] = '\0';
    for (const char *c = forms[form].form; *c != '\0'; c++) {
        size_t end = strlen(line);
        bool possible = true;
        if (*c != '%') {
            line[end] = *c;
            line[end + 1] = '\0';
            continue;
        }
        c++;
        if (*c == 'p')
            expand_prefix(line);
        else
            possible = expand(*c, line);
        if (!possible)
            return false;
    }
    return fits(line) && (script != NESTED_SLEEPERS || is_orderly(line));
}

/* A copy has up to five steps that move bytes. */
static bool next_in_copy(char line[LINE_SIZE])
{
    static const char *const verbs[] = {"write ", "read ",       "send ",
                                        "peer-",  "read-urgent", "urgent "};
    if (lines_in_copy == 0) {
        strcpy(line, "}");
        return true;
    }
    lines_in_copy--;
    for (;;) {
        if (!make_up(line))
            continue;
        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
            if (strncmp(line, verbs[i], strlen(verbs[i])) == 0)
                return true;
    }
}

bool play_random(size_t seed)
{
    char line[LINE_SIZE];
    state = seed;
    script = (enum script)(seed % KINDS);
    if (script == COPIES && !can_stop_copies())
        script = ONE_SET;
    next_line = next_in_copy;
    bool threads = script == SLEEPERS || script == NESTED_SLEEPERS;
    steps_left = threads ? STEPS / 2 : STEPS;
    begin_script();
    bool equal = play_line(script == PAIRS ? "pair a0 b0" : "socket a0");
    if (script == NESTED || threads)
        equal = play_line("set s") && equal;
    while (steps_left > 0) {
        if (!make_up(line))
            continue;
        steps_left--;
        lines_in_copy = (int)draw(6);
        equal = play_line(line) && equal;
    }
    end_script();
    return equal;
}
