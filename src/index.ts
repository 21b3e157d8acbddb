// The public API of directview: one list of values, one of types, nothing else.

export type {
  ContactSheetOptions,
  Corner,
  CornersJob,
  CornersOfFile,
  DeviceOption,
  FindCornersOptions,
  Format,
  FoundCorners,
  GetPicturesOptions,
  HarrisOptions,
  Image,
  Mark,
  PeaksOptions,
  Picture,
  ReadPictureOptions,
  ResponseOptions,
  ShiTomasiOptions,
  SubpixOptions,
} from '../kernels/index.ts';
export { PictureError } from '../kernels/index.ts';
export type { GetOptions, ReturnWhen } from './client/async-result.ts';
export { AsyncResult } from './client/async-result.ts';
export type { ClientEvent, ConnectOptions } from './client/client.ts';
export { Client } from './client/client.ts';
export { ExecuteReply } from './client/execute-reply.ts';
export { Executor } from './client/executor.ts';
export type { ImportOptions } from './client/import-module.ts';
export type { DisplayOptions } from './client/interactive-result.ts';
export type {
  Kernel,
  KernelArgument,
  KernelFunction,
  KernelScope,
  KernelSettings,
} from './client/kernel.ts';
export type { DependencyJobs, DependencyOptions } from './client/load-balanced/dependency.ts';
export { Dependency } from './client/load-balanced/dependency.ts';
export { ItemStream } from './client/load-balanced/item-stream.ts';
export type { BalancedMapOptions, BalancedOptions, ImapOptions } from './client/load-balanced/options.ts';
export { LoadBalancedView } from './client/load-balanced/view.ts';
export type { CallOptions } from './client/options.ts';
export type { GroupBy } from './client/output/grouping.ts';
export type { TextSink } from './client/output/sinks.ts';
export type { Operand } from './client/pdot/operands.ts';
export type { PdotOptions } from './client/pdot/pdot.ts';
export { pdot } from './client/pdot/pdot.ts';
export type { InteractiveOptions, ProgressEvent } from './client/progress.ts';
export type { Px, PxOptions } from './client/px.ts';
export type { PxRun } from './client/px-run.ts';
export type { EngineQueue, QueueIds, QueueOptions, QueueStatus } from './client/queue-status.ts';
export type { Mode, PerTarget } from './client/remote.ts';
export type { MapOptions, TargetOptions } from './client/targeted-calls.ts';
export type { Metadata, MimeBundle } from './client/task.ts';
export type { ExecuteOptions, GatherOptions, ScatterOptions } from './client/view.ts';
export { DirectView } from './client/view.ts';
export type { ParallelFunction, ParallelOptions } from './client/wrappers.ts';
export { Cluster } from './cluster/cluster.ts';
export type { EngineInfo } from './errors.ts';
export {
  AbortError,
  AlreadyDisplayedError,
  ClusterError,
  CompositeError,
  ConnectionError,
  ContextError,
  DirectViewError,
  EngineError,
  ImpossibleDependency,
  InvalidDependency,
  NoEnginesRegistered,
  NotSerializableError,
  ProtocolError,
  RemoteError,
  ShapeError,
  TaskAborted,
  TaskInterrupted,
  TaskTimeout,
  TimeoutError,
  UnmetDependency,
} from './errors.ts';
export {
  contactSheet,
  cornerHarris,
  cornerPeaks,
  cornerShiTomasi,
  cornerSubpix,
  cornersOfFile,
  drawCorners,
  encodePicture,
  findCorners,
  getCornersImage,
  getPictures,
  plotCorners,
  readPicture,
  thumbnail,
} from './pictures.ts';
export type { EngineMemory } from './protocol/arguments.ts';
export type { DeviceChoice } from './protocol/engine-options.ts';
export type { DeviceReport, EngineRecord, EngineStatus } from './protocol/messages.ts';
export { fromModule } from './protocol/module-function.ts';
export { ref } from './protocol/ref.ts';
export type { TensorLike } from './tensor/convert.ts';
export { range, tensor } from './tensor/convert.ts';
export type { DType } from './tensor/dtype.ts';
export { Tensor } from './tensor/tensor.ts';
