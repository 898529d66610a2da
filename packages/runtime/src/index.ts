export {
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
export { float32, floats, int64, scalar, zeros } from './tensors.ts';
