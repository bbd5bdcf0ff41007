"""`augrad new-plugin`: writes a new plugin whose tests pass. The templates are in augrad/skeleton."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from augrad.errors import ArgumentError, StorageError

MODALITY = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
"""The form of a modality's name. Distribution, package and classes are named after it."""

SUFFIX = ".template"


def run(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The modality, in snake_case. For example, ecg makes augrad-ecg with transforms ecg.*"
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The new or empty folder to write; default: augrad-NAME.")
    ] = None,
    author: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The author for pyproject.toml and LICENSE.")
    ] = None,
) -> None:
    """Write a new plugin: a package with two example transforms to replace, and tests that pass.

    The package is complete: it can be installed, listed by `augrad plugins`, checked, used for training and built as a
    wheel.
    """
    check_name(name)
    check_free(name)
    files = skeleton(name, author=author)
    distribution = distribution_of(name)
    folder = write_tree(Path(distribution) if output is None else output, files)
    where = os.path.relpath(folder)
    typer.echo(f"Written: {where}, with {len(files)} files. Next:")
    typer.echo(f"  cd {where}\n  pip install -e '.[test]'\n  pytest\n  augrad check {package_of(name)}")


def check_name(name: str) -> None:
    """Raises `ArgumentError` unless `name` can be a modality, after which a distribution and a package can be named.

    Example:
        >>> check_name("eye_tracking")
    """
    if not re.fullmatch(MODALITY, name):
        likely = re.sub(r"[^a-z0-9]+", "_", name.lower().removeprefix("augrad-").removeprefix("augrad_")).strip("_")
        meant = f" Did you mean {likely!r}?" if re.fullmatch(MODALITY, likely) else ""
        raise ArgumentError(
            f"NAME must be a modality in snake_case, such as ecg or eye_tracking, but got {name!r}.{meant}",
            argument="NAME",
            value=name,
        )


def check_free(name: str) -> None:
    """Raises `ArgumentError` if a modality belongs to augrad itself or to an installed plugin."""
    from augrad.plugins.catalogue import OFFICIAL
    from augrad.plugins.loading import installed

    owners = {entry.name: entry.dist.name if entry.dist else entry.value for entry in installed()}
    owner = OFFICIAL.get(name) or owners.get(name)
    if owner is not None:
        raise ArgumentError(
            f"NAME {name!r} is taken by {owner}: names of transforms begin with the modality, and each has one plugin. "
            "Choose another word, or contribute to that plugin.",
            argument="NAME",
            value=name,
        )


def distribution_of(modality: str) -> str:
    """Returns the name of the distribution for a modality.

    Example:
        >>> distribution_of("eye_tracking"), package_of("eye_tracking")
        ('augrad-eye-tracking', 'augrad_eye_tracking')
    """
    return f"augrad-{modality.replace('_', '-')}"


def package_of(modality: str) -> str:
    """Returns the name of the package for a modality."""
    return f"augrad_{modality}"


def skeleton(modality: str, *, author: str | None = None) -> dict[str, str]:
    """Returns the files of a new plugin: path inside its folder, with `/`, to content.

    Args:
        modality: a valid modality, see `check_name`.
        author: the author in one line; "The <distribution> authors" if None.

    Raises:
        ArgumentError: the author is empty or contains characters that cannot be printed.

    Example:
        >>> sorted(skeleton("ecg"))[-2:]
        ['src/augrad_ecg/transforms.py', 'tests/test_transforms.py']
    """
    from augrad import __version__

    distribution, package = distribution_of(modality), package_of(modality)
    author = f"The {distribution} authors" if author is None else author.strip()
    if not author or not author.isprintable():
        raise ArgumentError(f"--author must be a name in one line, but got {author!r}.", argument="--author")
    words = {
        "modality": modality,
        "distribution": distribution,
        "package": package,
        "base": "".join(word.capitalize() for word in modality.split("_")) + "Transform",
        "author": author,
        "quoted_author": json.dumps(author, ensure_ascii=False),  # TOML reads strings as JSON quotes them
        "version": __version__,
        "year": str(datetime.now(UTC).year),
    }
    return {
        path.replace("/package/", f"/{package}/"): Template(text).substitute(words)
        for path, text in _templates(resources.files("augrad") / "skeleton")
    }


def _templates(folder: Traversable, within: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{within}{entry.name}"
        if entry.is_dir():
            yield from _templates(entry, f"{path}/")
        elif path.endswith(SUFFIX):
            yield path.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")


def write_tree(folder: str | os.PathLike[str], files: Mapping[str, str]) -> Path:
    """Writes a folder of text files as a whole or not at all, under a temporary name that is changed at the end.

    Args:
        folder: a folder that does not exist or is empty; missing parents are created.
        files: content by path inside the folder.

    Returns:
        The folder's absolute path.

    Raises:
        ArgumentError: the folder is not empty, is a file, or is the working directory.
        StorageError: it could not be written.
    """
    target = Path(os.path.realpath(folder))
    _check_vacant(target)
    temporary = target.with_name(f".{target.name}.tmp-{secrets.token_hex(4)}")
    try:
        for path, text in files.items():
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        with suppress(FileNotFoundError):
            target.rmdir()  # on some systems an empty folder prevents the rename
        os.rename(temporary, target)
    except OSError as error:
        raise StorageError(
            f"could not write {target}: {error.strerror or error}. Nothing was left there; choose another --output.",
            path=target,
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _check_vacant(target: Path) -> None:
    if target == Path(os.path.realpath(os.curdir)):
        raise ArgumentError(
            f"--output must not be the working directory ({target}): it is replaced as a whole. Run this from the "
            "folder above.",
            argument="--output",
        )
    if target.is_dir() and any(target.iterdir()):
        raise ArgumentError(
            f"--output {target} exists and is not empty. Choose another folder with --output DIR.", argument="--output"
        )
    if target.exists() and not target.is_dir():
        raise ArgumentError(f"--output {target} is a file. Choose a folder with --output DIR.", argument="--output")
