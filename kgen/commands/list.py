"""`kgen list`."""

import click


@click.command("list")
def list_() -> None:
    """List the recipes and the data sets."""
    import kgen.data
    from kgen.runs import recipe

    summaries = recipe.summaries()
    width = max(map(len, summaries), default=0)
    click.echo("Recipes, for kgen train NAME:")
    for name, summary in summaries.items():
        click.echo(f"  {name:{width}}  {summary}")
    click.echo("\nData sets, for --data NAME:")
    click.echo(f"  {', '.join(kgen.data.names())},")
    click.echo("  tfds:NAME, the path of a folder of images or of an .npz file")
