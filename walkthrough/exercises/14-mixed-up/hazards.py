"""hazards.py - about the bytes that a server keeps for its clients."""
import errno

from hazard import Client, Failures, compare, hazard, pattern, wait_until


@hazard
def saved_twice(stage):
    """If bytes that the server has kept find no room again, they stay whole."""
    failures = Failures(stage, "send", errno.EAGAIN)
    # Memory that is freed is overwritten with this byte: mallopt(3).
    with stage.serve(MALLOC_PERTURB_="90", **failures.environment) as server:
        client = Client(server)
        sent = client.stall(server)
        failures.switch_on()
        # Now there is room, and the server tries again.
        got = client.receive(client.input_size())
        wait_until(failures.count, "a send of the bytes that are kept")
        failures.switch_on(False)
        got += client.receive(sent - len(got))
        compare(pattern(sent), got, "all that was sent")


@hazard
def many_stalled(stage):
    """Each of 80 clients that do not read gets its own bytes in the end."""
    with stage.serve("-q") as server:
        clients = [Client(server) for _ in range(80)]
        sent = [b""] * len(clients)
        for _ in range(3):  # until the server keeps bytes of each
            for i, client in enumerate(clients):
                more = b"%d, " % i * (1 << 17)
                sent[i] += more[:client.send_what_fits(more)]
            server.wait_calm("while its clients do not read")
        for i, client in enumerate(clients):
            compare(sent[i], client.receive(len(sent[i])), f"bytes of client {i}")
