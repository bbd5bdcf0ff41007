"""Builds real installed plugins in a folder: a good one, and one for each of the twelve ways to break one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

GOOD_TRANSFORMS = """
    import torch
    from augrad import Range, Transform

    class Shift(Transform):
        \"\"\"Adds an offset to every value.\"\"\"

        modality = "good"
        assumes = "the level carries no information about the target"
        offset = Range(2.0, unit="V", signed=True)

        def forward(self, x, *, offset):
            return x + offset.reshape(-1, *[1] * (x.ndim - 1))

    class NoTransform:
        pass
"""


def hook(mapping: str) -> str:
    """A plugin module that answers `augrad_transforms` with `mapping`, as source."""
    return f"def augrad_transforms():\n    return {mapping}\n"


@dataclass(frozen=True)
class Kind:
    """A way to break a plugin: its distribution, entry point and sources, and what must be said about it."""

    distribution: str
    entry: str
    cause: str
    files: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    requires: str = ""
    key: str | None = None

    @property
    def package(self) -> str:
        return self.distribution.replace("-", "_")


def kind(name: str, cause: str, source: str, transforms: str = "", **rest: str) -> Kind:
    files = {"plugin.py": source, "transforms.py": transforms}
    return Kind(f"broken-{name}", name.replace("-", "_"), cause, files, **rest)


BROKEN = {
    "missing import": kind(
        "import",
        r"imports 'no_such_framework', which is not installed \(plugin.py, line 1\)",
        "import no_such_framework\n",
    ),
    "SyntaxError": kind("syntax", r"raises SyntaxError: .* \(plugin.py, line 1\)", "def (:\n"),
    "sys.exit": kind("exit", r"calls sys.exit\(3\) \(plugin.py, line 2\)", "import sys\nsys.exit(3)\n"),
    "misspelt hook": kind(
        "misspelt",
        "defines 'augrad_transform', which is not a hook; .* Did you mean 'augrad_transforms'?",
        "def augrad_transform():\n    return {}\n",
    ),
    "junk return": kind("junk", r"returns list from augrad_transforms\(\); it must return a dict", hook("['junk.x']")),
    "not a transform": kind(
        "class",
        "class.thing: points to 'broken_class.transforms:Thing', which is not a subclass of augrad.Transform",
        hook("{'class.thing': 'broken_class.transforms:Thing'}"),
        "class Thing: pass\n",
    ),
    "taken name": Kind(
        "broken-taken",
        "good",
        r"claims 'good.shift', which plugin 'good' \(augrad-good 1.0\) has already",
        {"plugin.py": hook("{'good.shift': 'augrad_good.transforms:Shift'}")},
        key="good (broken-taken)",
    ),
    "foreign prefix": kind(
        "foreign",
        "claims 'vision.hum', but an entry point called 'foreign' may only name transforms 'foreign.<snake_case_name>'",
        hook("{'vision.hum': 'broken_foreign.transforms:Hum'}"),
    ),
    "needs a newer core": kind(
        "newer", "needs augrad >=9, but .* is installed", "requires_augrad = '>=9'\n" + hook("{}")
    ),
    "raises half-way": kind(
        "halfway",
        r"raises RuntimeError: the licence server is down \(plugin.py, line 8\)",
        dedent("""\
        import augrad
        @augrad.register
        class Half(augrad.Transform):
            modality = "halfway"
            def forward(self, x):
                return x
        def augrad_transforms():
            raise RuntimeError("the licence server is down")
        """),
    ),
    "entry point to nothing": kind(
        "nothing", "points to 'broken_nothing.absent', a module that does not exist", "", target="broken_nothing.absent"
    ),
    "prints on import": kind(
        "noisy", "prints on import: 'hello from the plugin'", "print('hello from the plugin')\n" + hook("{}")
    ),
}
"""The twelve kinds of broken plugin, and a pattern of what is said about each."""


def install(folder: Path, plugin: Kind) -> None:
    """Lays a distribution out in `folder` as pip does: a package beside its `.dist-info`."""
    package = folder / plugin.package
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name, source in plugin.files.items():
        (package / name).write_text(dedent(source))
    info = folder / f"{plugin.package}-1.0.dist-info"
    info.mkdir()
    requires = f"Requires-Dist: {plugin.requires}\n" if plugin.requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {plugin.distribution}\nVersion: 1.0\n{requires}")
    (info / "entry_points.txt").write_text(
        f"[augrad]\n{plugin.entry} = {plugin.target or plugin.package + '.plugin'}\n"
    )


GOOD = Kind(
    "augrad-good",
    "good",
    "",
    {"plugin.py": hook("{'good.shift': 'augrad_good.transforms:Shift'}"), "transforms.py": GOOD_TRANSFORMS},
)


def install_all(folder: Path) -> None:
    """The good plugin and all the broken ones."""
    for plugin in (GOOD, *BROKEN.values()):
        install(folder, plugin)
