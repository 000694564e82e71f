"""hazards.py - a hazard that is not one of tests/hazard.py."""
from hazard import Client, hazard


@hazard
def answers(stage):
    """A client gets its echo."""
    with stage.serve() as server:
        Client(server).say()
