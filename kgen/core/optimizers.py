"""Several named optimizers that Keras sees as one: it threads, saves and schedules them together."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras


@keras.saving.register_keras_serializable("kgen")
class OptimizerGroup(keras.optimizers.Optimizer):
    """Holds one optimizer for each named part of a model.

    Keras' trainers know one `model.optimizer`: its `variables` are what JAX threads through the
    step and what `.keras` files, checkpoints and `BackupAndRestore` save. A group's variables are
    its own step counter and the union of its members', in the order of their names.

    `learning_rate` is that of the first member. Setting it (`LearningRateScheduler`,
    `ReduceLROnPlateau`) moves every member, each keeping its initial ratio to the first: two
    time-scales stay two time-scales. `iterations` counts train steps, whatever the parts did in each.

    Args:
        members: name to optimizer.
        ratios: name to learning rate over the first member's; None: from the learning rates as they
            are now. A member with a schedule has none and keeps its schedule.
    """

    def __init__(
        self,
        members: Mapping[str, keras.optimizers.Optimizer],
        ratios: Mapping[str, float] | None = None,
        name: str = "optimizer_group",
    ) -> None:
        super().__init__(learning_rate=0.0, name=name)
        if not members:
            raise ValueError("expected at least one named optimizer, got none")
        # A read-only view and not a dict: Keras would save a dict's values by class name and order.
        self._members = MappingProxyType(dict(members))
        self._ratios = MappingProxyType(dict(ratios if ratios is not None else self._find_ratios()))

    def __getitem__(self, name: str) -> keras.optimizers.Optimizer:
        """Gives the optimizer of a part."""
        return self._members[name]

    @property
    def members(self) -> Mapping[str, keras.optimizers.Optimizer]:
        """The optimizers by the name of their part."""
        return self._members

    def build(self, variables: Any) -> None:
        """Creates every member's slots.

        Args:
            variables: part name to its trainable variables. Keras calls this with a flat list once
                all members are built; then it does nothing.
        """
        if isinstance(variables, Mapping):
            for name, member in self._members.items():
                if not member.built:
                    member.build(variables[name])
            self._trained = MappingProxyType(dict(variables))
            self.built = True
        elif not self.built:
            raise ValueError("build the group with {part: variables}; GenerativeModel.compile does")

    @property
    def variables(self) -> list[keras.Variable]:
        """The step counter, then every member's variables by the order of the members' names."""
        return [self.iterations] + [
            v for name in sorted(self._members) for v in self._members[name].variables
        ]

    @property
    def learning_rate(self) -> Any:
        """The first member's learning rate; setting it scales the others with it."""
        return self._first().learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for name, ratio in self._ratios.items():
            self._members[name].learning_rate = float(value) * ratio

    def count_step(self) -> None:
        """Adds one to `iterations`; the engine calls it once a train step."""
        self.iterations.assign(self.iterations + 1)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Not for a group: raises TypeError. `GenerativeModel.minimize` applies its members."""
        raise TypeError(
            "a group applies no gradients: use self.minimize(loss_fn, *parts) in train_step"
        )

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Finishes each member (Keras' `use_ema`) on the variables that it was built on."""
        for name, member in self._members.items():
            member.finalize_variable_values(self._trained[name])

    def save_own_variables(self, store: Any) -> None:
        """Writes the counter and every slot under its part's name."""
        for key, variable in self._named_variables().items():
            store[key] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote; raises ValueError where parts or slots differ."""
        named = self._named_variables()
        if set(store.keys()) != set(named):
            difference = sorted(set(store.keys()) ^ set(named))
            raise ValueError(f"the saved optimizers do not fit this model: they differ in {difference}")
        for key, variable in named.items():
            variable.assign(store[key])

    def get_config(self) -> dict[str, Any]:
        """Gives the members' configs and the ratios of their learning rates."""
        members = {name: serialize_optimizer(member) for name, member in self._members.items()}
        return {"members": members, "ratios": dict(self._ratios), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "OptimizerGroup":
        """Rebuilds a group from its config."""
        members = {
            name: keras.saving.deserialize_keras_object(member, custom_objects=custom_objects)
            for name, member in config["members"].items()
        }
        return cls(members, config["ratios"], config["name"])

    def _first(self) -> keras.optimizers.Optimizer:
        return next(iter(self._members.values()))

    def _find_ratios(self) -> dict[str, float]:
        first = _rate(self._first())
        rates = {name: _rate(member) for name, member in self._members.items()}
        if not first:
            return {name: 1.0 for name, rate in rates.items() if rate is not None}
        return {name: rate / first for name, rate in rates.items() if rate is not None}

    def _named_variables(self) -> dict[str, keras.Variable]:
        named = {"iterations": self.iterations}
        for name, member in self._members.items():
            named |= {f"{name}.{i}": variable for i, variable in enumerate(member.variables)}
        return named


def serialize_optimizer(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Serialises an optimizer by its public class, which every backend has.

    On torch, Keras makes its optimizers of private classes that import torch; with their names in it
    a file could not be loaded where torch is missing, nor be trained on another backend.
    """
    return portable(keras.saving.serialize_keras_object(optimizer))


def portable(config: Any) -> Any:
    """Gives a serialised object with Keras' public optimizers in place of a backend's."""
    if isinstance(config, list | tuple):
        return [portable(value) for value in config]
    if not isinstance(config, Mapping):
        return config
    if str(config.get("module")).startswith("keras.src.backend."):
        config = {**config, "module": "keras.optimizers", "registered_name": None}
    return {key: portable(value) for key, value in config.items()}


def make_optimizer(
    optimizer: Any, variables: Mapping[str, Sequence[keras.Variable]], scaled: bool
) -> keras.optimizers.Optimizer:
    """Makes what `model.optimizer` is to be, with every slot: what is not built is skipped on load.

    Args:
        optimizer: one optimizer (or its name), of which every part gets a copy; a dict with one for
            each part; or a group.
        variables: part name to its trainable variables.
        scaled: whether losses are scaled, for float16.

    Returns:
        The optimizer itself where there is one part, else a group.

    Raises ValueError for unknown and for missing parts.
    """
    wrap = _scale_losses if scaled else lambda member: member
    if len(variables) == 1 and not isinstance(optimizer, Mapping | OptimizerGroup):
        single = wrap(keras.optimizers.get(optimizer))
        if not single.built:
            single.build(*variables.values())
        return single
    if not isinstance(optimizer, OptimizerGroup):
        members = _by_part(optimizer, list(variables))
        optimizer = OptimizerGroup({name: wrap(member) for name, member in members.items()})
    optimizer.build(variables)
    return optimizer


def _by_part(optimizer: Any, names: list[str]) -> dict[str, keras.optimizers.Optimizer]:
    if not isinstance(optimizer, Mapping):
        optimizer = keras.optimizers.get(optimizer)
        return {name: type(optimizer).from_config(optimizer.get_config()) for name in names}
    unknown = sorted(set(optimizer) - set(names))
    if unknown:
        raise ValueError(f"unknown optimizer parts {unknown}: this model's parts are {names}")
    missing = [name for name in names if name not in optimizer]
    if missing:
        raise ValueError(f"parts without an optimizer: {missing}; give one for each of {names}")
    return {name: keras.optimizers.get(optimizer[name]) for name in names}


def _scale_losses(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Wraps an optimizer for float16, whose small gradients would vanish without loss scaling."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def _rate(optimizer: keras.optimizers.Optimizer) -> float | None:
    """The learning rate where it is a number that can be set; None for a schedule."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = optimizer.get_config()["learning_rate"]
    return rate if isinstance(rate, float) else None
