"""hazards.py - a send that finds no room for bytes that are kept already."""
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
