/*
 * scenario.c - parses scenario files. client.c and player.c execute the steps.
 *
 * A line is one step, so the parser looks at one line at a time. Only repeat
 * and } belong together. Each error names the line, what is wrong with it, and
 * what would be right.
 */
#include "scenario.h"
#include "trace.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_BYTES = 16 * 1024 * 1024, /* of one send or expect */
    MAX_TIMES = 100000,           /* of one repeat */
    MAX_ROOM = 10000,
    MAX_FILE = 1024 * 1024
};

/* The argument of a verb. */
enum argument { NOTHING, TEXT_OR_SIZE, BYTE, ERROR_NAME };

static const struct {
    const char *name;
    enum verb verb;
    enum argument argument;
} client_verbs[] = {{"connect", STEP_CONNECT, NOTHING},
                    {"connect-nonblocking", STEP_CONNECT_NONBLOCKING, NOTHING},
                    {"send", STEP_SEND, TEXT_OR_SIZE},
                    {"send-oob", STEP_SEND_OOB, BYTE},
                    {"expect", STEP_EXPECT, TEXT_OR_SIZE},
                    {"expect-eof", STEP_EXPECT_EOF, NOTHING},
                    {"expect-error", STEP_EXPECT_ERROR, ERROR_NAME},
                    {"expect-nothing", STEP_EXPECT_NOTHING, NOTHING},
                    {"shutdown", STEP_SHUTDOWN, NOTHING},
                    {"close", STEP_CLOSE, NOTHING},
                    {"abort", STEP_ABORT, NOTHING}};

struct parser {
    struct scenario *scenario;
    struct scenario_error *error;
    int line;
    const char *next, *end;           /* unread part of the line */
    size_t open[SCENARIO_MAX_NESTED]; /* repeats without their } */
    size_t depth;
    bool stopped; /* the last step is "signal stop" */
    bool connected[SCENARIO_MAX_CLIENTS + 1];
};

static bool fail(struct parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reports what is wrong with the line. Returns false. */
static bool fail(struct parser *p, const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(p->error->text, sizeof(p->error->text), "%s:%d: %s",
             p->scenario->name, p->line, text);
    return false;
}

static void skip_blanks(struct parser *p)
{
    while (p->next < p->end && (*p->next == ' ' || *p->next == '\t'))
        p->next++;
}

/* Returns true if only a comment is left on the line. */
static bool at_end(struct parser *p)
{
    skip_blanks(p);
    return p->next == p->end || *p->next == '#';
}

/* Takes the next word, truncated to size. At the end of the line it is "". */
static void take_word(struct parser *p, char *word, size_t size)
{
    size_t n = 0;
    if (at_end(p))
        p->next = p->end;
    for (; p->next < p->end && *p->next != ' ' && *p->next != '\t'; p->next++) {
        if (n == size - 1)
            memcpy(word + n - 3, "...", 3); /* longer than any valid word */
        else
            word[n++] = isprint((unsigned char)*p->next) ? *p->next : '?';
    }
    word[n] = '\0';
}

/* Takes a whole number from min to max. */
static bool take_number(struct parser *p, const char *of, size_t min,
                        size_t max, size_t *number)
{
    char word[40];
    take_word(p, word, sizeof(word));
    char *end;
    errno = 0;
    unsigned long value = strtoul(word, &end, 10);
    if (!isdigit((unsigned char)word[0]) || *end != '\0' || errno != 0 ||
        value < min || value > max)
        return fail(p, "%s takes a whole number from %zu to %zu, not '%s'", of,
                    min, max, word);
    *number = value;
    return true;
}

/* Takes one byte of a quoted text and decodes escapes. */
static bool take_byte(struct parser *p, char *byte)
{
    static const char names[] = "nrt0\\\"", values[] = "\n\r\t\0\\\"";
    *byte = *p->next++;
    if (*byte != '\\')
        return true;
    if (p->next == p->end)
        return fail(p, "the line ends within an escape: write \\\\ for a "
                       "backslash");
    char letter = *p->next++;
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
    const char *known = memchr(names, letter, sizeof(names) - 1);
    if (known == NULL)
        return fail(p,
                    "'\\%c' is not an escape; the escapes are \\n \\r \\t "
                    "\\0 \\\\ \\\" \\xNN",
                    isprint((unsigned char)letter) ? letter : '?');
    *byte = values[known - names];
    return true;
}

/* Takes "TEXT". */
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
        return fail(p, "the text is empty: write at least one byte, or use "
                       "expect-nothing");
    return true;
}

