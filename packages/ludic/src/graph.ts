// Entry `ludic/graph`: the operators that a loss of one's own is built of. Each has its gradient, and runs on every device.

export {
  add,
  cast,
  div,
  exp,
  type Graph,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  scale,
  sigmoid,
  sqrt,
  stopGradient,
  sub,
  tanh,
  type Value,
} from '@ludic/graph';
