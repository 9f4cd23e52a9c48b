"""`Doctor`: a callback that watches a training and speaks where something is wrong."""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kgen.callbacks.doctor.dead_codes import DeadCodes
from kgen.callbacks.doctor.divergence import Divergence
from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.idle_guidance import IdleGuidance
from kgen.callbacks.doctor.mode_collapse import LostModes, ModeCollapse
from kgen.callbacks.doctor.nan import NaN
from kgen.callbacks.doctor.overfitting import Overfitting
from kgen.callbacks.doctor.posterior_collapse import PosteriorCollapse
from kgen.callbacks.doctor.saturation import Saturation
from kgen.metrics.mixtures import Mixture
from kgen.runs.doctor_file import read_doctor, write_doctor


class Doctor(keras.callbacks.Callback):
    """Looks at a model after each epoch; says what it saw, what that means, and what to try.

    A disease is spoken of once it was seen for the patience of its check, and again only when it has
    become twice as severe. Put it before callbacks that may end the training, as those of
    `kgen.runs.Run` do at a NaN.

    Args:
        reference: training examples `(n, ...)`, of which the checks take the first 32 to 1000; None:
            only the checks that need none.
        condition: what `fit` gets beside the examples, `(n, ...)`.
        mixture: the toy distribution behind the data, where it is one with `modes`.
        checks: the checks; None: every check of this room that fits the model.
        every: look after every k-th epoch. The patience of a check counts looks.
        path: the directory of a run, whose `doctor.json` keeps the findings.
        speak: takes each finding as a line of text; None: `warnings.warn`.

    Attributes: `findings`, those that were spoken of.

    Raises:
        ValueError: where `every` is below 1, and as the checks.

    >>> import kgen
    >>> x = kgen.data.load("moons", size=256).x
    >>> model = kgen.VAE(kgen.networks.mlp(2, 4), kgen.networks.mlp(2, 2), kgen.vae.Gaussian(0.1))
    >>> model.compile("adam")
    >>> doctor = Doctor(x)
    >>> history = model.fit(x, epochs=1, verbose=0, callbacks=[doctor])
    >>> [check.name for check in doctor.checks]
    ['NaN', 'divergence', 'overfitting', 'mode collapse', 'posterior collapse']
    >>> doctor.findings
    []
    """

    def __init__(
        self,
        reference: np.ndarray | None = None,
        condition: np.ndarray | None = None,
        mixture: Mixture | None = None,
        checks: Sequence[Check] | None = None,
        every: int = 1,
        path: str | os.PathLike[str] | None = None,
        speak: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"expected every >= 1, got {every}")
        self.all_checks = _all_checks(reference, condition, mixture) if checks is None else list(checks)
        self.checks: list[Check] = []
        self.every = every
        self.path = Path(path) if path is not None else None
        self.speak = speak if speak is not None else _warn
        self.findings: list[Finding] = []
        self._times_seen: dict[str, int] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Chooses the checks that fit the model; reads what a resumed run has found before."""
        self.checks = [check for check in self.all_checks if check.fits(self.model)]
        if self.path is not None:
            self.findings = [Finding(**fields) for fields in read_doctor(self.path)["findings"]]
        for check in self.checks:
            check.begin(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Asks every check."""
        if (epoch + 1) % self.every:
            return
        for check in self.checks:
            finding = check.look(self.model, logs or {}, epoch + 1)
            self._times_seen[check.name] = self._times_seen.get(check.name, 0) + 1 if finding else 0
            if finding is None:
                continue
            if self._times_seen[check.name] >= check.patience and self._is_news(finding):
                self._tell(finding)
            if check.last_word:
                return

    def _is_news(self, finding: Finding) -> bool:
        earlier = [f.severity for f in self.findings if f.check == finding.check]
        return not earlier or finding.severity >= 2.0 * max(earlier)

    def _tell(self, finding: Finding) -> None:
        self.findings.append(finding)
        if self.path is not None:
            write_doctor(self.path, findings=[f.to_dict() for f in self.findings])
        self.speak(str(finding))


def _all_checks(
    reference: np.ndarray | None, condition: np.ndarray | None, mixture: Mixture | None
) -> list[Check]:
    checks: list[Check] = [NaN(reference, condition), Divergence(), Overfitting(), IdleGuidance()]
    if mixture is not None:
        checks.append(LostModes(mixture))
    if reference is not None:
        checks += [Saturation(reference, condition), ModeCollapse(reference)]
        checks += [PosteriorCollapse(reference, condition=condition), DeadCodes(reference)]
    return checks


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)
