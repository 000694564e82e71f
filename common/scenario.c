/*
 * scenario.c - read a scenario file. What its steps do is in scenario_play.c.
 *
 * One step a line, so a line is all that the parser ever looks at; only repeat
 * and its } reach further. Every error names the line, what is wrong with it,
 * and what would be right.
 */
#include "scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_BYTES = 16 * 1024 * 1024, /* of one send or expect */
    MOST_TIMES = 100000,           /* of one repeat */
    MOST_ROOM = 10000,
    MOST_FILE = 1024 * 1024
};

/* What comes after a verb. */
enum argument { NOTHING, TEXT_OR_SIZE, BYTE, ERROR_NAME };

static const struct {
    const char *name;
    enum verb verb;
    enum argument argument;
} client_verbs[] = {{"connect", CONNECT_STEP, NOTHING},
                    {"connect-nonblocking", CONNECT_NONBLOCKING, NOTHING},
                    {"send", SEND_STEP, TEXT_OR_SIZE},
                    {"send-oob", SEND_OOB, BYTE},
                    {"expect", EXPECT, TEXT_OR_SIZE},
                    {"expect-eof", EXPECT_EOF, NOTHING},
                    {"expect-error", EXPECT_ERROR, ERROR_NAME},
                    {"expect-nothing", EXPECT_NOTHING, NOTHING},
                    {"shutdown", SHUTDOWN_STEP, NOTHING},
                    {"close", CLOSE_STEP, NOTHING},
                    {"abort", ABORT, NOTHING}};

/* Where the parser is. */
struct parser {
    struct scenario *scenario;
    struct scenario_problem *problem;
    int line;
    const char *next, *end;   /* the rest of the line */
    size_t open[MOST_NESTED]; /* the repeats that wait for their } */
    size_t depth;
    bool connected[MOST_CLIENTS + 1];
};

