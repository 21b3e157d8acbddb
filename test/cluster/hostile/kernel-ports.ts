// The ports of a notebook's kernel, which every user of this machine can connect to where Jupyter takes tcp.
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import * as assert from 'uvu/assert';
import { ClusterLab } from '../../fixtures/cluster-lab.ts';
import { greeting, head, push, READY } from '../../support/hostile/attack.ts';
import { LIMIT, MIB } from '../../support/hostile/target.ts';
import { JupyterFrontEnd } from '../../support/jupyter-front-end.ts';
import { suite } from '../../support/suite.ts';

const test = suite('hostile/kernel-ports');
const lab = new ClusterLab();
let front: JupyterFrontEnd;
let ports: number[];

test.before(async () => {
  ports = await freePorts(5);
  front = new JupyterFrontEnd(lab.root, ['-n', '1', '--device', 'none'], process.env, ports);
  await front.ready();
});
test.after(() => {
  front.close();
  lab.remove();
});

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((one) => new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))));
  const found = servers.map((one) => (one.address() as AddressInfo).port);
  await Promise.all(servers.map((one) => new Promise((resolve) => one.close(resolve))));
  return found;
}

function residentBytes(): number {
  const [, pages] = readFileSync(`/proc/${front.kernel.pid}/statm`, 'utf8').split(' ');
  return Number(pages) * 4096;
}

const isOk = async (code: string) => (await front.execute(code)).reply.content['status'] === 'ok';

test('parts of 1 GB at all ports: cut before they fill the kernel, which works meanwhile', async () => {
  assert.ok(await isOk('await view.apply(() => 1)'));
  const first = Buffer.concat([greeting('NULL'), READY, head(2, 2n ** 30n)]);
  const before = residentBytes();
  let most = before;
  let isOver = false;
  const pushing = Promise.all(ports.map((port) => push(`tcp://127.0.0.1:${port}`, first))).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    assert.ok(await isOk('await view.apply(() => 1)'));
    most = Math.max(most, residentBytes());
  }
  for (const { cuts } of await pushing) assert.ok(cuts > 0, 'the peer is cut');
  assert.ok(most - before < 2 * LIMIT, `${Math.round((most - before) / MIB)} MiB more`);
});

test('garbage, when nobody reads the log any more, leaves the kernel in order', async () => {
  front.kernel.stderr?.destroy();
  const frames = front.framesOf('execute_request', { code: '1' });
  await front.sendRaw(frames.map((frame, i) => (i === 1 ? Buffer.from('00') : frame)));
  await front.sendRaw([Buffer.from('garbage')]);
  assert.ok(await isOk('1'));
});

test.run();
