"""`kgen train`."""

import click

from kgen.commands.shared import HELP, backend_option


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("name")
@backend_option("Keras' default")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def train(context: click.Context, name: str, backend: str | None, options: tuple[str, ...]) -> None:
    """Train the recipe NAME; its own OPTIONS: kgen train NAME --help.

    The same as python recipes/NAME.py OPTIONS, with KERAS_BACKEND set. NAME may also be the path of
    a script that ends in .py.
    """
    from kgen.runs import recipe

    if name in HELP:
        click.echo(context.get_help())
        return
    module = recipe.load(name)
    recipe.choose_backend(backend)
    recipe.cli(module.main, module.Config, options, prog=f"kgen train {name}")
