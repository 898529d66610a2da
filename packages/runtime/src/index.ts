export {
  DEVICES,
  type Device,
  type DeviceTensor,
  type HostTensor,
  type LoadOptions,
  type Program,
  type Runtime,
  RuntimeError,
  type RuntimeErrorCode,
  type Tensor,
  type Tensors,
  type TensorType,
} from './contract.ts';
export { Programs } from './program.ts';
export { float32, floats, int32, int64, ResidentTensors, scalar, zeros } from './tensors.ts';
