import {
  type Check,
  checkOptions,
  count,
  isPlainObject,
  must,
  type Rules,
  TEXTS,
  WORD,
} from '../../../../util/checks.ts';
import { POLL } from '../polling.ts';

/** The options of `{ kind: 'kubernetes' }`. */
export interface KubernetesOptions {
  /** The image of the engines, with node and this package. */
  readonly image: string;
  /** Default: that of kubectl's context. */
  readonly namespace?: string | undefined;
  /** The context of kubectl's configuration; default: its current one. */
  readonly context?: string | undefined;
  /** The program; default `kubectl`. */
  readonly kubectl?: string | undefined;
  /** Further arguments before each of its verbs, as `['--kubeconfig=/path']`. */
  readonly arguments?: readonly string[] | undefined;
  /** Engines of one pod; default 1. */
  readonly perAgent?: number | undefined;
  /** Cards per engine; default 1, and 0 where engines compute on the processor. */
  readonly gpus?: number | undefined;
  /** The name of the resource that is a card; default `nvidia.com/gpu`. */
  readonly gpuResource?: string | undefined;
  /** Processors per engine, as a request without a limit; default: the engine's threads. */
  readonly cpus?: number | undefined;
  /** Memory of each pod, as `8Gi`. */
  readonly memory?: string | undefined;
  /** The program `node` in the image; default `node`. */
  readonly node?: string | undefined;
  /** The folder of this package in the image; default: the same path as here. */
  readonly path?: string | undefined;
  /** The queue of Kueue (label `kueue.x-k8s.io/queue-name`), which admits all pods at once. */
  readonly queue?: string | undefined;
  /** Fields of the pods' spec, beside and in place of ours: `{ nodeSelector: { gpu: 'h100' } }`. */
  readonly podSpec?: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds between two questions; default 2000. */
  readonly poll?: number | undefined;
}

const matches = (wants: string, pattern: RegExp): Check =>
  must(wants, (value) => typeof value === 'string' && pattern.test(value));
/** The names of objects, as Kubernetes wants them. */
const NAME: Check = matches("a name of lower-case letters, digits, '-' and '.'", /^[a-z0-9][a-z0-9.-]{0,252}$/);

const RULES: Rules<KubernetesOptions> = {
  image: matches('the name of an image', /^[\w][\w./:@-]*$/),
  namespace: NAME,
  context: matches('the name of a context', /^[\w][\w.:@/+-]*$/),
  kubectl: WORD,
  arguments: TEXTS,
  perAgent: count(1),
  gpus: count(),
  gpuResource: matches('the name of a resource such as nvidia.com/gpu', /^[\w.-]+\/[\w.-]+$/),
  cpus: count(1),
  memory: matches('an amount such as 8Gi', /^\d+(\.\d+)?([EPTGMk]i?|m)?$/),
  node: WORD,
  path: WORD,
  queue: NAME,
  podSpec: must('an object such as { nodeSelector: { gpu: "h100" } }', isPlainObject),
  poll: POLL,
};

/** @throws TypeError, RangeError for an unknown option, a wrong value, or no image */
export function checkKubernetes(given: Readonly<Record<string, unknown>>): KubernetesOptions {
  const options = checkOptions(given as KubernetesOptions & object, RULES, "launcher 'kubernetes'");
  if (options.image !== undefined) return options;
  throw new TypeError(
    "launcher 'kubernetes': say which image has the engines, as { image: 'registry.example/engines:1' }",
  );
}
