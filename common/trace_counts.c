/*
 * trace_counts.c - adds up the counts and formats the summary.
 */
#include "trace_counts.h"
#include "trace_sink.h"

#include <unistd.h>

void trace_add_counts(struct trace_counts *sum, const struct trace_counts *c)
{
    sum->accepted += c->accepted;
    sum->refused += c->refused;
    sum->closed += c->closed;
    sum->bytes_in += c->bytes_in;
    sum->bytes_out += c->bytes_out;
    sum->chunks += c->chunks;
    sum->accept += c->accept;
    sum->recv += c->recv;
    sum->send += c->send;
    sum->ctl += c->ctl;
    sum->requests += c->requests;
    sum->waits += c->waits;
    sum->again += c->again;
    sum->scans += c->scans;
    sum->empty_scans += c->empty_scans;
    if (c->wait_call != NULL)
        sum->wait_call = c->wait_call;
}

/* Returns the number of messages: sent, or if that is not known, one for each
 * recv that returned data. */
static unsigned long count_messages(const struct trace_counts *c, long sent)
{
    return sent >= 0 ? (unsigned long)sent : c->chunks;
}

static unsigned long count_calls(const struct trace_counts *c)
{
    unsigned long data = c->accept + c->recv + c->send;
    return (c->requests > 0 ? 0 : data) + c->waits + c->ctl + c->closed +
           c->refused;
}

static void append_data(const struct trace_counts *c, struct line *text)
{
    append(text, "accept %lu, recv %lu, send %lu", c->accept, c->recv, c->send);
}

void summary_text(const struct trace_counts *c, long sent, long echoed,
                  struct line *text)
{
    text->used = 0;
    const struct trace_options *options = sink_options();
    unsigned long messages = count_messages(c, sent);
    unsigned long closed = c->closed + c->refused;

    append(text, "\nsummary of %s\n", options->program);
    append(text, "  clients      %lu accepted, %lu refused, %lu closed\n",
           c->accepted, c->refused, closed);
    if (echoed >= 0)
        append(text, "  messages     %ld sent, %ld %s\n", sent, echoed,
               options->done);
    else if (sent >= 0)
        append(text, "  messages     %ld sent\n", sent);
    else
        append(text, "  messages     %lu (recv calls that returned data)\n",
               messages);
    append(text, "  bytes        %lu in, %lu out\n", c->bytes_in, c->bytes_out);
    append(text, "  calls        ");
    if (c->waits > 0)
        append(text, "%s %lu, ", c->wait_call, c->waits);
    if (c->requests == 0)
        append_data(c, text);
    append(text, "%sclose %lu", c->requests == 0 ? ", " : "", closed);
    if (c->ctl > 0)
        append(text, ", epoll_ctl %lu", c->ctl);
    if (c->requests > 0) {
        append(text, "\n  requests     ");
        append_data(c, text);
    }
    append(text, "\n  EAGAIN       %lu of these calls\n", c->again);
    if (c->scans > 0)
        append(text, "  scans        %lu, of which %lu found nothing\n",
               c->scans, c->empty_scans);
    if (messages > 0)
        append(text, "  per message  %.1f calls\n",
               (double)count_calls(c) / (double)messages);
}

void summary_json(const struct trace_counts *c, long sent, struct line *json)
{
    json->used = 0;
    unsigned long messages = count_messages(c, sent);
    append(json,
           "{\"name\":\"summary\",\"cat\":\"summary\",\"ph\":\"i\",\"s\":\"p\","
           "\"ts\":%lld,\"pid\":%d,\"tid\":%d,\"args\":{\"program\":\"%s\","
           "\"accepted\":%lu,\"refused\":%lu,\"closed\":%lu,\"messages\":%lu,"
           "\"bytes_in\":%lu,\"bytes_out\":%lu,\"%s\":%lu,\"accept\":%lu,"
           "\"recv\":%lu,\"send\":%lu,\"close\":%lu,\"epoll_ctl\":%lu,"
           "\"again\":%lu,\"scans\":%lu,\"empty_scans\":%lu,\"requests\":%lu,"
           "\"calls_per_message\":%.2f}}\n",
           now_us(), (int)getpid(), (int)gettid(), sink_options()->program,
           c->accepted, c->refused, c->closed + c->refused, messages,
           c->bytes_in, c->bytes_out, c->waits > 0 ? c->wait_call : "wait",
           c->waits, c->accept, c->recv, c->send, c->closed + c->refused,
           c->ctl, c->again, c->scans, c->empty_scans, c->requests,
           messages > 0 ? (double)count_calls(c) / (double)messages : 0);
}
