"""`--on-nan rewind`: where training diverges, back to the last good state with a lower learning rate.

A rewind is a resume: the recipe's `main` starts again with `resume=True`, and `Run.restore` lowers
the learning rate by what `doctor.json` says. So the weights, slots, random streams and the order of
the data are those of the state, nothing is traced twice, and a run that is killed after a rewind
resumes as exactly as any other. A NaN is seen in the middle of an epoch, see
`kgen.callbacks.StopAtNaN`.

Importing this module loads no Keras.
"""

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kgen.errors import UserError
from kgen.runs.doctor_file import read_doctor, write_doctor

if TYPE_CHECKING:
    import keras

FACTOR = 0.5
"""What a rewind multiplies the learning rates by."""
MOST = 3
"""How many rewinds a run may take."""


class DivergenceError(UserError):
    """Training came to NaN or infinite numbers.

    Args:
        message: for the user.
        epoch: in which; 1 is the first.
    """

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch


@dataclass(frozen=True)
class Rewind:
    """One step back of a run."""

    epoch: int
    """The one that diverged."""
    to: int
    """The finished epoch whose state it went back to; 0: the start."""
    factor: float
    """Of the learning rates."""
    saw: str
    """The message of the error."""


def read_rewinds(path: str | os.PathLike[str]) -> list[Rewind]:
    """Gives the rewinds of a run, the earliest first. Raises UserError where the file is damaged."""
    return [Rewind(**fields) for fields in read_doctor(path)["rewinds"]]


def note_rewind(path: str | os.PathLike[str], error: DivergenceError, to: int) -> str:
    """Writes down that a run goes back to the end of epoch `to`; gives the sentence that says so.

    Raises UserError where the run has taken all its rewinds.
    """
    rewinds = read_rewinds(path)
    if len(rewinds) >= MOST:
        raise UserError(
            f"{error.message}: the run was taken back {MOST} times already, to {FACTOR**MOST:g} times "
            "its learning rate"
        ) from error
    rewinds.append(Rewind(error.epoch, to, FACTOR, error.message))
    write_doctor(path, rewinds=[dataclasses.asdict(rewind) for rewind in rewinds])
    where = f"to the state of epoch {to}" if to else "to the start"
    return (
        f"training diverged in epoch {error.epoch}: back {where}, with {FACTOR:g} times the learning "
        f"rate (rewind {len(rewinds)} of {MOST})"
    )


def lower_learning_rate(
    path: str | os.PathLike[str], epoch: int, optimizer: "keras.optimizers.Optimizer"
) -> None:
    """Lowers the learning rates of an optimizer that holds the state of a run after `epoch`.

    A learning rate that is a number is part of the state, which knows the rewinds before it was
    written, so only those to this very epoch are missing; a schedule is not, and knows of none.

    Raises UserError for a learning rate that is a Python function.
    """
    rewinds = read_rewinds(path)
    if not rewinds:
        return
    from kgen.core.learning_rate import scale_learning_rate

    numbers = schedules = 1.0
    for rewind in rewinds:
        schedules *= rewind.factor
        numbers *= rewind.factor if rewind.to == epoch else 1.0
    try:
        scale_learning_rate(optimizer, numbers, schedules)
    except ValueError as error:
        raise UserError(f"{path} cannot go on after a rewind: {error}") from error
