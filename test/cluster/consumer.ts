// The package as its users meet it: the first program of the README, and declarations that a strict project can name.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { rejects } from '../support/assert.ts';
import { type Consumer, consumer } from '../support/consumer.ts';
import { suite } from '../support/suite.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const test = suite('consumer');

/** The first program of the README, as printed. */
function firstProgram(): string {
  const blocks = [...readFileSync(`${ROOT}README.md`, 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(
    (m) => m[1] as string,
  );
  const found = blocks.find((code) => code.includes(`from 'directview'`));
  if (found === undefined) throw new Error('the README has no program in a ```js block');
  return found;
}

/** The lines that its comments promise. */
function promised(program: string): string[] {
  return [...program.matchAll(/^console\.log\(.*\); *\/\/ (.*)$/gm)].map((match) => match[1] as string);
}

// A user's function that hands options and results on must be able to say their types.
const NAMES = `
import {
  Client, Cluster, type AsyncResult, type BalancedOptions, type CallOptions, type ClientEvent, type ClusterEvent,
  type ClusterInfo, type ConnectOptions, type DirectView, type Dist, type EngineId, type ExecuteReply, type Job,
  type LoadBalancedView, type Nested, type PerTarget, type Ref, type RemoteArgs, type RemoteFunction, type Shape,
  type StartOptions, type Targets, type Task, type TaskId, Tensor, type TensorLike, type TypedArray, type WaitSets, ref,
} from 'directview';

export async function start(options: StartOptions, seen: (event: ClusterEvent) => void): Promise<Cluster> {
  return Cluster.start({ ...options, onEvent: seen });
}
export async function connect(info: ClusterInfo, options: ConnectOptions): Promise<Client> {
  return Client.connect(info, options);
}
export async function everywhere<A extends unknown[], R>(
  view: DirectView<'many'>, fn: RemoteFunction<A, R>, args: RemoteArgs<A>,
): Promise<Awaited<R>[]> {
  return view.apply(fn, ...args);
}
export function pick(rc: Client, targets: Targets, options: BalancedOptions): LoadBalancedView {
  return rc.loadBalanced(targets, options);
}
export const device: NonNullable<StartOptions['device']> = 'cpu';
export const slowest = (result: AsyncResult<unknown>): Task | undefined => result.tasks.at(-1);
export const ids = (tasks: readonly Task[]): TaskId[] => tasks.map((task) => task.id);
export const rows = ({ shape }: Tensor): Shape => shape;
export const bytes = (data: TypedArray): number => data.byteLength;
export const name: Ref = ref('a');
export type Rest = [CallOptions, ClientEvent, Dist, EngineId, ExecuteReply, Job, Nested, PerTarget<'one', 1>, TensorLike, WaitSets];
`;

let project: Consumer;
let errors: readonly string[];
test.before(() => {
  project = consumer();
  project.write('first.mjs', firstProgram());
  project.write('first.ts', firstProgram());
  project.write('names.ts', NAMES);
  project.write('wrong.ts', `import { range } from 'directview';\nexport const text: string = range(3);\n`);
  errors = project.typeErrors().split('\n');
});
test.after(() => project.remove());
const errorsIn = (path: string) => errors.filter((line) => line.startsWith(path));

test("the README's first program prints what its comments say, on plain Node", async () => {
  const expected = promised(firstProgram());
  assert.ok(expected.length >= 4);
  const env = { ...process.env, DIRECTVIEW_HOME: join(project.folder, 'home') };
  const { stdout } = await promisify(execFile)(process.execPath, ['first.mjs'], { cwd: project.folder, env });
  assert.equal(stdout.trim().split('\n'), expected);
});

test('the same program is strict TypeScript', () => assert.equal(errorsIn('first.ts'), []));

test('a strict project can name the types of options and results', () => assert.equal(errorsIn('names.ts'), []));

// Declarations of packages that we depend on have errors of their own, such as types of browsers.
test('the declarations of the package have no errors, also without skipLibCheck', () => {
  assert.equal(errorsIn('node_modules/directview'), []);
});

test('directview setup tensorflow runs its script in the package, and says what is missing', async () => {
  const main = 'node_modules/directview/dist/src/cli/main.js';
  const run = promisify(execFile)(process.execPath, [main, 'setup', 'tensorflow'], { cwd: project.folder });
  const error = await rejects(() => run, Error);
  const { code, stderr } = error as Error & { readonly code: number; readonly stderr: string };
  assert.is(code, 1);
  assert.match(stderr, /setup-tensorflow: @tensorflow\/tfjs-node is not installed: npm install --ignore-scripts/);
});

test('catches: a wrong type', () => assert.is(errorsIn('wrong.ts').length, 1));

test.run();
