// The pieces that launchers share: a scheduler's command with its limits, and lines of JSON.
import * as assert from 'uvu/assert';
import { JsonLines } from '../../../../../src/cluster/launchers/systems/json-lines.ts';
import { schedulerCommand } from '../../../../../src/cluster/launchers/systems/scheduler-command.ts';
import { AbortError, ClusterError } from '../../../../../src/errors.ts';
import { rejects } from '../../../../support/assert.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('launchers/pieces');
const sh = (script: string) => ['sh', '-c', script];

test('a command that succeeds, fails, hangs, is missing, is aborted', async () => {
  assert.is(await schedulerCommand(['cat'], { input: 'text' }), 'text');
  await rejects(
    () => schedulerCommand(sh('echo no >&2; echo room >&2; exit 3')),
    ClusterError,
    /sh failed: no · room$/,
  );
  await rejects(
    () => schedulerCommand(sh('exec sleep 60'), { timeout: 50 }),
    ClusterError,
    /not answered within 50 ms/,
  );
  await rejects(() => schedulerCommand(['no-such-command']), ClusterError, /no-such-command is not installed/);
  const aborted = AbortSignal.abort();
  await rejects(() => schedulerCommand(['cat'], { signal: aborted }), AbortError);
  const later = new AbortController();
  const running = schedulerCommand(sh('exec sleep 60'), { signal: later.signal });
  later.abort();
  await rejects(() => running, AbortError);
});

test('a failed try is repeated as often as is wanted', async () => {
  await rejects(() => schedulerCommand(sh('exit 1'), { retries: 1 }), ClusterError, /exit code 1/);
});

test('lines of JSON in chunks of any size; other lines are told apart', () => {
  const text = '{"do":"exit","slot":3}\nnoise ü\n[1]\n{"do":"ready"}\n';
  for (const size of [1, 5, 1000]) {
    const seen: unknown[] = [];
    const lines = new JsonLines(
      (message) => seen.push(message),
      (line) => seen.push(line),
    );
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += size) lines.write(bytes.subarray(i, i + size));
    assert.equal(seen, [{ do: 'exit', slot: 3 }, 'noise ü', '[1]', { do: 'ready' }], String(size));
  }
});

test.run();
