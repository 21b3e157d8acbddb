// The public API of directview: a list of values, and a list of types.
import './util/node-only.ts';

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
  plotResponse,
  readPicture,
  thumbnail,
  writePicture,
} from '../kernels/index.ts';
export { PictureError } from '../kernels/pictures/picture-error.ts';
export { batch } from './batch/batch.ts';
export { Client } from './client/client.ts';
export { DirectView } from './client/direct-view.ts';
export { Executor } from './client/executor.ts';
export { LoadBalancedView } from './client/load-balanced/balanced-view.ts';
export { Dependency } from './client/load-balanced/dependency.ts';
export { ItemStream } from './client/load-balanced/item-stream.ts';
export { pdot } from './client/pdot/pdot.ts';
export { AsyncResult } from './client/results/async-result.ts';
export { ExecuteReply } from './client/results/execute-reply.ts';
export type { CpuProfile, ProfileFrame, ProfileNode } from './client/results/profiles/cpu-profile.ts';
export { Profile } from './client/results/profiles/profile.ts';
export { Cluster } from './cluster/cluster.ts';
export type { ListedCluster } from './cluster/files/cluster-file.ts';
export {
  AbortError,
  AlreadyDisplayedError,
  ClientClosed,
  ClusterError,
  CompositeError,
  ConnectionError,
  ContextError,
  DirectViewError,
  EngineError,
  EngineUnreachable,
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
export { fromModule } from './protocol/values/module-function.ts';
export { ref } from './protocol/values/ref.ts';
export { range, tensor } from './tensor/convert.ts';
export { Tensor } from './tensor/tensor.ts';

// Types.

export type {
  BatchPicture,
  Operation,
  OperationContext,
  OperationResult,
  ResultPicture,
} from '../kernels/batch/operation.ts';
export type { MarkStyle, OutputStyle } from '../kernels/batch/output-style.ts';
export type {
  Border,
  ContactSheetOptions,
  Corner,
  CornersJob,
  CornersOfFile,
  Depth,
  DeviceOption,
  DrawOptions,
  EncodeOptions,
  FindCornersOptions,
  Format,
  FoundCorners,
  GetPicturesOptions,
  HarrisOptions,
  Image,
  Mark,
  OriginalPicture,
  Outside,
  PeaksOptions,
  Picture,
  PictureData,
  PictureSource,
  PlotOptions,
  PlotResponseOptions,
  ReadPictureOptions,
  ResponseOptions,
  SheetTile,
  ShiTomasiOptions,
  SubpixOptions,
  WriteOptions,
} from '../kernels/index.ts';
export type { FindPicturesOptions } from '../kernels/pictures/find-pictures.ts';
export type { BatchOptions, BatchProgress } from './batch/batch-options.ts';
export type { BatchSummary } from './batch/batch-summary.ts';
export type { BatchFailure } from './batch/item.ts';
export type { OutputPaths } from './batch/output-paths.ts';
export type { OperationReference } from './batch/plan/operation-reference.ts';
export type { BatchRecord } from './batch/results/record.ts';
export type { ImportOptions } from './client/calls/import-module.ts';
export type {
  ItemInputs,
  ItemOf,
  Joined,
  MapInput,
  MapInputs,
  PartInput,
  PartInputs,
  PlainIterable,
  Scatterable,
  StreamInput,
  StreamInputs,
  TensorInput,
} from './client/calls/inputs.ts';
export type {
  CombinedKernels,
  CombinedParameters,
  CombiningFunction,
} from './client/calls/kernels/combined-kernels.ts';
export type {
  Kernel,
  KernelConstant,
  KernelControls,
  KernelFunction,
  KernelParameters,
  KernelResult,
  KernelScope,
} from './client/calls/kernels/kernel.ts';
export type { KernelArgument, KernelIntermediate } from './client/calls/kernels/kernel-arguments.ts';
export type { KernelMap, KernelMapResults, KernelParts } from './client/calls/kernels/kernel-map.ts';
export type {
  KernelArgumentType,
  KernelConstantType,
  KernelHelperFunction,
  KernelOutput,
  KernelReturnType,
  KernelSettings,
  TypedKernelFunction,
} from './client/calls/kernels/kernel-settings.ts';
export type { Namespace } from './client/calls/namespace.ts';
export type { ParallelFunction, ParallelOptions } from './client/calls/remote-functions.ts';
export type { ConnectOptions, EventOptions } from './client/client.ts';
export type { AbortOptions } from './client/jobs/client-jobs.ts';
export type { Job, JobSelection } from './client/jobs/jobs.ts';
export type {
  EngineQueue,
  EngineQueues,
  QueueIds,
  QueueOptions,
  QueueStatus,
  ViewQueueStatus,
} from './client/jobs/queue-status.ts';
export type { ClusterFile, ClusterInfo, ProcessIdentity } from './client/links/cluster-file.ts';
export type { ClientEvent, InterruptOptions } from './client/links/engine-links.ts';
export type { Metadata, Task } from './client/links/task.ts';
export type { TaskEvent } from './client/links/task-events.ts';
export type { DependencyJobs, DependencyOptions } from './client/load-balanced/dependency.ts';
export type { BalancedMapOptions, BalancedOptions, ImapOptions, ReturnErrors } from './client/load-balanced/options.ts';
export type {
  CallOptions,
  ExecuteOptions,
  GatherOptions,
  MapOptions,
  PullOptions,
  ReceiveBuffer,
  ScatterOptions,
  TargetOptions,
} from './client/options.ts';
export type { ClusterCosts } from './client/pdot/costs/costs.ts';
export type { Operand } from './client/pdot/operands.ts';
export type { Pdot, PdotOptions, PdotPlanOptions } from './client/pdot/pdot.ts';
export type { PdotPlan, PlannedBlock, Providers } from './client/pdot/pdot-plan.ts';
export type { PdotResult } from './client/pdot/pdot-result.ts';
export type { OperandLayout, PdotTraffic, PlanChoice, PlanKind } from './client/pdot/plan.ts';
export type { ProbeOptions } from './client/pdot/probe.ts';
export type { Px } from './client/px/px.ts';
export type { PxOptions, PxReply, PxRun, PxShowOptions } from './client/px/px-run.ts';
export type {
  IndivisibleValue,
  InferredFunction,
  Mode,
  PerTarget,
  RemoteArgs,
  RemoteFunction,
  WithRefs,
} from './client/remote.ts';
export type { GetOptions, ModeOf, PerTargetResult, ReturnWhen } from './client/results/async-result.ts';
export type { DisplayOptions, StreamOptions } from './client/results/output/display.ts';
export type { GroupBy } from './client/results/output/grouping.ts';
export type { ResultOrder } from './client/results/output/live.ts';
export type { TextSink } from './client/results/output/sinks.ts';
export type { InteractiveOptions, ProgressEvent, ProgressOptions } from './client/results/progress.ts';
export type { WaitSets } from './client/results/task-group.ts';
export type { Targets } from './client/targets.ts';
export type { AdaptOptions } from './cluster/launchers/adaptive-policy.ts';
export type { LauncherChoice, LauncherOptions } from './cluster/launchers/by-kind.ts';
export type {
  AgentProgram,
  AgentShare,
  EndCause,
  EngineExit,
  EngineHandle,
  Launcher,
  LauncherJson,
  LaunchRequest,
  Placement,
  PlacementSite,
  PlacementState,
  StopOptions,
} from './cluster/launchers/launcher.ts';
export type { RestartOptions } from './cluster/launchers/restart-policy.ts';
export type { ListenOptions } from './cluster/network/listen-address.ts';
export type { Verdict, VitalsOptions } from './cluster/roster/vitals.ts';
export type { ClusterEvent, InspectOptions, StartOptions } from './cluster/start-options.ts';
export type { Dashboard, DashboardOptions } from './dashboard/dashboard.ts';
export type { EngineInfo, RemoteErrorInit } from './errors.ts';
export type { CardChoice, DeviceChoice, DeviceRequest } from './protocol/engine-options.ts';
export type { EngineStatus } from './protocol/messages/control.ts';
export type { DeviceReport, EngineRecord } from './protocol/messages/engine-record.ts';
export type { Fate } from './protocol/messages/fate.ts';
export type {
  GpuCard,
  HeldMemory,
  LabelTotals,
  RecentTasks,
  TaskAtWork,
  TaskFailure,
  TaskRecord,
} from './protocol/messages/monitoring.ts';
export type { EngineId, TaskId } from './protocol/messages.ts';
export type { EngineMemory, MimeBundle } from './protocol/methods.ts';
export type { Ref } from './protocol/values/ref.ts';
export type { WaitLimits } from './rpc/waiting.ts';
export type { TensorFunction, TensorLike, TensorOptions, TFLike, TFTensorLike } from './tensor/convert.ts';
export type { BigTypedArray, DType, TypedArray } from './tensor/dtype.ts';
export type { ElementFunction, Tolerance } from './tensor/elementwise.ts';
export type { Nested } from './tensor/nested.ts';
export type { Dist, Range } from './tensor/partition.ts';
export type { ProductDType } from './tensor/product-dtype.ts';
export type { ProductSizes, Transposes } from './tensor/product-shape.ts';
export type { Shape } from './tensor/shape.ts';
export type { PerAxis } from './tensor/strided.ts';
export type { TensorFactory } from './tensor/tensor.ts';
export type {
  BinaryOp,
  Padding,
  ReducingOp,
  Strides,
  TFInput,
  TFOps,
  TFTensor,
  TFTools,
  UnaryOp,
} from './tensor/tf-ops.ts';
export type { ModuleFunction } from './util/module-function.ts';
