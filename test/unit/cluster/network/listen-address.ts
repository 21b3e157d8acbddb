// Where clusters and engines listen: addresses, interfaces, ranges of ports.
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import * as assert from 'uvu/assert';
import { engineAddress } from '../../../../src/cluster/network/engine-address.ts';
import { addressOfInterface } from '../../../../src/cluster/network/interfaces.ts';
import { checkListen, inUrl, listenScheme } from '../../../../src/cluster/network/listen-address.ts';
import { reach } from '../../../../src/comm/zeromq/reach.ts';
import { zeromqTransport } from '../../../../src/comm/zeromq.ts';
import { ClusterError, ConnectionError } from '../../../../src/errors.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cluster/listen-address');
const loopback =
  Object.entries(networkInterfaces()).find(([, list]) => list?.[0]?.address === '127.0.0.1')?.[0] ?? 'lo';

/** A port of loopback that is in use. */
async function taken(run: (port: number) => Promise<void>): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run((server.address() as { port: number }).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test('an interface stands for its address, with or without ports', () => {
  assert.is(addressOfInterface(loopback), '127.0.0.1');
  assert.is(listenScheme({ interface: loopback }), 'tcp://127.0.0.1:*');
  assert.is(listenScheme({ interface: loopback, ports: [7000, 7001] }), 'tcp://127.0.0.1:7000-7001');
  assert.is(inUrl('fd00::5'), '[fd00::5]');
});

test('an interface that is not there: the error names those that are', () => {
  assert.throws(
    () => listenScheme({ interface: 'eth99' }),
    (error: Error) => error instanceof ClusterError && /'eth99'.*127\.0\.0\.1 \(/.test(error.message),
  );
});

for (const wrong of [
  { interface: 5 },
  { interface: '' },
  { interface: null },
  { interface: 'lo', address: 'tcp://127.0.0.1' },
  { interface: 'lo', ports: [2, 1] },
  { ports: [1, 2] },
  { address: 'tcp://0.0.0.0' },
])
  test(`listen refuses ${JSON.stringify(wrong)}`, () => assert.throws(() => checkListen(wrong, 'listen', 'start')));

test('a range without a free port, and an address of another machine, say so', () =>
  taken(async (port) => {
    const transport = zeromqTransport({ insecureLoopback: true });
    const listen = (where: string) => () => transport.listen(where, { onMessage: () => {} });
    await rejects(listen(`tcp://127.0.0.1:${port}-${port}`), ConnectionError, /the port is in use, perhaps by another/);
    await rejects(listen(`tcp://127.0.0.1:${port}`), ConnectionError, /the port is in use, perhaps by another cluster/);
  }));

test('an engine listens at its own end of the way to the controller', () =>
  taken(async (port) => {
    const registry = `tcp://127.0.0.1:${port}`;
    assert.is(await engineAddress(registry), 'tcp://127.0.0.1:*');
    assert.is(await engineAddress(registry, { ports: [7000, 7100] }), 'tcp://127.0.0.1:7000-7100');
    assert.is(await engineAddress(registry, { interface: loopback }), 'tcp://127.0.0.1:*');
    await rejects(() => engineAddress(registry, { interface: 'eth99' }), ClusterError, /no network interface 'eth99'/);
  }));

test('a controller that is not there: the error names the address, and from where', async () => {
  let free = 0;
  await taken(async (port) => {
    free = port;
  });
  const said = new RegExp(`cannot reach tcp://127.0.0.1:${free} (from .*)?\\(nobody listens there`);
  await rejects(() => engineAddress(`tcp://127.0.0.1:${free}`), ClusterError, said);
  assert.is((await reach(`tcp://127.0.0.1:${free}`)).state, 'refused');
});

test.run();
