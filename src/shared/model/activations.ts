/** The activation functions of the model format. */

/**
 * Phi: the standard normal distribution function; s the logistic function; clip(z) = min(max(z, 0), 6).
 *   relu max(z, 0)                       leaky-relu z or `slope` z where z < 0         relu6 clip(z)
 *   gelu z Phi(z), the exact erf form    gelu-tanh z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))) / 2
 *   sigmoid s(z)                         silu z s(z)                                   softplus log(1 + e^z)
 *   elu z or `alpha` (e^z - 1) where z < 0; selu `scale` times elu of its own alpha (below)
 *   hardsigmoid clip(z + 3) / 6          hardswish z clip(z + 3) / 6                   softsign z / (1 + |z|)
 *   mish z tanh(softplus(z))             tanh, identity
 */
export const activationFunctions = [
  'relu',
  'tanh',
  'sigmoid',
  'gelu',
  'softplus',
  'identity',
  'gelu-tanh',
  'silu',
  'leaky-relu',
  'elu',
  'selu',
  'hardswish',
  'hardsigmoid',
  'softsign',
  'relu6',
  'mish',
] as const;
export type ActivationFunction = (typeof activationFunctions)[number];

/** Functions whose second derivative is zero except at kinks. */
export const piecewiseLinear: ReadonlySet<ActivationFunction> = new Set<ActivationFunction>([
  'relu',
  'identity',
  'leaky-relu',
  'hardsigmoid',
  'relu6',
]);

/** So that activations keep mean 0 and variance 1 (Klambauer et al. 2017). */
export const seluConstants = { alpha: 1.6732632423543772, scale: 1.0507009873554805 } as const;
