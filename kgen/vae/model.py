"""The VAE: an encoder to a posterior over latents, a decoder to a likelihood of the data."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core import EMA, GenerativeModel, endpoint
from kgen.core.check import check_network, check_object
from kgen.distributions import DiagonalNormal, StandardNormal, kl_divergence
from kgen.vae.checks import check_flow, check_networks
from kgen.vae.likelihoods import Bernoulli, Likelihood


@keras.saving.register_keras_serializable("kgen")
class VAE(GenerativeModel):
    """Maximises the evidence lower bound

        ELBO(x) = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)),

    which is log p(x) - KL(q(z|x) || p(z|x)) for beta = 1; other betas give the beta-VAE.

    Args:
        encoder: built; examples to `(batch, 2 * latent_dim)`: means and log-variances of q(z|x).
        decoder: built; latents `(batch, latent_dim)` to the outputs that the likelihood asks for.
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

    `call` maps examples to their reconstructions. The logs are means over examples: "loss" (the
    negative ELBO with beta), "reconstruction" (-log p(x|z), nats) and "kl" (nats).

    Source: "Auto-Encoding Variational Bayes" (Kingma and Welling, 2014), equation 3; "beta-VAE"
    (Higgins et al., 2017), equation 4; "Variational Inference with Normalizing Flows" (Rezende and
    Mohamed, 2015), equation 15, for `posterior_flow`.

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
        self.prior = prior if prior is not None else StandardNormal(decoder.input_shape[1:])
        self.beta = beta
        self.ema_decay = ema_decay
        self.posterior_flow = posterior_flow
        check_networks(encoder, decoder, self.likelihood)
        self.ema = EMA(decoder, ema_decay) if ema_decay is not None else None
        self.track("loss", "reconstruction", "kl")

    @property
    def range_width(self) -> float | None:
        """That of the likelihood, for bits per dimension; AttributeError where it has none."""
        return self.likelihood.range_width

    @property
    def data_shape(self) -> tuple[int | None, ...]:
        """The shape of one example."""
        return self.encoder.input_shape[1:]

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate`, `encode`, `decode` and `reconstruct`."""
        examples = {"x": keras.InputSpec(shape=(None, *self.data_shape), dtype="float32")}
        latents = keras.InputSpec(shape=self.decoder.input_shape, dtype="float32")
        return super().endpoints | {
            "encode": examples,
            "decode": {"latents": latents},
            "reconstruct": examples,
        }

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Maps examples to their reconstructions, with the weights of the last step."""
        return self.likelihood.mean(self.decoder(self._mean(inputs, training), training=training))

    def posterior(self, x: Tensor, training: bool = False) -> DiagonalNormal:
        """The encoder's normal of each example, float32: q(z|x), or what `posterior_flow` takes."""
        return _normal(self._encoded(x, training))

    def elbo_terms(self, x: Tensor, keys: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """The two terms of the bound, from one latent for each example.

        Args:
            x: examples.
            keys: int32 `(batch, 2)`.
            training: whether the networks run in training mode.

        Returns:
            log p(x|z) and KL(q(z|x) || p(z)), nats, float32 `(batch,)` each. The KL is in closed form
            where both are normal, else the estimate log q(z|x) - log p(z).
        """
        encoded = self._encoded(x, training)
        latents, log_q = self._draw(encoded, keys)
        outputs = ops.cast(self.decoder(latents, training=training), "float32")
        if isinstance(self.prior, StandardNormal) and self.posterior_flow is None:
            kl = kl_divergence(_normal(encoded), self.prior)
        else:
            kl = log_q - self.prior.log_prob(latents)
        return self.likelihood.log_prob(outputs, x), kl

    def _encoded(self, x: Tensor, training: bool = False) -> Tensor:
        return ops.cast(self.encoder(x, training=training), "float32")

    def _mean(self, x: Tensor, training: bool = False) -> Tensor:
        """The mean of q(z|x), or where `posterior_flow` takes the normal's."""
        encoded = self._encoded(x, training)
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
        x, _ = self.unpack(data)
        keys = self.random.next_keys(like=x)

        def negative_elbo() -> tuple[Tensor, dict[str, Tensor]]:
            log_likelihood, kl = self.elbo_terms(x, keys, training=True)
            report = {"reconstruction": -log_likelihood, "kl": kl}
            return ops.mean(self.beta * kl - log_likelihood), report

        loss, report = self.minimize(negative_elbo)
        if self.ema is not None:
            self.ema.update()
        return self.update_metrics(loss=loss, **report)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates the bound and its terms."""
        x, _ = self.unpack(data)
        log_likelihood, kl = self.elbo_terms(x, self.random.next_keys(like=x))
        return self.update_metrics(
            loss=self.beta * kl - log_likelihood, reconstruction=-log_likelihood, kl=kl
        )

    @endpoint
    def encode(self, x: Tensor) -> Tensor:
        """Maps examples to the means of their posteriors, `(batch, latent_dim)`.

        With `posterior_flow`: to where it takes the mean of the normal that it starts from.
        """
        return self._mean(x)

    @endpoint
    def decode(self, latents: Tensor) -> Tensor:
        """Maps latents to the mean of p(x|z), with the averaged weights where there are any."""
        network = self.decoder if self.ema is None else self.ema.average
        return self.likelihood.mean(ops.cast(network(latents, training=False), "float32"))

    @endpoint
    def reconstruct(self, x: Tensor) -> Tensor:
        """Encodes and decodes examples."""
        return self.decode(self.encode(x))

    @endpoint
    def generate(self, seed: Tensor) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, into samples, one from each key."""
        return self.decode(self.prior.sample(seed))

    @endpoint
    def importance_log_prob(self, x: Tensor, seed: Tensor, *, samples: int = 64) -> Tensor:
        """Estimates log p(x) from keys; see `log_prob`."""

        def add(index: Tensor, total: Tensor, x: Tensor, seed: Tensor, encoded: Tensor) -> Tensor:
            latents, log_q = self._draw(encoded, kgen.random.fold_in(seed, index))
            outputs = ops.cast(self.decoder(latents, training=False), "float32")
            weight = self.likelihood.log_prob(outputs, x)
            return ops.logaddexp(total, weight + self.prior.log_prob(latents) - log_q)

        encoded = self._encoded(x)
        start = ops.full_like(encoded[:, 0], -math.inf)
        return backend.fori_loop(samples, add, start, x, seed, encoded) - math.log(samples)

    def log_prob(
        self, x: np.ndarray, samples: int = 64, seed: int | None = None, batch_size: int = 256
    ) -> np.ndarray:
        """Estimates log p(x) by importance sampling from the posterior, in nats.

            log p(x) >= E[log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x)],   z_i ~ q(z|x)

        The bound grows with the number of samples and reaches log p(x) in the limit.

        Args:
            x: examples.
            samples: k; 1 gives a noisy ELBO.
            seed: of the latents.
            batch_size: how many examples at once.

        Returns:
            float32 `(n,)`.

        Source: "Importance Weighted Autoencoders" (Burda et al., 2016), equation 8.
        """
        if samples < 1:
            raise ValueError(f"expected samples >= 1, got {samples}")
        keys = kgen.random.keys(seed, len(x))
        return self.importance_log_prob(x, keys, samples=samples, batch_size=batch_size)


def _normal(encoded: Tensor) -> DiagonalNormal:
    mean, log_variance = ops.split(encoded, 2, axis=-1)
    return DiagonalNormal(mean, ops.exp(0.5 * log_variance))
