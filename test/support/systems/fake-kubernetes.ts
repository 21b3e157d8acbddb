// An API server of Kubernetes, small enough for tests: Secrets, Services, and Indexed Jobs whose pods are processes of this host.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An object, as far as it is read here. */
interface Kept {
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; [field: string]: unknown };
  // biome-ignore lint/suspicious/noExplicitAny: the fields of every kind
  spec?: any;
  // biome-ignore lint/suspicious/noExplicitAny: the fields of every kind
  status?: any;
  data?: Record<string, string>;
}

const KINDS = { secrets: 'Secret', services: 'Service', pods: 'Pod', jobs: 'Job' } as const;
type Kind = keyof typeof KINDS;
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'watch'];
const PATH = /^\/(?:api\/v1|apis\/batch\/v1)\/namespaces\/([^/]+)\/(secrets|services|jobs|pods)(?:\/([^/]+))?$/;

/** The server, at a port of 127.0.0.1. */
export class FakeKubernetes {
  /** The path of a configuration for kubectl. */
  readonly config: string;
  /** Requests, as `POST /api/v1/…`. */
  readonly requests: string[] = [];
  /** How many pods have a card: others wait to be scheduled. */
  cards: number;
  readonly #dir = mkdtempSync(join(tmpdir(), 'dv-k8s-'));
  readonly #server: Server;
  readonly #objects = new Map<Kind, Map<string, Kept>>();
  readonly #children = new Map<string, ChildProcess>();
  #version = 1;

  private constructor(cards: number) {
    this.cards = cards;
    this.config = join(this.#dir, 'config');
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => status(response, 500, 'InternalError', error.message));
    });
    for (const kind of Object.keys(KINDS) as Kind[]) this.#objects.set(kind, new Map());
  }

  static async open(cards: number): Promise<FakeKubernetes> {
    const api = new FakeKubernetes(cards);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    const { port } = api.#server.address() as AddressInfo;
    const cluster = { name: 'fake', cluster: { server: `http://127.0.0.1:${port}` } };
    const context = { name: 'fake', context: { cluster: 'fake', user: 'none' } };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [cluster],
      contexts: [context],
      'current-context': 'fake',
    };
    writeFileSync(api.config, JSON.stringify({ ...config, users: [{ name: 'none', user: {} }] }));
    return api;
  }

  /** All objects of that kind. */
  all(kind: Kind): Kept[] {
    return [...(this.#objects.get(kind)?.values() ?? [])];
  }

  /** Kills the process of a pod, as a node that runs out of memory does. */
  killPod(name: string): void {
    this.#children.get(name)?.kill('SIGKILL');
  }

  async close(): Promise<void> {
    await Promise.all(this.all('pods').map((pod) => this.#stopPod(pod)));
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    this.requests.push(`${request.method} ${url.pathname}`);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const found = discovery(url.pathname);
    if (found !== undefined) return json(response, found);
    const [, , kind, name] = PATH.exec(url.pathname) ?? [];
    if (kind === undefined) return status(response, 404, 'NotFound', `the server has nothing at ${url.pathname}`);
    if (request.method === 'POST') return this.#create(kind as Kind, JSON.parse(body) as Kept, response);
    const wanted = this.#wanted(kind as Kind, name, url.searchParams.get('labelSelector') ?? '');
    if (name !== undefined && wanted.length === 0)
      return status(response, 404, 'NotFound', `${kind} "${name}" not found`);
    if (request.method === 'DELETE') await this.#delete(kind as Kind, wanted);
    if (request.method === 'DELETE') return json(response, { kind: 'Status', apiVersion: 'v1', status: 'Success' });
    const version = String(this.#version);
    const all = { kind: `${KINDS[kind as Kind]}List`, metadata: { resourceVersion: version }, items: wanted };
    json(response, name === undefined ? { apiVersion: groupOf(kind as Kind), ...all } : (wanted[0] as Kept));
  }

  #wanted(kind: Kind, name: string | undefined, selector: string): Kept[] {
    const named = this.all(kind).filter((object) => name === undefined || object.metadata.name === name);
    return named.filter(({ metadata }) => isSelected(metadata.labels ?? {}, selector));
  }

  #create(kind: Kind, object: Kept, response: ServerResponse): void {
    const { name } = object.metadata;
    if (this.#objects.get(kind)?.has(name)) {
      status(response, 409, 'AlreadyExists', `${kind} "${name}" already exists`);
      return;
    }
    Object.assign(object.metadata, {
      namespace: 'default',
      uid: randomUUID(),
      resourceVersion: String(++this.#version),
    });
    this.#objects.get(kind)?.set(name, object);
    if (kind === 'jobs') for (let i = 0; i < object.spec.completions; i++) this.#newPod(object, i);
    json(response, object, 201);
  }

  #newPod(job: Kept, index: number): void {
    const name = `${job.metadata.name}-${index}-${randomUUID().slice(0, 5)}`;
    const { metadata, spec } = structuredClone(job.spec.template);
    const labels = {
      ...metadata.labels,
      'batch.kubernetes.io/job-name': job.metadata.name,
      'batch.kubernetes.io/job-completion-index': String(index),
    };
    const pod: Kept = {
      kind: 'Pod',
      metadata: { name, namespace: 'default', uid: randomUUID(), labels },
      spec,
      status: { phase: 'Pending' },
    };
    Object.assign(pod, { apiVersion: 'v1' });
    this.#objects.get('pods')?.set(name, pod);
    this.#schedule();
  }

  /** Gives cards that are free to pods that wait. */
  #schedule(): void {
    const needs = ({ spec }: Kept) => Number(spec.containers[0].resources?.limits?.['nvidia.com/gpu'] ?? 0);
    const pods = this.all('pods');
    let free = this.cards;
    for (const pod of pods) if (this.#children.has(pod.metadata.name)) free -= needs(pod);
    for (const pod of pods.filter(({ status: { phase } }) => phase === 'Pending')) {
      if (needs(pod) <= free) {
        free -= needs(pod);
        this.#run(pod);
      } else {
        const message = '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.';
        pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
      }
    }
  }

  #run(pod: Kept): void {
    const { name, labels } = pod.metadata;
    const folder = join(this.#dir, name);
    const [container] = pod.spec.containers;
    const argv = this.#mounted(pod, folder, container) as [string, ...string[]];
    const index = labels?.['batch.kubernetes.io/job-completion-index'] ?? '';
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], JOB_COMPLETION_INDEX: index };
    const child = spawn(argv[0], argv.slice(1), { stdio: 'ignore', env });
    this.#children.set(name, child);
    pod.spec.nodeName = 'fake';
    pod.status = { phase: 'Running', podIP: '127.0.0.1', hostIP: '127.0.0.1' };
    child.once('exit', (code, signal) => {
      this.#children.delete(name);
      const exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
      const terminated = { exitCode, reason: code === 0 ? 'Completed' : 'Error' };
      pod.status = { ...pod.status, phase: code === 0 ? 'Succeeded' : 'Failed' };
      pod.status.containerStatuses = [{ name: container.name, state: { terminated } }];
      rmSync(folder, { recursive: true, force: true });
      this.#schedule();
    });
  }

  // A pod has files of its own: here a folder stands for each mount, and files of Secrets are links, as kubelet makes them.
  #mounted(
    pod: Kept,
    folder: string,
    container: { command: string[]; volumeMounts: { name: string; mountPath: string }[] },
  ) {
    let { command } = container;
    for (const { name, mountPath } of container.volumeMounts) {
      const place = join(folder, name);
      mkdirSync(join(place, '..data'), { recursive: true });
      const volume = pod.spec.volumes.find((one: { name: string }) => one.name === name);
      const data = this.#objects.get('secrets')?.get(volume.secret?.secretName)?.data ?? {};
      for (const [file, text] of Object.entries(data)) {
        writeFileSync(join(place, '..data', file), Buffer.from(text, 'base64'), { mode: 0o644 });
        symlinkSync(join('..data', file), join(place, file));
      }
      command = command.map((word) => (word.startsWith(`${mountPath}/`) ? word.replace(mountPath, place) : word));
    }
    return command;
  }

  async #stopPod(pod: Kept): Promise<void> {
    const { name } = pod.metadata;
    const child = this.#children.get(name);
    if (child !== undefined) {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
      await exit;
      clearTimeout(timer);
    }
    this.#objects.get('pods')?.delete(name);
  }

  async #delete(kind: Kind, objects: readonly Kept[]): Promise<void> {
    for (const object of objects) {
      const { name } = object.metadata;
      if (kind !== 'pods') this.#objects.get(kind)?.delete(name);
      const pods = this.all('pods').filter(
        ({ metadata }) => metadata.labels?.['batch.kubernetes.io/job-name'] === name,
      );
      // The answer does not wait for the processes.
      for (const pod of kind === 'pods' ? [object] : kind === 'jobs' ? pods : []) void this.#stopPod(pod);
    }
  }
}

