"""From words on the command line to a command, and the options that several commands share."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, TypeVar, get_args, get_origin

import tyro

CommandT = TypeVar("CommandT")


def _option(metavar: str, hint: str = "") -> object:
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=hint)


OptionalFile = Annotated[str | None, _option("F")]
OptionalNumber = Annotated[float | None, _option("S")]
OptionalTurn = Annotated[float | None, _option("T")]
OptionalCount = Annotated[int | None, _option("N")]
Words = tuple[str, ...]
Numbers = tuple[float, ...]
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]


def parse(verb: str, arguments: Sequence[str], command_type: type[CommandT]) -> CommandT:
    """Fill the command's fields from the arguments; without any, show its help.

    Raises
    ------
    SystemExit
        With code 2 and an explanation on stderr for wrong usage; with code 0 after ``--help``.
    """
    return tyro.cli(
        command_type,
        prog=f"quietmr {verb}",
        args=_positionals_last(arguments, command_type) or ["--help"],
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone, tyro.conf.HelptextFromCommentsOff),
    )


def _positionals_last(arguments: Sequence[str], command_type: type) -> list[str]:
    """Move options before files, so that ``denoise IN --sigma 3 OUT`` means what it says.

    Options that take several words (``--methods a b``) take all up to the next option.
    """
    switches = {field.name for field in fields(command_type) if field.type in (bool, Flag)}
    greedy = {field.name for field in fields(command_type) if _takes_several(field.type)}
    options: list[str] = []
    words = list(arguments)
    files: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            files += words
            break
        if not word.startswith("-") or word == "-":
            files.append(word)
            continue
        options.append(word)
        name = word.lstrip("-").replace("-", "_")
        if words and "=" not in word and name not in switches and name not in {"h", "help"}:
            options.append(words.pop(0))
        while name in greedy and words and not _is_option(words[0]):
            options.append(words.pop(0))
    return [*options, *(["--", *files] if files and (greedy or any(file.startswith("-") for file in files)) else files)]


def _takes_several(annotation: object) -> bool:
    """Whether an option takes several words at a time."""
    value, *marks = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    is_other = tyro.conf.Positional in marks or tyro.conf.UseAppendAction in marks
    return get_origin(value) is tuple and not is_other


def _is_option(word: str) -> bool:
    """Whether a word is an option and not, say, a negative number."""
    return word.startswith("-") and word != "-" and not word[1:2].isdigit()