static bool take_error(struct parser *p, struct step *step)
{
    char word[40];
    take_word(p, word, sizeof(word));
    for (int error = 1; error < 134; error++) {
        const char *name = strerrorname_np(error);
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
        return take_number(p, verb, 1, MAX_BYTES, &step->size);
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

/* Checks that the client is connected, or not, as the step requires. */
static bool check_order(struct parser *p, const struct step *step)
{
    bool *connected = &p->connected[step->client];
    bool connects =
        step->verb == STEP_CONNECT || step->verb == STEP_CONNECT_NONBLOCKING;
    if (connects && *connected)
        return fail(p,
                    "c%d is already connected: close it first, or use "
                    "another number",
                    step->client);
    if (!connects && !*connected)
        return fail(p, "c%d is not connected: write 'c%d connect' first",
                    step->client, step->client);
    if (connects)
        *connected = true;
    if (step->verb == STEP_CLOSE || step->verb == STEP_ABORT)
        *connected = false;
    return true;
}

/* Parses "cN VERB ...". */
static bool parse_client(struct parser *p, const char *who, struct step *step)
{
    char *end;
    char verb[40];
    long number = strtol(who + 1, &end, 10);
    if (*end != '\0' || who[1] == '0' || number < 1 ||
        number > SCENARIO_MAX_CLIENTS)
        return fail(p, "the names of clients are c1 to c%d, not '%s'",
                    SCENARIO_MAX_CLIENTS, who);
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
                "'%s' is not a step of a client; the steps are connect, "
                "connect-nonblocking, send, send-oob, expect, expect-eof, "
                "expect-error, expect-nothing, shutdown, close, abort",
                verb);
}

static bool parse_note(struct parser *p, struct step *step)
{
    while (p->end > p->next && (p->end[-1] == ' ' || p->end[-1] == '\t'))
        p->end--;
    skip_blanks(p);
    size_t size = (size_t)(p->end - p->next);
    if (size == 0)
        return fail(p, "note takes some words for the trace");
    if (size > 200)
        return fail(p, "a note has at most 200 bytes, but this one has %zu",
                    size);
    for (const char *c = p->next; c < p->end; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return fail(p, "a note must be plain ASCII without \" and \\");
    step->bytes = strndup(p->next, size);
    p->next = p->end;
    return step->bytes != NULL || fail(p, "no memory");
}

static bool parse_repeat(struct parser *p, struct step *step)
{
    char brace[40];
    if (!take_number(p, "repeat", 1, MAX_TIMES, &step->size))
        return false;
    take_word(p, brace, sizeof(brace));
    if (strcmp(brace, "{") != 0)
        return fail(p, "repeat ends with a brace: repeat %zu {", step->size);
    if (p->depth == SCENARIO_MAX_NESTED)
        return fail(p, "repeats are nested at most %d deep",
                    SCENARIO_MAX_NESTED);
    p->open[p->depth++] = p->scenario->count;
    return true;
}

static bool parse_signal(struct parser *p, struct step *step)
{
    char which[40];
    take_word(p, which, sizeof(which));
    if (strcmp(which, "stop") == 0)
        step->verb = STEP_SIGNAL_STOP;
    else if (strcmp(which, "cont") == 0)
        step->verb = STEP_SIGNAL_CONT;
    else if (strcmp(which, "term") == 0)
        step->verb = STEP_SIGNAL_TERM;
    else
        return fail(p, "signal takes stop, cont or term, not '%s'", which);
    p->scenario->stops |= step->verb == STEP_SIGNAL_STOP;
    return true;
}

/* Checks that signal cont, and only that, follows signal stop. */
static bool check_stop(struct parser *p, enum verb verb)
{
    bool was_stopped = p->stopped;
    p->stopped = verb == STEP_SIGNAL_STOP;
    return was_stopped == (verb == STEP_SIGNAL_CONT) ||
           fail(p, "signal cont must follow signal stop directly, because the "
                   "clients are threads of the stopped process");
}

/* Parses a line that is not empty. */
static bool parse_line(struct parser *p, struct step *step)
{
    struct scenario *s = p->scenario;
    char word[40];
    take_word(p, word, sizeof(word));
    if (word[0] == 'c' && isdigit((unsigned char)word[1]))
        return parse_client(p, word, step);
    if (strcmp(word, "hold") == 0) {
        step->verb = STEP_HOLD;
    } else if (strcmp(word, "release") == 0) {
        step->verb = STEP_RELEASE;
    } else if (strcmp(word, "await-timer") == 0) {
        step->verb = STEP_AWAIT_TIMER;
    } else if (strcmp(word, "signal") == 0) {
        return parse_signal(p, step);
    } else if (strcmp(word, "note") == 0) {
        step->verb = STEP_NOTE;
        return parse_note(p, step);
    } else if (strcmp(word, "room") == 0) {
        step->verb = STEP_ROOM;
        return take_number(p, "room", 0, MAX_ROOM, &step->size);
    } else if (strcmp(word, "repeat") == 0) {
        step->verb = STEP_REPEAT;
        return parse_repeat(p, step);
    } else if (strcmp(word, "}") == 0) {
        if (p->depth == 0)
            return fail(p, "this } has no repeat");
        step->verb = STEP_REPEAT_END;
        step->other = p->open[--p->depth];
        s->steps[step->other].other = s->count;
    } else {
        return fail(p,
                    "'%s' is not a step; a line begins with a client such as "
                    "c1, or with hold, release, signal, room, repeat, }, note "
                    "or await-timer",
                    word);
    }
    return true;
}

/* Parses a line and appends its step. */
static bool add_line(struct parser *p)
{
    struct scenario *s = p->scenario;
    struct step step = {.line = p->line};
    bool ok = parse_line(p, &step) && check_stop(p, step.verb);
    if (ok && !at_end(p)) {
        char word[40];
        take_word(p, word, sizeof(word));
        ok = fail(p, "unexpected '%s' after the end of the step", word);
    }
    struct step *more =
        ok ? realloc(s->steps, (s->count + 1) * sizeof(*more)) : NULL;
    if (more == NULL) {
        free(step.bytes);
        return ok ? fail(p, "no memory") : false;
    }
    s->steps = more;
    s->steps[s->count++] = step;
    return true;
}

static bool parse_all(struct parser *p, const char *text, size_t size)
{
    size_t length;
    for (size_t at = 0; at < size; at += length + 1) {
        const char *line = text + at;
        const char *newline = memchr(line, '\n', size - at);
        length = newline != NULL ? (size_t)(newline - line) : size - at;
        p->line++;
        p->next = line;
        p->end = line + length;
        if (memchr(line, '\0', length) != NULL)
            return fail(p, "the line has a NUL byte: this is not a text file");
        if (length > 0 && p->end[-1] == '\r')
            p->end--;
        if (!at_end(p) && !add_line(p))
            return false;
    }
    if (p->line == 0)
        p->line = 1; /* an empty file counts as one line */
    if (p->depth > 0)
        return fail(p, "the repeat of line %d has no }",
                    p->scenario->steps[p->open[p->depth - 1]].line);
    if (p->stopped)
        return fail(p, "signal stop has no signal cont");
    if (p->scenario->clients == 0)
        return fail(p, "there is no step of a client: begin with 'c1 connect'");
    return true;
}

struct scenario *scenario_parse(const char *name, const char *text, size_t size,
                                struct scenario_error *error)
{
    struct scenario *scenario = calloc(1, sizeof(*scenario));
    if (scenario == NULL || (scenario->name = strdup(name)) == NULL) {
        free(scenario);
        snprintf(error->text, sizeof(error->text), "no memory");
        return NULL;
    }
    struct parser parser = {.scenario = scenario, .error = error};
    if (parse_all(&parser, text, size))
        return scenario;
    scenario_free(scenario);
    return NULL;
}

struct scenario *scenario_read(const char *path, struct scenario_error *error)
{
    struct scenario *scenario = NULL;
    char *text = malloc(MAX_FILE + 1);
    FILE *file = fopen(path, "re");
    errno = text == NULL ? ENOMEM : errno;
    size_t size =
        file != NULL && text != NULL ? fread(text, 1, MAX_FILE + 1, file) : 0;
    if (file == NULL || text == NULL || ferror(file))
        snprintf(error->text, sizeof(error->text),
                 "cannot read the scenario %s: %s%s", path, trace_errno(errno),
                 errno == ENOENT
                     ? "; the scenarios of the course are in demos/scenarios"
                     : "");
    else if (size > MAX_FILE)
        snprintf(error->text, sizeof(error->text),
                 "%s is too large: a scenario has at most %d bytes", path,
                 MAX_FILE);
    else
        scenario = scenario_parse(path, text, size, error);
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
