// Cases 14 to 16 and 32 of the semantics page, and what "also worth having" says of px: what engines print, shown here.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import type { Metadata } from '../../../src/client/links/task.ts';
import { AlreadyDisplayedError, CompositeError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { rejects, throws } from '../assert.ts';
import { type Rig, sleep, until } from '../cluster.ts';
import { Recorded } from '../fake-tasks.ts';
import type { Suite } from '../suite.ts';

declare const engine: { readonly id: number; publish(data: unknown): void };

const say = (what: string) => console.log(what);

export function outputCases(test: Suite, rig: () => Rig): void {
  test('case 14: empty streams print nothing; 5555 on one target is exactly 5555 and a break', async () => {
    const [nothing, to] = [new Recorded(), new Recorded()];
    await rig()
      .v.apply(() => 1)
      .displayOutputs(nothing);
    assert.is(nothing.all, '');
    await rig().e0.execute('console.log(5555)').displayOutputs(to);
    assert.is(to.all, '5555\n');
  });

  test('case 15: what is printed before a failing statement is still shown, streamed and not', async () => {
    const code = 'console.log("before"); throw new RangeError("after")';
    for (const stream of [true, false]) {
      const to = new Recorded();
      const px = rig().rc.view([0, 1]).px.with({ stream, stdout: to.stdout, stderr: to.stderr });
      await rejects(
        () => px(code),
        CompositeError,
        stream ? /^2 errors$/ : /raised in: %px\n\[0:execute\]RangeError: after/,
      );
      const blocks = ['[stdout:0] \nbefore\n', '[stdout:1] \nbefore\n'];
      assert.equal(to.out.split(/(?=\[stdout)/).sort(), blocks);
    }
  });

  test('case 16: published data grows while the task runs and ends at the last value', async () => {
    const ar = rig().e0.apply(async () => {
      for (let i = 0; i < 5; i++) {
        engine.publish({ i });
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
    });
    const seen: unknown[] = [];
    while (!ar.ready) {
      const { i } = ar.data as { i?: number };
      if (i !== undefined && i !== seen.at(-1)) seen.push(i);
      await sleep(5);
    }
    assert.equal(ar.data, { i: 4 });
    assert.equal(seen, [...seen].sort());
    assert.ok(seen.length > 1, `seen while it ran: ${seen}`);
  });

  test('case 32: execute gives an AsyncResult; silent: no value; not silent: text/plain 5', async () => {
    const ar = rig().e0.execute('2 + 3', { silent: false });
    assert.is(inspect(ar), '<AsyncResult(execute): pending>');
    assert.is((await ar).executeResult?.['text/plain'], '5');
    assert.is((await rig().e0.execute('2 + 3')).executeResult, null);
  });

  test('executeResult is in the metadata as soon as the reply has arrived, also when nobody reads the value', async () => {
    const { rc, e0 } = rig();
    const ar = e0.execute('1+1', { silent: false });
    assert.is((ar.metadata as Metadata).executeResult, null);
    await ar.wait();
    assert.equal((ar.metadata as Metadata).executeResult, { 'text/plain': '2' });
    assert.equal(rc.metadata.get(ar.msgIds[0] as string)?.executeResult, { 'text/plain': '2' });
    const [silent, applied] = [e0.execute('1+1'), e0.apply(() => ({ data: { 'text/plain': '2' } }))];
    await Promise.all([silent, applied]);
    assert.is((silent.metadata as Metadata).executeResult, null);
    assert.is((applied.metadata as Metadata).executeResult, null);
  });

  test('output of many lines is streamed whole, in order and once', async () => {
    const to = new Recorded();
    const ar = rig().e0.execute('for (let i = 0; i < 5000; i++) console.log(i)');
    await ar.streamOutput(to);
    assert.is(to.out, Array.from({ length: 5000 }, (_, i) => `${i}\n`).join(''));
    const again = new Recorded();
    await ar.streamOutput(again);
    assert.is(again.out, to.out);
  });

  test('output is there while the task still runs', async () => {
    const ar = rig().e0.execute('console.log("soon"); await new Promise((go) => setTimeout(go, 2000))');
    while (ar.stdout === '' && !ar.ready) await sleep(5);
    assert.is(ar.ready, false);
    assert.is(ar.stdout, 'soon\n');
    await ar;
  });

  test('px: assignments, printing, values in order of arrival, errors', async () => {
    const to = new Recorded();
    const px = rig().rc.view([0, 1]).px.with({ stdout: to.stdout, stderr: to.stderr });
    await px`a = 5`;
    assert.is(to.all, '');
    await px`console.log(a)`;
    assert.equal(to.out.split(/(?=\[stdout)/).sort(), ['[stdout:0] \n5\n', '[stdout:1] \n5\n']);
    to.out = '';
    await px`a + ${1} + ${ref('a')}`;
    assert.equal(
      to.out
        .trim()
        .split('\n')
        .sort()
        .map((line) => line.replace(/:\d+\]/, ':n]')),
      ['Out[0:n]: 11', 'Out[1:n]: 11'],
    );
    const error = await rejects(() => px`null.x`, AlreadyDisplayedError, /^2 errors$/);
    assert.is(error.errors[0]?.ename, 'TypeError');
    assert.match(to.err, '[0:execute]:\nTypeError: Cannot read properties of null');
    assert.match(to.err, '[1:execute]:\n');
  });

  test('px: targets for one call do not stick; one target has no prefix', async () => {
    const to = new Recorded();
    const px = rig().v.px.with({ stdout: to.stdout, stderr: to.stderr });
    await px.with({ targets: 2 })`console.log(engine.id)`;
    assert.is(to.all, '2\n');
    const run = px`engine.id`;
    await run;
    assert.equal(
      run.result.tasks.map((task) => task.engine?.id),
      rig().rc.ids,
    );
  });

  test('px without streaming groups by type, engine and order', async () => {
    const { rc } = rig();
    const code = 'console.log("o"); console.error("e"); display(engine.id); if (engine.id === 1) display("second"); 7';
    const shown = async (groupOutputs: 'type' | 'engine' | 'order') => {
      const to = new Recorded();
      const px = rc.view([0, 1]).px.with({ stream: false, groupOutputs, stdout: to.stdout, stderr: to.stderr });
      await px(code);
      return to.all.replace(/:\d+\]: 7/g, ':n]: 7');
    };
    const [out, err] = [(i: number) => `[stdout:${i}] \no\n`, (i: number) => `[stderr:${i}] \ne\n`];
    const [o0, o1, second] = ['[output:0]\n0\n', '[output:1]\n1\n', "'second'\n"];
    const streams = out(0) + out(1) + err(0) + err(1);
    const values = 'Out[0:n]: 7\nOut[1:n]: 7\n';
    assert.is(await shown('type'), `${streams}${o0}${o1}${second}${values}`);
    assert.is(await shown('order'), `${streams}${o0}${o1}[output:1]\n${second}${values}`);
    assert.is(
      await shown('engine'),
      `${out(0)}${err(0)}${o0}Out[0:n]: 7\n${out(1)}${err(1)}${o1}${second}Out[1:n]: 7\n`,
    );
  });

  test('px: interrupt says so, ends endless loops, and the engines go on', async () => {
    const to = new Recorded();
    const { rc } = rig();
    const folder = mkdtempSync(join(tmpdir(), 'dv-px-'));
    const both = rc.view([0, 1]);
    await both.importModule('node:fs');
    await both.push({ folder });
    const px = both.px.with({ stdout: to.stdout, stderr: to.stderr });
    // Files tell that the loops have begun: text that is printed just before arrives only after them.
    const run = px`console.log("in"); fs.writeFileSync(folder + '/' + engine.id, ''); for (;;);`;
    await until('both have begun', () => readdirSync(folder).length === 2);
    rmSync(folder, { recursive: true });
    await run.interrupt();
    const error = await rejects(() => run, AlreadyDisplayedError, /^2 errors$/);
    assert.is(error.errors[0]?.ename, 'TaskInterrupted');
    assert.equal(to.out.split(/(?=\[stdout)/).sort(), ['[stdout:0] \nin\n', '[stdout:1] \nin\n']);
    assert.ok(to.err.startsWith('Received Keyboard Interrupt. Sending signal SIGINT to engines...\n'));
    assert.equal(await rc.view([0, 1]).apply(() => 1), [1, 1]);
  });

  test('px: a signal rejects the wait with AbortError and ends the loop; the result stays usable', async () => {
    const stop = new AbortController();
    const run = rig().e0.px.with({ signal: stop.signal })`for (;;);`;
    setTimeout(() => stop.abort(), 100);
    await rejects(() => run, Error, /aborted/);
    assert.is(await run.result.wait(10_000), true);
    assert.is(run.result.successful, false);
  });

  test('remote and parallel wrap functions', async () => {
    const { v, e0 } = rig();
    const double = (x: number) => 2 * x;
    assert.equal(await v.remote(double)(4), [8, 8, 8, 8]);
    assert.is(await e0.remote(double)(4), 8);
    const echo = v.parallel((part: number[]) => [part]);
    const called = echo([0, 1, 2, 3, 4]);
    assert.is(called.msgIds.length, 4);
    assert.equal(await called, [[0, 1], [2], [3], [4]]);
    const each = echo.map([0, 1, 2, 3, 4]);
    assert.is(each.msgIds.length, 4);
    assert.equal(await each, [[0], [1], [2], [3], [4]]);
    const dealt = v.parallel((part: number[]) => part.map((x) => 10 * x), { dist: 'r' });
    assert.equal(await dealt([0, 1, 2, 3, 4]), [0, 10, 20, 30, 40]);
    assert.equal(await dealt([]), []);
    throws(() => echo([1, 2], [1]), RangeError, /^all sequences must have equal length, but have \[2, 1\]$/);
  });

  test('importModule: a module on all engines under its name, an alias, or by its exports', async () => {
    const { v } = rig();
    await v.importModule('node:path');
    await v.importModule('node:os', { as: 'system' });
    await v.importModule('node:util', { names: ['inspect', 'format'] });
    assert.equal(await v.pull('path.join("a", "b")'), ['a/b', 'a/b', 'a/b', 'a/b']);
    assert.equal(await v.pull('typeof system.cpus + typeof format'), Array(4).fill('functionfunction'));
    await rejects(() => v.importModule('no-such-package-here'), CompositeError, /no-such-package-here/);
    throws(() => v.importModule('./steps.js'), TypeError, /import\.meta\.url/);
  });

  test('waitInteractive of a result, and of the client for all that is outstanding', async () => {
    const { v, rc } = rig();
    const to = new Recorded();
    const nap = () => new Promise((resolve) => setTimeout(resolve, 20));
    assert.is(await v.apply(nap).waitInteractive(to), true);
    assert.match(to.err, /^nap: 4\/4 \[00:00, [\d.]+ tasks\/s\]\n$/);
    v.apply(say, 'x');
    assert.is(await rc.waitInteractive(undefined, to), true);
    assert.equal([...rc.outstanding], []);
  });
}
