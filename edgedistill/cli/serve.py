"""`edgedistill serve`: the board plays, a browser watches."""

from typing import Annotated

import typer
from rich.text import Text

from edgedistill.cli.output import console, print_json
from edgedistill.cli.student_arguments import ShippedStudent, StudentFile


def serve(
    student_file: StudentFile,
    student: ShippedStudent = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0: anyone on the network can watch and press.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0: any that is free.")] = 8000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same games, where nobody presses.")] = 0,
    epsilon: Annotated[float, typer.Option(min=0, max=1, help="Probability of a random action, at first.")] = 0.01,
    sticky: Annotated[float, typer.Option(min=0, max=1, help="Probability of repeating the last action.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the address, once it can be opened.")] = False,
) -> None:
    """Play on and on, and show it to browsers: screen, what the student sees, action values, and buttons.

    Ctrl-C ends it. See docs/how-to/watch-a-board.md.
    """
    import threading

    from edgedistill.atari.protocol import Protocol
    from edgedistill.runtime.policy import Policy
    from edgedistill.runtime.shipped import find_student
    from edgedistill.serve.address import is_public, open_server, urls
    from edgedistill.serve.show import Show
    from edgedistill.signals import stop_signals

    policy = Policy.load(find_student(student_file, student))
    show = Show(policy, Protocol(epsilon=epsilon, sticky=sticky, seed=seed))
    with stop_signals() as stop, open_server(show, host, port) as server:
        threading.Thread(target=server.serve_forever, name="server", daemon=True).start()
        try:
            public, addresses = is_public(server), urls(server, host)
            if as_json:
                print_json({"url": addresses[0], "urls": addresses, "public": public})
            else:
                console.print(Text.assemble("Watch it at ", (" or ".join(addresses), "bold"), "; Ctrl-C ends."))
                if public:
                    console.print("Anyone on the network can watch and press the buttons.", style="yellow")
            show.run(stop)
        finally:
            show.snapshots.close()
            server.shutdown()
    if not as_json:
        console.print(f"Played {show.decisions:,} decisions, {show.games:,} games to their end.")
    raise typer.Exit(stop.exit_code)
