"""What a diffusion model is told besides x_t and t: labels, a context, an image."""

from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.labels import check_labels

NAMES = ("labels", "context", "image")
_DROPPED = ("labels", "context")  # what label dropout hides, and guidance needs


class Conditions:
    """The further inputs of a network, in its order, and their values for "nothing told".

    Args:
        network: a functional model whose inputs are named as `kgen.networks.diffusion_inputs` says.
        classes: how many labels there are; the label `classes` stands for none.

    Raises ValueError for a network without the inputs "x" and "t", or with unknown ones, and where
    labels are taken and `classes` is not said, or the other way round.
    """

    def __init__(self, network: keras.Model, classes: int | None) -> None:
        names = [tensor.name for tensor in network.inputs]
        unknown = sorted(set(names) - {"x", "t", *NAMES})
        if names[:2] != ["x", "t"] or unknown:
            raise ValueError(
                "expected a network with inputs named x, t, and then any of "
                f"{', '.join(NAMES)} (as kgen.networks.unet makes it), got {names}"
            )
        if ("labels" in names) != (classes is not None):
            raise ValueError(
                f"the network's inputs are {names} and classes is {classes}: give classes to both "
                "the network and the model, or to neither"
            )
        self.classes = classes
        self.shapes = {t.name: tuple(t.shape) for t in network.inputs[2:]}

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the network's order."""
        return tuple(self.shapes)

    @property
    def can_drop(self) -> bool:
        """Whether there is anything to hide."""
        return bool(set(self.names) & set(_DROPPED))

    def specs(self) -> dict[str, keras.InputSpec]:
        """The exported inputs."""
        types = {name: "int32" if name == "labels" else "float32" for name in self.names}
        return {n: keras.InputSpec(shape=s, dtype=types[n]) for n, s in self.shapes.items()}

    def of_batch(self, condition: Any) -> dict[str, Tensor]:
        """Names the conditions of a batch of `fit(x, y)`: y is a tensor or array, or a dict of them.

        Raises ValueError where one is missing or superfluous.
        """
        dtypes = {"labels": "int32"}
        named = self.named(condition)
        return {name: ops.cast(value, dtypes.get(name, "float32")) for name, value in named.items()}

    def check(self, condition: Any) -> None:
        """Looks at the conditions of `fit`, before anything is compiled.

        Raises ValueError as `of_batch`, and for labels that are no integers in 0 ... classes.
        """
        labels = self.named(condition).get("labels")
        if isinstance(labels, np.ndarray):
            check_labels(labels, self.classes, nothing=True)

    def named(self, condition: Any) -> dict[str, Any]:
        """A dict of the conditions by name, in the network's order; see `of_batch`."""
        if condition is None:
            condition = {}
        elif not isinstance(condition, dict):
            if len(self.names) != 1:
                raise ValueError(
                    f"the network takes {list(self.names) or 'no conditions'}: "
                    + ("call fit(x) without y" if not self.names else "give fit a dict of them as y")
                )
            condition = {self.names[0]: condition}
        given = set(condition) - {"noise"}
        if given != set(self.names):
            raise ValueError(
                f"the network takes {list(self.names)}, got {sorted(given)}: "
                "call fit(x, y), or give data of (x, y), where y is one array, or a dict of several"
            )
        return {name: condition[name] for name in self.names}

    def dropped(self, named: dict[str, Tensor], rate: float, keys: Tensor) -> dict[str, Tensor]:
        """Hides labels and context from a random share of the examples."""
        if not rate:
            return named
        hide = kgen.random.uniform(keys) < rate
        null = self.null(named)
        return {
            n: ops.where(ops.reshape(hide, (-1,) + (1,) * (len(v.shape) - 1)), null[n], v)
            for n, v in named.items()
        }

    def null(self, named: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same conditions with nothing told: the last label, a context of zeros."""
        hidden = dict(named)
        if "labels" in named:
            hidden["labels"] = ops.full_like(named["labels"], self.classes)
        if "context" in named:
            hidden["context"] = ops.zeros_like(named["context"])
        return hidden

    def arrays(self, n: int, **given: Any) -> list[np.ndarray]:
        """Checks and repeats the conditions of `sample`: one an example, in the network's order.

        Raises ValueError where one is missing or superfluous, of another shape, or where labels are
        outside 0 ... classes.
        """
        arrays = []
        for name, value in given.items():
            if (value is None) == (name in self.names):
                want = "needs" if value is None else "takes no"
                raise ValueError(f"the model {want} {name}: its conditions are {list(self.names)}")
        for name in self.names:
            array = np.asarray(given[name])
            shape = self.shapes[name][1:]
            if array.shape not in (shape, (n, *shape)):
                raise ValueError(
                    f"expected {name} of shape {shape} or {(n, *shape)}, got {array.shape}"
                )
            array = np.broadcast_to(array, (n, *shape))
            if name == "labels":
                check_labels(array, self.classes, nothing=True)
            arrays.append(array.astype("int32" if name == "labels" else "float32"))
        return arrays
