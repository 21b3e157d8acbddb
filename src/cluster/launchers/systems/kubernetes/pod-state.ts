import { constants } from 'node:os';
import type { EndCause, Placement } from '../../launcher.ts';
import { INDEX_LABEL } from './manifest.ts';

interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly exitCode?: number; readonly reason?: string; readonly message?: string };
}

/** The fields of a pod, or of a job, that tell its state. */
export interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: { readonly nodeName?: string; readonly suspend?: boolean };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly { readonly state?: ContainerState }[];
  };
}

/** The place of a pod in its job; undefined for other objects. */
export function indexOf({ metadata }: KubernetesObject): number | undefined {
  const text = metadata?.labels?.[INDEX_LABEL];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The pod as the state of a placement. A pod that runs is `starting` until its agent says that it runs. */
export function placementOf(pod: KubernetesObject, slots: readonly number[]): Placement {
  const { phase } = pod.status ?? {};
  const where = { host: pod.spec?.nodeName, job: pod.metadata?.name };
  if (phase === 'Succeeded' || phase === 'Failed') return { slots, state: 'ended', where, ...endOf(pod) };
  if (phase === 'Running') return { slots, state: 'starting', where };
  const why = waitText(pod);
  return why === undefined ? { slots, state: 'starting', where } : { slots, state: 'queued', where, why };
}

/** Waiting reasons of a pod that has its node and goes its way. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);

function waitText({ status, spec }: KubernetesObject): string | undefined {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting;
  if (waiting?.reason !== undefined && !STARTING.has(waiting.reason)) return words(waiting.reason, waiting.message);
  if (spec?.nodeName !== undefined) return undefined;
  const unscheduled = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  return words(unscheduled?.reason ?? 'waits to be scheduled', unscheduled?.message);
}

/** Ends that the system has caused, by the reason of the pod or of its container. */
const SYSTEM_ENDS: readonly string[] = ['Evicted', 'Preempting', 'OOMKilled', 'DeadlineExceeded', 'Terminated'];
const NODE_ENDS: readonly string[] = [
  'NodeLost',
  'NodeShutdown',
  'NodeAffinity',
  'Shutdown',
  'UnexpectedAdmissionError',
];

function endOf({ status, metadata }: KubernetesObject): { readonly cause: EndCause; readonly why: string } {
  const ended = status?.containerStatuses?.[0]?.state?.terminated;
  const reason = status?.reason ?? ended?.reason ?? 'no reason';
  const name = `pod ${metadata?.name}`;
  if (NODE_ENDS.includes(reason))
    return { cause: 'node', why: `lost its host: ${name}, ${words(reason, status?.message)}` };
  if (SYSTEM_ENDS.includes(reason))
    return { cause: 'system', why: `was ended by Kubernetes: ${name}, ${words(reason, status?.message)}` };
  const how = ended?.exitCode === undefined ? reason : exitText(ended.exitCode);
  return { cause: 'exit', why: `ended with its ${name} (${how})${ended?.message ? `: ${ended.message.trim()}` : ''}` };
}

// A container runtime tells signals as 128 and their number.
function exitText(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal === undefined ? `exit code ${code}` : signal;
}

const MAX_WORDS = 300;

const words = (reason: string, message: string | undefined): string =>
  (message ? `${reason}: ${message}` : reason).replace(/\s+/g, ' ').slice(0, MAX_WORDS);

/** Why a job has no pods, or will have none: it is suspended by a queue, or has failed. */
export function jobText({
  spec,
  status,
}: KubernetesObject): { readonly state: 'queued' | 'ended'; readonly why: string } | undefined {
  const failed = status?.conditions?.find(({ type, status: is }) => type === 'Failed' && is === 'True');
  if (failed !== undefined)
    return { state: 'ended', why: `lost its job: ${words(failed.reason ?? 'Failed', failed.message)}` };
  return spec?.suspend === true
    ? { state: 'queued', why: 'its job is suspended, until its queue admits it' }
    : undefined;
}
