import type { LaunchRequest } from '../../launcher.ts';
import { farProgram } from '../far-program.ts';
import type { KubernetesOptions } from './kubernetes-options.ts';

/** Names one launch on all of its objects. */
export const LAUNCH_LABEL = 'directview/launch';
/** The label of a pod with its place in the job. */
export const INDEX_LABEL = 'batch.kubernetes.io/job-completion-index';

/** One launch, as objects of Kubernetes. */
export interface KubernetesLaunch {
  readonly name: string;
  readonly options: KubernetesOptions;
  readonly request: Pick<LaunchRequest, 'slots' | 'gpusPerEngine' | 'cpusPerEngine'>;
  /** The command of an agent here. */
  readonly command: readonly string[];
  /** The agents' options, with keys. */
  readonly line: string;
}

/** Where pods find the agents' options. */
const SECRET_FOLDER = '/run/directview';
const FILE = 'options.json';
const SHM = '/dev/shm';
/** Seconds between the request to end and the kill. */
const GRACE_S = 15;
/**
 * Files of a Secret are links that belong to root: an agent reads private files of its own user only. Nothing of the
 * user's stands in this text.
 */
const COPY = 'umask 077; cat "$1" > "$2"; o=$2; shift 2; exec "$@" --options-file "$o"';

/** How many pods a launch has. */
export const podsOf = ({ options: { perAgent = 1 }, request }: Pick<KubernetesLaunch, 'options' | 'request'>): number =>
  Math.ceil(request.slots.length / perAgent);

/** A name for the objects of a launch: lower-case letters, digits and `-`, short enough for the names of pods. */
export function launchName(cluster: string, unique: string): string {
  const plain = cluster
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 30);
  return `dv-${plain === '' ? 'cluster' : plain}-${unique}`.replace(/-+/g, '-');
}

/** The objects of a launch: a Secret with the options, a headless Service for the names of pods, and an Indexed Job. */
export function manifest(launch: KubernetesLaunch): object {
  const { name, options, line } = launch;
  const labels = { 'app.kubernetes.io/name': 'directview', [LAUNCH_LABEL]: name };
  const queue = options.queue === undefined ? {} : { 'kueue.x-k8s.io/queue-name': options.queue };
  const metadata = { name, labels };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: { [FILE]: base64(line) } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: { [LAUNCH_LABEL]: name } },
      },
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name, labels: { ...labels, ...queue } },
        spec: job(launch, labels),
      },
    ],
  };
}

const base64 = (text: string): string => Buffer.from(`${text}\n`).toString('base64');

// One engine's end must not end the others, and a pod that has ended is not replaced: its slots would have two agents.
function job(launch: KubernetesLaunch, labels: Readonly<Record<string, string>>): object {
  const count = podsOf(launch);
  return {
    completionMode: 'Indexed',
    completions: count,
    parallelism: count,
    backoffLimitPerIndex: 0,
    maxFailedIndexes: count,
    podReplacementPolicy: 'Failed',
    ttlSecondsAfterFinished: 300,
    template: { metadata: { labels }, spec: pod(launch) },
  };
}

function pod({ name, options, request, command }: KubernetesLaunch): object {
  const { perAgent = 1, node = 'node', path, podSpec = {} } = options;
  const agent = farProgram(command, { node, path });
  return {
    subdomain: name,
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: GRACE_S,
    automountServiceAccountToken: false,
    ...podSpec,
    containers: [
      {
        name: 'agent',
        image: options.image,
        command: ['/bin/sh', '-c', COPY, 'agent', `${SECRET_FOLDER}/${FILE}`, `${SHM}/directview-options`, ...agent],
        resources: resources(options, request, perAgent),
        volumeMounts: [
          { name: 'directview', mountPath: SECRET_FOLDER, readOnly: true },
          { name: 'shm', mountPath: SHM },
        ],
      },
    ],
    volumes: [
      { name: 'directview', secret: { secretName: name } },
      { name: 'shm', emptyDir: { medium: 'Memory' } },
      ...(Array.isArray(podSpec['volumes']) ? (podSpec['volumes'] as object[]) : []),
    ],
  };
}

function resources(options: KubernetesOptions, request: KubernetesLaunch['request'], perAgent: number): object {
  const {
    gpus = request.gpusPerEngine,
    cpus = request.cpusPerEngine,
    memory,
    gpuResource = 'nvidia.com/gpu',
  } = options;
  const card = gpus === 0 ? {} : { [gpuResource]: gpus * perAgent };
  const room = memory === undefined ? {} : { memory };
  return { requests: { cpu: cpus * perAgent, ...room }, limits: { ...card, ...room } };
}
