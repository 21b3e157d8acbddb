// Rows 10 to 13: a client, or the controller, ends; old messages meet a new engine.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import { EngineError } from '../../../src/errors.ts';
import { encodeBody } from '../../../src/protocol/codec.ts';
import { decodeHeader, encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { ReplyMessage } from '../../../src/protocol/messages.ts';
import { ClusterLab, Program } from '../../fixtures/cluster-lab.ts';
import { isAlive, until, untilRunning } from '../cluster.ts';
import { Mailbox } from '../links.ts';
import { held } from './held.ts';
import type { FaultRow, Seen } from './row.ts';
import { MIB, mark, marks, nap, timed, withScene } from './scene.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}.js`, import.meta.url));

async function inTransfer(): Promise<Seen> {
  return withScene(1, async ({ cluster, rc, killer }) => {
    const e0 = rc.view(0);
    const before = await e0.apply(held);
    const env = { ...process.env, DIRECTVIEW_FAULT: 'link.chunkOut:kill/6' };
    const child = fork(fixture('pushing-client'), [cluster.file], { env, silent: true });
    assert.equal(await once(child, 'exit'), [null, 'SIGKILL']);
    const since = performance.now();
    for (let bytes = Number.POSITIVE_INFINITY; bytes > before + 4 * MIB; ) bytes = await e0.apply(held);
    const detected = performance.now() - since;
    assert.is(await e0.pull('typeof half'), 'undefined', 'a name appears with its last chunk');
    assert.is(killer.gone.size, 0);
    await cluster.add(1);
    return { detected, note: '64 MiB under way' };
  });
}

async function pending(): Promise<Seen> {
  return withScene(1, async ({ cluster, rc, killer }) => {
    const child = fork(fixture('vanishing-client'), [cluster.file], { silent: true });
    await once(child, 'message');
    const { uuid } = rc.engine(0) as { uuid: string };
    const ours = rc.view(0).apply(() => 5);
    const since = performance.now();
    child.kill('SIGKILL');
    const { ms, end } = await timed(ours.get(), since);
    assert.is(end, 5, 'the endless task was ended, the one behind it dropped');
    assert.is(rc.engine(0)?.uuid, uuid);
    assert.is(killer.gone.size, 0);
    return { detected: ms };
  });
}

async function controllerDies(): Promise<Seen> {
  const before = { ...process.env };
  const lab = new ClusterLab();
  const host = new Program('src/cli/main.js', ['start', '--name', 'host', '-n', '2', '--device', 'cpu']);
  try {
    await host.says(/directview/);
    const rc = await Client.connect(join(lab.home, 'host.json'));
    const pids = rc.engines.map(({ pid }) => pid);
    const call = rc.view(0).apply(nap);
    await untilRunning(rc, [0]);
    const since = performance.now();
    host.child.kill('SIGKILL');
    const { ms, end } = await timed(call.get(), since);
    assert.instance(end, EngineError);
    await until('the client to know', () => rc.ids.length === 0);
    assert.match(
      String(
        (
          await timed(
            rc
              .view('all')
              .apply(() => 5)
              .get(),
          )
        ).end,
      ),
      /cluster is gone/,
    );
    await until('the engines to end', () => !pids.some(isAlive));
    await rc.close();
    return { detected: ms };
  } finally {
    host.child.kill('SIGKILL');
    await host.done;
    lab.remove();
    for (const name of ['XDG_RUNTIME_DIR', 'DIRECTVIEW_HOME'] as const) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

async function oldQueue(): Promise<Seen> {
  return withScene(2, async ({ cluster, rc }) => {
    const old = rc.engine(1)?.uuid as string;
    await rc.view(1).apply(mark, 1);
    await rc.restart(1);
    const box = new Mailbox();
    const link = clusterTransport({ credentials: cluster.info.credentials }).connect(
      rc.engine(1)?.tasks as string,
      box,
      'tasks',
    );
    const ghost = { type: 'task', id: 'ghost:0', to: old, method: 'apply', label: 'apply' } as const;
    const since = performance.now();
    for (const id of ['ghost:0', 'ghost:0', 'ghost:1'])
      void link.send(encodeMessage({ ...ghost, id }, encodeBody({ fn: mark, args: [7] })));
    const replies = (await box.until(3)).map((parts) => decodeHeader(parts) as ReplyMessage);
    const detected = performance.now() - since;
    assert.equal(
      replies.map(({ status }) => status),
      ['refused', 'refused', 'refused'],
    );
    assert.match(replies[0]?.error?.message ?? '', new RegExp(`incarnation ${old}`));
    assert.equal(await rc.view(1).apply(marks), [], 'no ghost ran');
    await link.close();
    return { detected };
  });
}

/** Rows 10 to 13. */
export const CLIENT_ROWS: readonly FaultRow[] = [
  {
    number: 10,
    fault: 'SIGKILL of a client in a push of 64 MiB, before chunk 6',
    expected: 'the half transfer is dropped and its memory given back; engine and controller go on',
    run: inTransfer,
  },
  {
    number: 11,
    fault: 'SIGKILL of a client with an endless task and one behind it',
    expected: 'the first is ended, the other never runs; the engine stays',
    run: pending,
  },
  {
    number: 12,
    fault: 'SIGKILL of the controller (directview start)',
    expected: 'calls that wait, and later ones, fail; ids are empty; the engines end',
    run: controllerDies,
  },
  {
    number: 13,
    fault: 'messages for an old incarnation reach the engine that took its place, twice',
    expected: 'refused, naming both; nothing runs',
    run: oldQueue,
  },
];
