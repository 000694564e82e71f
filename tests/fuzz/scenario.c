/*
 * scenario.c - a libFuzzer target that passes any bytes to scenario_parse().
 *
 * The sanitizers report accesses outside of objects. The checks here cover the
 * properties on which the player relies. scripts/fuzz builds and runs it.
 */
#include "scenario.h"
#include "trace.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* For scenario_read(), which is not fuzzed: it only reads a file. */
const char *trace_errno(int error)
{
    return strerror(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* Checks that the error is "fuzz:LINE: words", in one printable line. */
static void check_error(const struct scenario_error *error)
{
    size_t length = strnlen(error->text, sizeof(error->text));
    check(length < sizeof(error->text));
    check(strncmp(error->text, "fuzz:", 5) == 0);
    char *end;
    check(strtol(error->text + 5, &end, 10) >= 1);
    check(strncmp(end, ": ", 2) == 0 && end[2] != '\0');
    for (size_t i = 0; i < length; i++)
        check(error->text[i] >= ' ' && error->text[i] <= '~');
}

/* Checks that the bytes of a step can be read, and that a repeat and its end
 * refer to each other. */
static void check_step(const struct scenario *s, size_t i)
{
    static volatile char sink;
    const struct step *step = &s->steps[i];
    check(step->client >= 0 && step->client <= s->clients);
    check(step->line > 0 && (i == 0 || step->line > s->steps[i - 1].line));
    if (step->verb == STEP_SEND || step->verb == STEP_SEND_OOB ||
        step->verb == STEP_EXPECT) {
        check(step->client > 0 && step->size > 0);
        for (size_t n = 0; step->bytes != NULL && n < step->size; n++)
            sink = step->bytes[n];
    }
    if (step->verb == STEP_NOTE)
        check(strlen(step->bytes) > 0);
    if (step->verb == STEP_REPEAT) {
        check(step->size > 0 && step->other > i && step->other < s->count);
        check(s->steps[step->other].verb == STEP_REPEAT_END);
        check(s->steps[step->other].other == i);
    }
    if (step->verb == STEP_REPEAT_END)
        check(step->other < i && s->steps[step->other].verb == STEP_REPEAT);
    if (step->verb == STEP_SIGNAL_STOP)
        check(i + 1 < s->count && s->steps[i + 1].verb == STEP_SIGNAL_CONT);
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario_error error;
    struct scenario *s =
        scenario_parse("fuzz", (const char *)data, size, &error);
    if (s == NULL) {
        check_error(&error);
        return 0;
    }
    check(s->count > 0 && s->clients > 0 && s->clients <= SCENARIO_MAX_CLIENTS);
    for (size_t i = 0; i < s->count; i++)
        check_step(s, i);
    scenario_free(s);
    return 0;
}
