"""All commands in one table: `birdwatch --help` is this file."""

from __future__ import annotations

import typer

from birdwatch.cli import (
    backup,
    demo,
    importing,
    importing_tides,
    people,
    serving,
    upkeep,
    uploading,
)

app = typer.Typer(
    name="birdwatch",
    help="The archive of the shorebird migration at the Liao River estuary.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
import_app = typer.Typer(
    help="Bring photos, counts, sites, species or tides in.", no_args_is_help=True
)
user_app = typer.Typer(help="Accounts.", no_args_is_help=True)
token_app = typer.Typer(help="API tokens.", no_args_is_help=True)

app.command("serve")(serving.serve)
app.command("demo")(demo.demo)
app.command("upload")(uploading.upload)
app.command("verify")(upkeep.verify)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("migrate")(upkeep.migrate)
app.add_typer(import_app, name="import")
import_app.command("photos")(importing.photos)
import_app.command("counts")(importing.counts)
import_app.command("sites")(importing.sites)
import_app.command("species")(importing.species)
import_app.command("tides")(importing_tides.tides)
app.add_typer(user_app, name="user")
user_app.command("add")(people.add_user)
user_app.command("list")(people.list_users)
user_app.command("role")(people.set_role)
user_app.command("trust")(people.set_trust)
user_app.command("grant")(people.grant)
user_app.command("reset")(people.reset)
user_app.command("disable")(people.disable)
user_app.command("enable")(people.enable)
app.add_typer(token_app, name="token")
token_app.command("add")(people.add_token)


def main() -> None:
    """Run the command of this process."""
    app()
