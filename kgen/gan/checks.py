"""Checks of a GAN's arguments and data, before they reach a network, which cannot check them."""

import warnings
from typing import Any

import keras
import numpy as np

from kgen.core.check import check_object, check_objects, check_temperature
from kgen.core.inputs import condition_names
from kgen.gan.constraints import WeightClipping
from kgen.gan.critic import check_pack
from kgen.gan.penalties import GradientPenalty


def check_kinds(
    loss: Any,
    penalties: Any,
    prior: Any,
    augment: Any,
    adaptive: Any,
    unrolling: Any,
    auxiliary: Any,
) -> None:
    """Raises TypeError for a name or a class where a GAN takes an object, or for no list of these."""
    check_object("loss", loss, "kgen.gan.Hinge()")
    check_object("prior", prior, "kgen.distributions.StandardNormal((64,))")
    check_object("adaptive", adaptive, "kgen.gan.Adaptive()")
    check_object("unrolling", unrolling, "kgen.gan.Unrolling()")
    check_object("auxiliary", auxiliary, "kgen.gan.Classifier()")
    check_objects("penalties", penalties, "kgen.gan.R1()")
    check_objects("augment", augment, "kgen.gan.Translate()")


def check_networks(model: keras.Model) -> None:
    """Raises ValueError where a GAN's networks do not fit each other, the labels or the second head."""
    _check_shapes(model.generator, model.discriminator, model.packing)
    _check_classes(model)
    heads, logits = len(model.discriminator.outputs), tuple(model.discriminator.outputs[0].shape)
    if logits[-1] != 1:
        raise ValueError(
            f"expected a discriminator of one logit, (batch, 1), got {logits}: the loss takes the "
            "sigmoid itself, real against fake needs no two classes"
        )
    if (heads == 2) != (model.auxiliary is not None):
        raise ValueError(
            f"the discriminator has {heads} output(s) and auxiliary is {model.auxiliary}: an auxiliary "
            "needs a second head (kgen.networks.with_auxiliary), and a second head an auxiliary"
        )
    if model.auxiliary is not None:
        expected = model.auxiliary.outputs(model.classes)
        got = model.discriminator.outputs[1].shape[-1]
        if expected != got:
            raise ValueError(f"expected {expected} outputs of the second head, got {got}")


def check_numbers(model: keras.Model) -> None:
    """Raises ValueError where a number is too small, or two arguments exclude each other."""
    for name, least in (("critic_steps", 1), ("packing", 1), ("pool_size", 0)):
        if getattr(model, name) < least:
            raise ValueError(f"expected {name} >= {least}, got {getattr(model, name)}")
    check_temperature(model.temperature)
    if model.adaptive is not None and not model.augment:
        raise ValueError("adaptive decides how often to augment: give augment=[...], too")
    if model.pool_size and condition_names(model.generator):
        raise ValueError("the pool of past fakes keeps no labels: use pool_size=0 with conditions")


def check_penalties(model: keras.Model) -> None:
    """Raises ValueError for penalties that do not fit the loss or each other; warns of BatchNorm."""
    for penalty in model.penalties:
        penalty.check(model.loss)
    kinds = {type(penalty) for penalty in model.penalties}
    if {WeightClipping, GradientPenalty} <= kinds:
        raise ValueError("WeightClipping and GradientPenalty both bound the critic's slope: choose one")
    layers = model.discriminator._flatten_layers()
    norm = next((x for x in layers if isinstance(x, keras.layers.BatchNormalization)), None)
    for penalty in model.penalties:
        if penalty.per_example and norm is not None:
            warnings.warn(
                f"{type(penalty).__name__} is about the slope at one example, but {norm.name!r} in the "
                "discriminator mixes those of a batch: leave BatchNorm out there "
                "(dcgan_discriminator(batch_norm=False)), or use kgen.layers.LayerNormalization",
                stacklevel=4,
            )


def check_packs(x: Any, packing: int, batch_size: int | None) -> None:
    """Raises ValueError where packs do not divide the batches of `fit`, as far as these are known."""
    if isinstance(x, keras.utils.PyDataset):
        sizes = [len(keras.tree.flatten(x[i])[0]) for i in (0, len(x) - 1)]
    elif isinstance(x, np.ndarray) and len(x):
        size = min(batch_size or 32, len(x))  # 32 is Keras' default
        sizes = [size, len(x) % size]
    else:
        return
    for size in sizes:
        check_pack(size, packing)


def _check_shapes(generator: keras.Model, discriminator: keras.Model, packing: int) -> None:
    *window, channels = generator.output_shape[1:]
    made = (*window, channels * packing)
    taken = tuple(discriminator.inputs[0].shape[1:])
    if made != taken:
        packs = f" in packs of {packing}" if packing > 1 else ""
        raise ValueError(
            f"the generator makes examples{packs} of shape {made}, the discriminator takes {taken}: "
            "make them equal"
        )


def _check_classes(model: keras.Model) -> None:
    names = {name: condition_names(network) for name, network in model.parts.items()}
    labelled = "labels" in names["generator"]
    if labelled != (model.classes is not None) or set(names["discriminator"]) - set(names["generator"]):
        inputs = {
            name: [tensor.name for tensor in network.inputs] for name, network in model.parts.items()
        }
        raise ValueError(
            f"classes is {model.classes}, and the networks take {inputs}: with classes the generator "
            "takes [latents, labels] (kgen.networks.with_labels), and the discriminator may take what "
            "the generator does"
        )
    if model.packing > 1 and (names["generator"] or model.auxiliary is not None):
        raise ValueError("a pack has no one label or code: use packing=1 with conditions")
