"""The VAE: an encoder to a posterior over latents, a decoder to a likelihood of the data."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core import Conditions, GenerativeModel, endpoint, seeds
from kgen.core.check import check_network, check_object
from kgen.core.inputs import condition_names, run
from kgen.distributions import DiagonalNormal, StandardNormal, kl_divergence
from kgen.vae.checks import check_flow, check_networks
from kgen.vae.likelihoods import Bernoulli, Likelihood


@keras.saving.register_keras_serializable("kgen")
class VAE(GenerativeModel):
    """Maximises the evidence lower bound

        ELBO(x) = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)),

    which is log p(x) - KL(q(z|x) || p(z|x)) for beta = 1; other betas give the beta-VAE.

    Args:
        encoder: functional; examples, or [examples, conditions...], to `(batch, 2 * latent_dim)`: means
            and log-variances of q(z|x).
        decoder: functional; latents `(batch, latent_dim)`, or [latents, conditions...], to the outputs
            that the likelihood asks for. Conditions are inputs by name: "labels", and whatever else.
        likelihood: an object of `kgen.vae.likelihoods`; None: `Bernoulli()`.
        prior: p(z), a distribution with `sample(keys)` and `log_prob(z)`, such as
            `kgen.flow.Transformed`; None: standard normal.
        beta: weight of the KL term, at least 0.
        ema_decay: None, or the decay of an average of the decoder; `sample`, `decode` and `export`
            use it, encoding and the ELBO do not.
        posterior_flow: None: q(z|x) is the encoder's normal. Or a transform f of `kgen.flow`, trained
            along, with z = f^-1(u) of that normal's u: `kgen.flow.IAF((latent_dim,)).transform`, or of
            couplings: f^-1 must have a gradient. Where its networks take a context, that is what the
            encoder gives: `IAF((latent_dim,), context=2 * latent_dim)`.
        classes: how many labels there are, where a network takes labels (`kgen.networks.with_labels`).

    With conditions c all of it is given c: log p(x|c) >= E_q(z|x,c)[log p(x|z,c)] - KL. `call` maps
    examples, or [examples, conditions...], to their reconstructions. The logs are means over examples:
    "loss" (the negative ELBO with beta), "reconstruction" (-log p(x|z), nats) and "kl" (nats).

    Source: "Auto-Encoding Variational Bayes" (Kingma and Welling, 2014), equation 3; "beta-VAE"
    (Higgins et al., 2017), equation 4; "Variational Inference with Normalizing Flows" (Rezende and
    Mohamed, 2015), equation 15, for `posterior_flow`; "Learning Structured Output Representation using
    Deep Conditional Generative Models" (Sohn et al., 2015), equation 4, for conditions.

    >>> import kgen
    >>> model = VAE(kgen.networks.mlp(2, 4), kgen.networks.mlp(2, 2), kgen.vae.Gaussian(0.1))
    >>> model.compile(keras.optimizers.Adam(1e-3))
    >>> x = kgen.data.load("moons", size=256).x
    >>> history = model.fit(x, epochs=1, verbose=0)
    >>> model.encode(x).shape
    (256, 2)
    """

    log_prob_estimate = "importance-sampled"
    """What `log_prob` is, for the cards of `kgen.metrics`."""

    def __init__(
        self,
        encoder: keras.Layer,
        decoder: keras.Layer,
        likelihood: Likelihood | None = None,
        prior: Any = None,
        beta: float = 1.0,
        ema_decay: float | None = None,
        posterior_flow: Any = None,
        classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if beta < 0:
            raise ValueError(f"expected beta >= 0, got {beta}")
        check_network("encoder", encoder)
        check_network("decoder", decoder)
        check_object("likelihood", likelihood, "kgen.vae.Gaussian()")
        check_object("prior", prior, "kgen.distributions.StandardNormal((16,))")
        check_flow(posterior_flow)
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood if likelihood is not None else Bernoulli()
        self.prior = prior if prior is not None else StandardNormal(decoder.inputs[0].shape[1:])
        self.beta = beta
        self.ema_decay = ema_decay
        self.posterior_flow = posterior_flow
        self.classes = classes
        self.conditions = Conditions.of(decoder, encoder, classes=classes)
        check_networks(encoder, decoder, self.likelihood)
        self.ema = self.average(decoder, ema_decay)
        self.track("loss", "reconstruction", "kl")

    @property
    def range_width(self) -> float | None:
        """That of the likelihood, for bits per dimension; AttributeError where it has none."""
        return self.likelihood.range_width

    @property
    def data_shape(self) -> tuple[int | None, ...]:
        """The shape of one example."""
        return tuple(self.encoder.inputs[0].shape[1:])

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate`, `encode`, `decode` and `reconstruct`, each with its conditions last."""
        examples = {"x": keras.InputSpec(shape=(None, *self.data_shape), dtype="float32")}
        latents = keras.InputSpec(shape=self.decoder.inputs[0].shape, dtype="float32")
        decoded = self.sample_conditions.specs()
        return {
            "generate": seeds() | decoded,
            "encode": examples | self._encoder_conditions.specs(),
            "decode": {"latents": latents} | decoded,
            "reconstruct": examples | self.conditions.specs(),
        }

    @property
    def sample_conditions(self) -> Conditions:
        """The decoder's."""
        return self.conditions.only(condition_names(self.decoder))

    @property
    def _encoder_conditions(self) -> Conditions:
        return self.conditions.only(condition_names(self.encoder))

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Maps examples to their reconstructions, with the weights of the last step."""
        x, *given = inputs if isinstance(inputs, list | tuple) else [inputs]
        named = self.conditions.of_tensors(given)
        latents = self._mean(self._encoded(x, named, training))
        return self.likelihood.mean(self._decoded(self.decoder, latents, named, training))

    def posterior(self, x: Tensor, y: Any = None, training: bool = False) -> DiagonalNormal:
        """The encoder's normal of each example, float32: q(z|x), or what `posterior_flow` takes.

        The conditions y are as `fit` takes them.
        """
        return _normal(self._encoded(x, self.conditions.of_batch(y), training))

    def elbo_terms(
        self, x: Tensor, keys: Tensor, y: Any = None, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The two terms of the bound, from one latent for each example.

        Args:
            x: examples.
            keys: int32 `(batch, 2)`.
            y: the conditions, as `fit` takes them.
            training: whether the networks run in training mode.

        Returns:
            log p(x|z) and KL(q(z|x) || p(z)), nats, float32 `(batch,)` each. The KL is in closed form
            where both are normal, else the estimate log q(z|x) - log p(z).
        """
        named = self.conditions.of_batch(y)
        encoded = self._encoded(x, named, training)
        latents, log_q = self._draw(encoded, keys)
        outputs = self._decoded(self.decoder, latents, named, training)
        if isinstance(self.prior, StandardNormal) and self.posterior_flow is None:
            kl = kl_divergence(_normal(encoded), self.prior)
        else:
            kl = log_q - self.prior.log_prob(latents)
        return self.likelihood.log_prob(outputs, x), kl

    def _encoded(self, x: Tensor, named: dict[str, Tensor], training: bool = False) -> Tensor:
        names = condition_names(self.encoder)
        return ops.cast(run(self.encoder, x, named, names, training), "float32")

    def _decoded(
        self, network: keras.Layer, latents: Tensor, named: dict[str, Tensor], training: bool = False
    ) -> Tensor:
        names = condition_names(self.decoder)
        return ops.cast(run(network, latents, named, names, training), "float32")

    def _mean(self, encoded: Tensor) -> Tensor:
        """The mean of q(z|x), or where `posterior_flow` takes the normal's."""
        mean = _normal(encoded).mean
        if self.posterior_flow is None:
            return mean
        return self.posterior_flow.inverse_and_ladj(mean, encoded)[0]

    def _draw(self, encoded: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Latents of q(z|x), and log q(z|x)."""
        normal = _normal(encoded)
        latents = normal.sample(keys)  # mean + scale * noise: the reparameterisation trick
        log_q = normal.log_prob(latents)
        if self.posterior_flow is None:
            return latents, log_q
        latents, ladj = self.posterior_flow.inverse_and_ladj(latents, encoded)
        return latents, log_q - ladj

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes one step up the bound."""
        x, y = self.unpack(data)
        keys = self.random.next_keys(like=x)

        def negative_elbo() -> tuple[Tensor, dict[str, Tensor]]:
            log_likelihood, kl = self.elbo_terms(x, keys, y, training=True)
            report = {"reconstruction": -log_likelihood, "kl": kl}
            return ops.mean(self.beta * kl - log_likelihood), report

        loss, report = self.minimize(negative_elbo)
        return self.update_metrics(loss=loss, **report)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates the bound and its terms."""
        x, y = self.unpack(data)
        log_likelihood, kl = self.elbo_terms(x, self.random.next_keys(like=x), y)
        return self.update_metrics(
            loss=self.beta * kl - log_likelihood, reconstruction=-log_likelihood, kl=kl
        )

    @endpoint
    def encode(self, x: Tensor, *conditions: Tensor) -> Tensor:
        """Maps examples to the means of their posteriors, `(batch, latent_dim)`.

        With `posterior_flow`: to where it takes the mean of the normal that it starts from. The
        conditions are those of the encoder, in its order.
        """
        return self._mean(self._encoded(x, self._encoder_conditions.of_tensors(conditions)))

    @endpoint
    def decode(self, latents: Tensor, *conditions: Tensor) -> Tensor:
        """Maps latents to the mean of p(x|z), with the averaged weights where there are any.

        The conditions are those of the decoder, in its order.
        """
        network = self.decoder if self.ema is None else self.ema.average
        named = self.sample_conditions.of_tensors(conditions)
        return self.likelihood.mean(self._decoded(network, latents, named))

    @endpoint
    def reconstruct(self, x: Tensor, *conditions: Tensor) -> Tensor:
        """Encodes and decodes examples; the conditions are the decoder's, then further ones."""
        named = self.conditions.of_tensors(conditions)
        own = (named[name] for name in condition_names(self.encoder))
        return self.decode(self.encode(x, *own), *(named[n] for n in self.sample_conditions.names))

    @endpoint
    def generate(self, seed: Tensor, *conditions: Tensor) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, and the decoder's conditions into samples."""
        return self.decode(self.prior.sample(seed), *conditions)

    @endpoint
    def importance_log_prob(
        self, x: Tensor, seed: Tensor, *conditions: Tensor, samples: int = 64
    ) -> Tensor:
        """Estimates log p(x) from keys; see `log_prob`."""
        encoded = self._encoded(x, self.conditions.of_tensors(conditions))

        def add(index: Tensor, total: Tensor, *constants: Tensor) -> Tensor:
            x, seed, encoded, *conditions = constants
            latents, log_q = self._draw(encoded, kgen.random.fold_in(seed, index))
            named = self.conditions.of_tensors(conditions)
            outputs = self._decoded(self.decoder, latents, named)
            weight = self.likelihood.log_prob(outputs, x)
            return ops.logaddexp(total, weight + self.prior.log_prob(latents) - log_q)

        start = ops.full_like(encoded[:, 0], -math.inf)
        total = backend.fori_loop(samples, add, start, x, seed, encoded, *conditions)
        return total - math.log(samples)

    def log_prob(
        self,
        x: np.ndarray,
        samples: int = 64,
        seed: int | None = None,
        batch_size: int = 256,
        **conditions: Any,
    ) -> np.ndarray:
        """Estimates log p(x) by importance sampling from the posterior, in nats.

            log p(x) >= E[log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x)],   z_i ~ q(z|x)

        The bound grows with the number of samples and reaches log p(x) in the limit.

        Args:
            x: examples.
            samples: k; 1 gives a noisy ELBO.
            seed: of the latents.
            batch_size: how many examples at once.
            conditions: of the model, by name, one for all or one each.

        Returns:
            float32 `(n,)`: log p(x | conditions).

        Raises ValueError for samples < 1 and conditions that do not fit the model.

        Source: "Importance Weighted Autoencoders" (Burda et al., 2016), equation 8.
        """
        if samples < 1:
            raise ValueError(f"expected samples >= 1, got {samples}")
        arrays = self.conditions.of_examples(len(x), **conditions)
        keys = kgen.random.keys(seed, len(x))
        return self.importance_log_prob(x, keys, *arrays, samples=samples, batch_size=batch_size)


def _normal(encoded: Tensor) -> DiagonalNormal:
    mean, log_variance = ops.split(encoded, 2, axis=-1)
    return DiagonalNormal(mean, ops.exp(0.5 * log_variance))
