"""A stateless scope inside a stateless scope: how a loss may change state while it is differentiated.

The private or undocumented names of other libraries that kgen relies on, all of them, and why
(`tests/backend/test_private_names.py` compares this table with the code). Keras':

| name | used in | why |
|---|---|---|
| `StatelessScope.original_scope` | `backend/scope.py` | reads of the inner scope fall through |
| `StatelessScope.get_current_value` | `backend/scope.py`, `backend/jax/export.py` | `Variable.value` |
| `StatelessScope.add_update` | `backend/scope.py` | what `Variable.assign` calls |
| `Variable._value` | `backend/jax/step.py` | None: `fit` took the value out and lost it |
| `Model.jax_state_sync` | `backend/jax/step.py` | puts the trainer's state into the variables |
| `Model.make_train_function` | `core/model.py` | where a backend's step enters |
| `Model.make_test_function` | `core/model.py` | the same |
| `Model.evaluate(_use_cached_eval_dataset)` | `core/model.py` | the call comes from `fit` |
| `Adam._parallel_update_step` | `backend/torch/step.py` | where the update in one pass enters |
| `Adam._momentums` | `backend/*/adam.py` | the slots |
| `Adam._velocities` | `backend/*/adam.py` | the slots |
| `Adam._get_variable_index` | `backend/*/adam.py` | which slot is a variable's |
| `Function._run_through_graph` | `networks/stepping.py` | each layer, run for one position |
| `Layer._flatten_layers` | `gan/checks.py` | is a BatchNorm anywhere inside? |
| `Layer._inbound_nodes` | `networks/flops.py` | the shapes of each use of a layer |
| `KerasTensor._keras_history` | `networks/names.py` | names an operation of `keras.ops` |
| `Operation.__call__` | `callbacks/doctor/first_layer.py` | patched, to find the first NaN |

On torch the trainer calls `Model.train_function` with a list of one batch (`backend/torch/step.py`).

TensorFlow's:

| name | used in | why |
|---|---|---|
| `tensorflow.python.eager` | `backend/tensorflow/order.py` | where `context` is |
| `context.function_call_options` | `backend/tensorflow/order.py` | Grappler's passes, for a call |

PyTorch's:

| name | used in | why |
|---|---|---|
| `torch._subclasses.fake_tensor` | `backend/torch/step.py` | real numbers inside a trace |
| `torch._foreach_copy_` | `backend/torch/step.py` | all new values at once |
| `torch._fused_adam_` | `backend/torch/adam.py` | Adam in one pass |
| `UntypedStorage._cdata` | `backend/torch/graph.py` | which tensors share memory |
| `OpOverload._schema` | `backend/torch/graph.py` | does an operation change its arguments? |
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

Tensor = Any  # a tensor of whichever backend Keras runs on
Function = Callable[..., Any]


class ChildScope(keras.StatelessScope):
    """A scope whose reads fall through to the enclosing scope and whose updates stay apart.

    After the block, `changed` lists the variables that were assigned and `new_values` their values.
    """

    def __init__(self, mapping: Iterable[tuple[keras.Variable, Tensor]] = ()) -> None:
        super().__init__(state_mapping=list(mapping))
        self._updates: dict[int, keras.Variable] = {}

    def get_current_value(self, variable: keras.Variable) -> Tensor | None:
        """Gives the variable's value here, or in the enclosing scope, or None."""
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            value = self.original_scope.get_current_value(variable)
        return value

    def add_update(self, update: tuple[keras.Variable, Tensor]) -> None:
        """Records one assignment."""
        self._updates[id(update[0])] = update[0]
        super().add_update(update)

    @property
    def changed(self) -> list[keras.Variable]:
        """The variables assigned inside the scope, in the order of their first assignment."""
        return list(self._updates.values())

    @property
    def new_values(self) -> list[Tensor]:
        """The values of `changed` at the end of the scope."""
        return [self.get_current_value(variable) for variable in self.changed]


def values_of(variables: Sequence[keras.Variable]) -> list[Tensor]:
    """Reads the variables' values, from the enclosing stateless scope where there is one."""
    return [variable.value for variable in variables]