static bool fail(struct parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Say what is wrong with the line. Returns false. */
static bool fail(struct parser *p, const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(p->problem->text, sizeof(p->problem->text), "%s:%d: %s",
             p->scenario->name, p->line, text);
    return false;
}

static void skip_blanks(struct parser *p)
{
    while (p->next < p->end && (*p->next == ' ' || *p->next == '\t'))
        p->next++;
}

/* Is nothing left on the line but a comment? */
static bool at_end(struct parser *p)
{
    skip_blanks(p);
    return p->next == p->end || *p->next == '#';
}

/* The next word, up to a blank, cut to size; "" at the end of the line. */
static void take_word(struct parser *p, char *word, size_t size)
{
    size_t n = 0;
    if (at_end(p))
        p->next = p->end;
    for (; p->next < p->end && *p->next != ' ' && *p->next != '\t'; p->next++) {
        if (n == size - 1)
            memcpy(word + n - 3, "...", 3); /* too long for anything */
        else
            word[n++] = isprint((unsigned char)*p->next) ? *p->next : '?';
    }
    word[n] = '\0';
}

/* A whole number of 1 to most, or of 0 where that is allowed. */
static bool take_number(struct parser *p, const char *of, size_t least,
                        size_t most, size_t *number)
{
    char word[40];
    take_word(p, word, sizeof(word));
    char *end;
    errno = 0;
    const unsigned long value = strtoul(word, &end, 10);
    if (!isdigit((unsigned char)word[0]) || *end != '\0' || errno != 0 ||
        value < least || value > most)
        return fail(p, "%s takes a whole number from %zu to %zu, not '%s'", of,
                    least, most, word);
    *number = value;
    return true;
}

/* One byte of a quoted text, escapes undone. */
static bool take_byte(struct parser *p, char *byte)
{
    static const char names[] = "nrt0\\\"", values[] = "\n\r\t\0\\\"";
    *byte = *p->next++;
    if (*byte != '\\')
        return true;
    if (p->next == p->end)
        return fail(p, "the line ends within an escape: write \\\\ for a "
                       "backslash");
    const char letter = *p->next++;
    if (letter == 'x') {
        char digits[3] = {0};
        for (int i = 0; i < 2 && p->next < p->end; i++)
            digits[i] = *p->next++;
        if (!isxdigit((unsigned char)digits[0]) ||
            !isxdigit((unsigned char)digits[1]))
            return fail(p, "\\x takes two hexadecimal digits, as in \\x1b");
        *byte = (char)strtol(digits, NULL, 16);
        return true;
    }
    const char *const known = memchr(names, letter, sizeof(names) - 1);
    if (known == NULL)
        return fail(p,
                    "there is no escape '\\%c'; there are \\n \\r \\t \\0 "
                    "\\\\ \\\" \\xNN",
                    isprint((unsigned char)letter) ? letter : '?');
    *byte = values[known - names];
    return true;
}

/* "TEXT" */
static bool take_text(struct parser *p, struct step *step)
{
    p->next++; /* the opening quote */
    step->bytes = malloc((size_t)(p->end - p->next) + 1);
    if (step->bytes == NULL)
        return fail(p, "no memory");
    while (p->next < p->end && *p->next != '"')
        if (!take_byte(p, &step->bytes[step->size++]))
            return false;
    if (p->next == p->end)
        return fail(p, "the text has no closing \"");
    p->next++;
    if (step->size == 0)
        return fail(p, "the text is empty: nothing would be sent, and nothing "
                       "can be expected; for that there is expect-nothing");
    return true;
}

static bool take_error(struct parser *p, struct step *step)
{
    char word[40];
    take_word(p, word, sizeof(word));
    for (int error = 1; error < 134; error++) {
        const char *const name = strerrorname_np(error);
        if (name != NULL && strcmp(name, word) == 0) {
            step->error = error;
            return true;
        }
    }
    return fail(p,
                "expect-error takes the name of an errno, such as "
                "ECONNRESET or EPIPE, not '%s'",
                word);
}

static bool take_argument(struct parser *p, enum argument argument,
                          const char *verb, struct step *step)
{
    switch (argument) {
    case NOTHING:
        return true;
    case TEXT_OR_SIZE:
        if (at_end(p))
            return fail(p, "%s takes \"TEXT\" or a number of bytes", verb);
        if (*p->next == '"')
            return take_text(p, step);
        return take_number(p, verb, 1, MOST_BYTES, &step->size);
    case BYTE:
        if (at_end(p))
            return fail(p, "send-oob takes one byte, such as X");
        step->bytes = malloc(1);
        if (step->bytes == NULL)
            return fail(p, "no memory");
        step->size = 1;
        return take_byte(p, step->bytes);
    case ERROR_NAME:
        return take_error(p, step);
    }
    return false;
}

/* Is the step possible for a client that is, or is not, connected? */
static bool check_order(struct parser *p, const struct step *step)
{
    bool *const connected = &p->connected[step->client];
    const bool connects =
        step->verb == CONNECT_STEP || step->verb == CONNECT_NONBLOCKING;
    if (connects && *connected)
        return fail(p,
                    "c%d is connected already: close it first, or take "
                    "another number",
                    step->client);
    if (!connects && !*connected)
        return fail(p, "c%d is not connected: write 'c%d connect' before",
                    step->client, step->client);
    if (connects)
        *connected = true;
    if (step->verb == CLOSE_STEP || step->verb == ABORT)
        *connected = false;
    return true;
}

/* cN VERB ... */
static bool parse_client(struct parser *p, const char *who, struct step *step)
{
    char *end;
    char verb[40];
    const long number = strtol(who + 1, &end, 10);
    if (*end != '\0' || who[1] == '0' || number < 1 || number > MOST_CLIENTS)
        return fail(p, "clients are called c1 to c%d, not '%s'", MOST_CLIENTS,
                    who);
    step->client = (int)number;
    if (step->client > p->scenario->clients)
        p->scenario->clients = step->client;
    take_word(p, verb, sizeof(verb));
    for (size_t i = 0; i < sizeof(client_verbs) / sizeof(client_verbs[0]); i++)
        if (strcmp(verb, client_verbs[i].name) == 0) {
            step->verb = client_verbs[i].verb;
            return take_argument(p, client_verbs[i].argument, verb, step) &&
                   check_order(p, step);
        }
    return fail(p,
                "a client cannot '%s'; it can connect, connect-nonblocking, "
                "send, send-oob, expect, expect-eof, expect-error, "
                "expect-nothing, shutdown, close, abort",
                verb);
}

static bool parse_note(struct parser *p, struct step *step)
{
    while (p->end > p->next && (p->end[-1] == ' ' || p->end[-1] == '\t'))
        p->end--;
    skip_blanks(p);
    const size_t size = (size_t)(p->end - p->next);
    if (size == 0)
        return fail(p, "note takes some words for the trace");
    if (size > 200)
        return fail(p, "a note has at most 200 bytes, this one has %zu", size);
    for (const char *c = p->next; c < p->end; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return fail(p, "a note is plain ASCII without \" and \\");
    step->bytes = strndup(p->next, size);
    p->next = p->end;
    return step->bytes != NULL || fail(p, "no memory");
}

static bool parse_repeat(struct parser *p, struct step *step)
{
    char brace[40];
    if (!take_number(p, "repeat", 1, MOST_TIMES, &step->size))
        return false;
    take_word(p, brace, sizeof(brace));
    if (strcmp(brace, "{") != 0)
        return fail(p, "repeat ends with a brace: repeat %zu {", step->size);
    if (p->depth == MOST_NESTED)
        return fail(p, "repeats are nested at most %d deep", MOST_NESTED);
    p->open[p->depth++] = p->scenario->count;
    return true;
}

static bool parse_signal(struct parser *p, struct step *step)
{
    const struct scenario *const s = p->scenario;
    const bool stopped =
        s->count > 0 && s->steps[s->count - 1].verb == SIGNAL_STOP;
    char which[40];
    take_word(p, which, sizeof(which));
    if (strcmp(which, "stop") == 0) {
        step->verb = SIGNAL_STOP;
        return !stopped || fail(p, "the process is stopped already");
    }
    if (strcmp(which, "cont") != 0)
        return fail(p, "signal takes stop or cont, not '%s'", which);
    if (!stopped)
        return fail(p, "signal cont comes right after signal stop: clients "
                       "are threads of the same process, and stopped with it");
    step->verb = SIGNAL_CONT;
    return true;
}

/* One line that is not empty. */
static bool parse_line(struct parser *p, struct step *step)
{
    struct scenario *const s = p->scenario;
    char word[40];
    take_word(p, word, sizeof(word));
    step->line = p->line;
    if (s->count > 0 && s->steps[s->count - 1].verb == SIGNAL_STOP &&
        strcmp(word, "signal") != 0)
        return fail(p, "signal cont must follow signal stop: nothing can "
                       "happen while the process is stopped");
    if (word[0] == 'c' && isdigit((unsigned char)word[1]))
        return parse_client(p, word, step);
    if (strcmp(word, "hold") == 0) {
        step->verb = HOLD;
    } else if (strcmp(word, "release") == 0) {
        step->verb = RELEASE;
    } else if (strcmp(word, "await-timer") == 0) {
        step->verb = AWAIT_TIMER;
    } else if (strcmp(word, "signal") == 0) {
        return parse_signal(p, step);
    } else if (strcmp(word, "note") == 0) {
        step->verb = NOTE_STEP;
        return parse_note(p, step);
    } else if (strcmp(word, "room") == 0) {
        step->verb = ROOM;
        return take_number(p, "room", 0, MOST_ROOM, &step->size);
    } else if (strcmp(word, "repeat") == 0) {
        step->verb = REPEAT;
        return parse_repeat(p, step);
    } else if (strcmp(word, "}") == 0) {
        if (p->depth == 0)
            return fail(p, "there is no repeat that this } could end");
        step->verb = REPEAT_END;
        step->other = p->open[--p->depth];
        s->steps[step->other].other = s->count;
    } else {
        return fail(p,
                    "'%s' is no step; a line begins with a client, c1, or "
                    "is one of hold, release, signal, room, repeat, }, note, "
                    "await-timer",
                    word);
    }
    return true;
}

/* Append one line's step. */
static bool add_line(struct parser *p)
{
    struct scenario *const s = p->scenario;
    struct step step = {.line = p->line};
    bool good = parse_line(p, &step);
    if (good && !at_end(p)) {
        char word[40];
        take_word(p, word, sizeof(word));
        good = fail(p, "'%s' is too much: the step ends before it", word);
    }
    struct step *const more =
        good ? realloc(s->steps, (s->count + 1) * sizeof(*more)) : NULL;
    if (more == NULL) {
        free(step.bytes);
        return good ? fail(p, "no memory") : false;
    }
    s->steps = more;
    s->steps[s->count++] = step;
    return true;
}

static bool parse_all(struct parser *p, const char *text, size_t size)
{
    size_t length;
    for (size_t at = 0; at < size; at += length + 1) {
        const char *const line = text + at;
        const char *const newline = memchr(line, '\n', size - at);
        length = newline != NULL ? (size_t)(newline - line) : size - at;
        p->line++;
        p->next = line;
        p->end = line + length;
        if (memchr(line, '\0', length) != NULL)
            return fail(p, "there is a NUL byte: is this a text file?");
        if (length > 0 && p->end[-1] == '\r')
            p->end--;
        if (!at_end(p) && !add_line(p))
            return false;
    }
    if (p->line == 0)
        p->line = 1; /* an empty file is one empty line */
    if (p->depth > 0)
        return fail(p, "the repeat of line %d has no }",
                    p->scenario->steps[p->open[p->depth - 1]].line);
    if (p->scenario->count > 0 &&
        p->scenario->steps[p->scenario->count - 1].verb == SIGNAL_STOP)
        return fail(p, "signal stop has no signal cont");
    if (p->scenario->clients == 0)
        return fail(p, "no client does anything: begin with 'c1 connect'");
    return true;
}

struct scenario *scenario_parse(const char *name, const char *text, size_t size,
                                struct scenario_problem *problem)
{
    struct scenario *const scenario = calloc(1, sizeof(*scenario));
    if (scenario == NULL || (scenario->name = strdup(name)) == NULL) {
        free(scenario);
        snprintf(problem->text, sizeof(problem->text), "no memory");
        return NULL;
    }
    struct parser parser = {.scenario = scenario, .problem = problem};
    if (parse_all(&parser, text, size))
        return scenario;
    scenario_free(scenario);
    return NULL;
}

struct scenario *scenario_read(const char *path,
                               struct scenario_problem *problem)
{
    struct scenario *scenario = NULL;
    char *const text = malloc(MOST_FILE + 1);
    FILE *const file = fopen(path, "re");
    errno = text == NULL ? ENOMEM : errno;
    const size_t size =
        file != NULL && text != NULL ? fread(text, 1, MOST_FILE + 1, file) : 0;
    if (file == NULL || text == NULL || ferror(file))
        snprintf(problem->text, sizeof(problem->text),
                 "cannot read the scenario %s: %s (%s)%s", path,
                 strerrorname_np(errno), strerror(errno),
                 errno == ENOENT
                     ? "; those of the course lie in demos/scenarios"
                     : "");
    else if (size > MOST_FILE)
        snprintf(problem->text, sizeof(problem->text),
                 "%s is larger than a scenario can be, %d bytes", path,
                 MOST_FILE);
    else
        scenario = scenario_parse(path, text, size, problem);
    if (file != NULL)
        fclose(file);
    free(text);
    return scenario;
}

void scenario_free(struct scenario *scenario)
{
    if (scenario == NULL)
        return;
    for (size_t i = 0; i < scenario->count; i++)
        free(scenario->steps[i].bytes);
    free(scenario->steps);
    free(scenario->name);
    free(scenario);
}
