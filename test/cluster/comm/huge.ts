// One part of 3 GB between two processes.
import { readFile } from 'node:fs/promises';
import { freemem } from 'node:os';
import * as assert from 'uvu/assert';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { startPeer, stopPeer } from '../../support/comm-child.ts';
import { Mailbox } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('huge');
const BYTES = 3 * 2 ** 30 + 5;
const NEEDED = 10 * 2 ** 30;
const title = 'one part of 3 GiB through tcp';

/** Bytes that could be had, reclaimable caches included. */
async function availableBytes(): Promise<number> {
  const info = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(info)?.[1];
  return kib === undefined ? freemem() : 1024 * Number(kib);
}

/** As test/fixtures/comm-peer.ts sums. */
function sampled(part: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < part.length; i += 4099) sum = (sum + (part[i] as number) * ((i % 251) + 1)) % 2 ** 32;
  return sum;
}

const available = await availableBytes();
if (available < NEEDED) test.skip(title, `needs 10 GiB of free memory, ${(available / 2 ** 30).toFixed(1)} are there`);
else
  test(title, async () => {
    const peer = await startPeer('listen', 'tcp://127.0.0.1:*');
    const box = new Mailbox();
    const link = zeromqTransport({ insecureLoopback: true }).connect(peer.endpoint, box);
    const data = Buffer.allocUnsafeSlow(BYTES);
    for (let i = 0; i < BYTES; i += 4099) data[i] = (i / 4099) % 253;
    await link.send([Buffer.from('sum'), data]);
    await box.until(1);
    assert.equal(JSON.parse(String(box.messages[0]?.[0])), [[BYTES, sampled(data)]]);
    await link.close();
    await stopPeer(peer);
  });

test.run();
