"""The command `kgen`: list, train, sample, evaluate, export, report, leaderboard.

Everything heavy is imported inside the commands, so that `--help` is quick and the backend is chosen
before Keras is imported.
"""

import click

from kgen import __version__
from kgen.commands.evaluate import evaluate
from kgen.commands.export import export
from kgen.commands.leaderboard import leaderboard
from kgen.commands.list import list_
from kgen.commands.report import report
from kgen.commands.sample import sample
from kgen.commands.shared import HELP
from kgen.commands.train import train


@click.group(context_settings={"help_option_names": HELP})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Train generative models, draw from them, and measure them."""


for _command in (evaluate, export, leaderboard, list_, report, sample, train):
    main.add_command(_command)


if __name__ == "__main__":
    main(prog_name="kgen")
