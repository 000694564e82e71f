/*
 * scenario.c - a libFuzzer target: any bytes at all for scenario_parse().
 *
 * The sanitizers see a byte read or written out of place; what is checked here
 * is what the player relies on. scripts/fuzz builds and runs it.
 */
#include "scenario.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

/* A sentence: "fuzz:LINE: words", in one printable line. */
static void check_problem(const struct scenario_problem *problem)
{
    const size_t length = strnlen(problem->text, sizeof(problem->text));
    check(length < sizeof(problem->text));
    check(strncmp(problem->text, "fuzz:", 5) == 0);
    char *end;
    check(strtol(problem->text + 5, &end, 10) >= 1);
    check(strncmp(end, ": ", 2) == 0 && end[2] != '\0');
    for (size_t i = 0; i < length; i++)
        check(problem->text[i] >= ' ' && problem->text[i] <= '~');
}

/* Bytes are there to be read; a repeat and its } know each other. */
static void check_step(const struct scenario *s, size_t i)
{
    static volatile char sink;
    const struct step *const step = &s->steps[i];
    check(step->client >= 0 && step->client <= s->clients);
    check(step->line > 0 && (i == 0 || step->line > s->steps[i - 1].line));
    if (step->verb == SEND_STEP || step->verb == SEND_OOB ||
        step->verb == EXPECT) {
        check(step->client > 0 && step->size > 0);
        for (size_t n = 0; step->bytes != NULL && n < step->size; n++)
            sink = step->bytes[n];
    }
    if (step->verb == NOTE_STEP)
        check(strlen(step->bytes) > 0);
    if (step->verb == REPEAT) {
        check(step->size > 0 && step->other > i && step->other < s->count);
        check(s->steps[step->other].verb == REPEAT_END);
        check(s->steps[step->other].other == i);
    }
    if (step->verb == REPEAT_END)
        check(step->other < i && s->steps[step->other].verb == REPEAT);
    if (step->verb == SIGNAL_STOP)
        check(i + 1 < s->count && s->steps[i + 1].verb == SIGNAL_CONT);
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario_error error;
    struct scenario *const s =
        scenario_parse("fuzz", (const char *)data, size, &error);
    if (s == NULL) {
        check_problem(&error);
        return 0;
    }
    check(s->count > 0 && s->clients > 0 && s->clients <= SCENARIO_MAX_CLIENTS);
    for (size_t i = 0; i < s->count; i++)
        check_step(s, i);
    scenario_free(s);
    return 0;
}
