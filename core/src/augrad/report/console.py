"""A progress bar for long runs, and lines beside it. Used by the consoles of the demo and the benchmark."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID


class Bar:
    """A progress bar on a terminal. Elsewhere, such as in a file, nothing is shown, and lines may tell the progress.

    Args:
        console: the console that shows it.
        total: the number of steps.
        columns: the parts of the bar, from left to right.

    Example:
        >>> bar = Bar(Console(force_terminal=False), 3, ())
        >>> bar.start()
        >>> bar.shown
        False
    """

    def __init__(self, console: Console, total: int, columns: tuple[ProgressColumn, ...]) -> None:
        self._console, self._total, self._columns = console, total, columns
        self._progress: Progress | None = None
        self._task = TaskID(0)

    @property
    def shown(self) -> bool:
        """Whether a bar is shown."""
        return self._progress is not None

    def start(self) -> None:
        """Shows the bar, if the console is a terminal."""
        if self._console.is_terminal:
            self._progress = Progress(*self._columns, console=self._console, transient=True)
            self._task = self._progress.add_task("", total=self._total)
            self._progress.start()

    def __enter__(self) -> Bar:  # noqa: PYI034 - beartype refuses Self outside classes it decorates
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def advance(self) -> None:
        """Moves the bar by one step."""
        if self._progress is not None:
            self._progress.advance(self._task)

    def describe(self, text: str) -> None:
        """Shows a text beside the bar."""
        if self._progress is not None:
            self._progress.update(self._task, description=text)

    def lower(self, n_steps: int) -> None:
        """Takes steps that will not be done from the total."""
        self._total -= n_steps
        if self._progress is not None:
            self._progress.update(self._task, total=self._total)

    def say(self, line: str) -> None:
        """Prints a line as it is, above the bar."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
