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
export { ResidentTensors } from './resident-tensors.ts';
export { float32, floats, int32, int64, scalar, zeros } from './tensors.ts';
