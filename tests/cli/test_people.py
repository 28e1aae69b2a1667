"""Accounts from the command line, as the first administrator makes them."""

from __future__ import annotations

import re

from tests.cli.test_commands import Shell, shell

__all__ = ["shell"]


def said(shell: Shell, *words: str) -> tuple[int, str]:
    done = shell.run(*words, given="a pass word\n")
    return done.returncode, done.stdout + done.stderr


def test_account_is_made_changed_closed_and_listed(shell: Shell) -> None:
    for login, role in (("chief", "admin"), ("wu", "researcher"), ("li", "contributor")):
        code, text = said(shell, "user", "add", login, "--role", role, "--password-stdin")
        assert (code, text) == (0, f"Added {login} ({role}).\n")
    assert said(shell, "user", "role", "li", "press")[0] == 0
    assert said(shell, "user", "trust", "li", "checked")[0] == 0
    assert said(shell, "user", "disable", "li")[0] == 0
    grant = ("user", "grant", "wu", "--until", "2099-06-30", "--reason", "thesis")
    assert said(shell, *grant) == (0, "wu sees exact values until 2099-06-30.\n")
    assert said(shell, "user", "list")[1].splitlines() == [
        "chief\tadmin\ttrusted\topen\tchief",
        "li\tpress\tchecked\tdisabled\tli",
        "wu\tresearcher\ttrusted\topen\twu",
    ]
    code, text = said(shell, "user", "reset", "chief")
    assert code == 0
    assert re.fullmatch(r"http://127.0.0.1:8000/reset/[\w-]{43}\n", text)


def test_what_cannot_be_is_refused_in_words(shell: Shell) -> None:
    said(shell, "user", "add", "chief", "--role", "admin", "--password-stdin")
    code, text = said(shell, "user", "add", "li", "--role", "editor")
    names = "contributor, press, researcher, reviewer, admin"
    assert (code, text) == (1, f"There is no 'editor'. Use one of {names}.\n")
    code, text = said(shell, "user", "disable", "chief")
    assert (code, "last administrator" in text) == (1, True)
    code, text = said(shell, "user", "grant", "chief", "--until", "soon", "--reason", "x")
    assert (code, text) == (1, "Write the last day as 2027-06-30.\n")
