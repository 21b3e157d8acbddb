// One part of 3 GB between two processes.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { startPeer, stopPeer } from '../../support/comm-child.ts';
import { Mailbox } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('huge');
const BYTES = 3 * 2 ** 30 + 5;
const NEEDED = 10 * 2 ** 30;
const title = 'one part of 3 GiB through ipc';

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
    const directory = await mkdtemp(join(tmpdir(), 'dv-huge-'));
    const where = `ipc://${join(directory, 's')}`;
    const peer = await startPeer('listen', where);
    const box = new Mailbox();
    const link = zeromqTransport().connect(where, box);
    const data = Buffer.allocUnsafeSlow(BYTES);
    for (let i = 0; i < BYTES; i += 4099) data[i] = (i / 4099) % 253;
    await link.send([Buffer.from('sum'), data]);
    await box.until(1);
    assert.equal(JSON.parse(String(box.messages[0]?.[0])), [[BYTES, sampled(data)]]);
    await link.close();
    await stopPeer(peer);
    await rm(directory, { recursive: true, force: true });
  });

test.run();