const groupOf = (kind: Kind): string => (kind === 'jobs' ? 'batch/v1' : 'v1');

function isSelected(labels: Readonly<Record<string, string>>, selector: string): boolean {
  const terms = selector.match(/[^,()]+(\([^)]*\))?/g) ?? [];
  return terms.every((term) => {
    const [, name = '', list, value = ''] = /^([\w./-]+)(?: in \(([^)]*)\)|=+(.*))$/.exec(term.trim()) ?? [];
    return (list?.split(',') ?? [value]).includes(labels[name] ?? '');
  });
}

function discovery(path: string): object | undefined {
  const resource = (name: Kind) => {
    const kind = KINDS[name];
    return { name, singularName: kind.toLowerCase(), namespaced: true, kind, verbs: VERBS };
  };
  const batch = { groupVersion: 'batch/v1', version: 'v1' };
  const answers: Readonly<Record<string, object>> = {
    '/version': { major: '1', minor: '30', gitVersion: 'v1.30.0-fake' },
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: [{ name: 'batch', versions: [batch], preferredVersion: batch }],
    },
    '/api/v1': {
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: (['secrets', 'services', 'pods'] as const).map(resource),
    },
    '/apis/batch/v1': { kind: 'APIResourceList', groupVersion: 'batch/v1', resources: [resource('jobs')] },
  };
  return answers[path];
}

function json(response: ServerResponse, value: object, code = 200): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function status(response: ServerResponse, code: number, reason: string, message: string): void {
  json(response, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code }, code);
}
