// Packets that no peer sends, by what is wrong with them. Each is what a DEALER sends in one go.
import { Batch } from '../../../src/comm/batch.ts';
import { COUNTED, DATA, HEADER_BYTES, writeHeader } from '../../../src/comm/packet.ts';

/** Multiparts, one after the other. */
type Packets = readonly Buffer[][];

/** Reproducible noise. */
export function noise(bytes: number): Buffer {
  let state = bytes + 12345;
  return Buffer.from(
    Array.from({ length: bytes }, () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return state >>> 16;
    }),
  );
}

/** A packet with a good header over the given records. */
function packet(records: Buffer, flags = COUNTED, sequence = 0): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), records]);
  writeHeader(bytes, flags, sequence, 0);
  return bytes;
}

function words(...values: number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer);
}

function start(count: number, total: number, transfer = 0): Buffer {
  const tail = Buffer.alloc(8);
  tail.writeDoubleLE(total);
  return Buffer.concat([words(2, transfer, count), tail]);
}

interface Forged {
  part?: number;
  partBytes?: number;
  offset?: number;
  bytes?: number;
  transfer?: number;
}

/** START of one part of 100 bytes, then the given chunks of 50 zero bytes each. */
function chunks(...list: Forged[]): Buffer[][] {
  return list.map((forged, i) => {
    const batch = new Batch(256);
    if (i === 0) batch.start(0, 1, 100);
    batch.chunk({ transfer: 0, part: 0, partBytes: 100, offset: 0, bytes: 50, ...forged });
    return [batch.seal(COUNTED | DATA, i, 0), Buffer.alloc(50)];
  });
}

const GOOD = () => words(0x101, 3, 0x697665);

function broken(): Packets {
  return [0, 4, 5].map((at) => {
    const copy = packet(GOOD());
    copy[at] = 0x99;
    return [copy];
  });
}

function cutOff(): Packets {
  const whole = Buffer.concat([start(3, 100), words(3, 8), Buffer.alloc(8)]);
  return Array.from({ length: whole.length - 1 }, (_, n) => [packet(whole.subarray(0, n + 1))]);
}

function unasked(): Packets {
  const batch = new Batch(256);
  batch.chunk({ transfer: 0, part: 0, partBytes: 50, offset: 0, bytes: 50 });
  return [[batch.seal(COUNTED | DATA, 0, 0), Buffer.alloc(50)]];
}

function acknowledging(): Packets {
  const bytes = packet(Buffer.alloc(0));
  writeHeader(bytes, COUNTED, 0, 1000);
  return [[bytes]];
}

/** Frames that are missing, empty or too many. */
export const FRAMES: Readonly<Record<string, Packets>> = {
  'noise in frames': [[noise(3)], [noise(16)], [noise(5000)], [noise(300_000), noise(300)]],
  'empty frames and many frames': [[Buffer.alloc(0)], [Buffer.alloc(0), Buffer.alloc(0)]],
  'a message of 10,000 parts': [Array.from({ length: 10_000 }, () => Buffer.from('x'))],
  'a data frame too many, and one too few': [
    [packet(Buffer.alloc(0), COUNTED | DATA)],
    [packet(Buffer.alloc(0)), Buffer.from('x')],
  ],
};

/** Numbers of packets that are not next. */
export const SEQUENCES: Readonly<Record<string, Packets>> = {
  'a link that starts in the middle': [[packet(GOOD(), COUNTED, 7)]],
  'a link that starts at the end': [[packet(GOOD(), COUNTED, 0xffffffff)]],
  'acknowledging what was never sent': acknowledging(),
};

/** Chunks out of place. */
export const CHUNKS: Readonly<Record<string, Packets>> = {
  'CHUNK: without START': unasked(),
  'CHUNK: twice': chunks({}, {}),
  ...Object.fromEntries(
    [
      { offset: 50 },
      { offset: 60 },
      { offset: -50 },
      { offset: Number.NaN },
      { offset: 2 ** 53 },
      { bytes: 49 },
      { bytes: 0xffffffff },
      { part: 1 },
      { transfer: 1 },
      { partBytes: 40 },
      { partBytes: 101 },
      { partBytes: 2 ** 53 },
      { partBytes: -1 },
      { partBytes: Number.NaN },
    ].map((forged) => [`CHUNK: ${JSON.stringify(forged)} (${Object.values(forged)[0]})`, chunks(forged)]),
  ),
  'CHUNK: the part changes its length': chunks({}, { offset: 50, partBytes: 101 }),
};

/** Records that say what cannot be. */
export const RECORDS: Readonly<Record<string, Packets>> = {
  'wrong magic, wrong version, unknown flags': broken(),
  'a data frame without a CHUNK record': [[packet(Buffer.alloc(0), COUNTED | DATA), Buffer.from('x')]],
  'records cut off at every byte': cutOff(),
  'unknown records': [[packet(words(0))], [packet(words(99))], [packet(words(0xffffffff))]],
  'MESSAGE: lengths beyond the packet, a count beyond it, too long': [
    [packet(words(0x101, 1000))],
    [packet(words(0x201, 0xffffffff, 0xffffffff))],
    [packet(words(0xffffff01))],
    [packet(Buffer.concat([words(0x101, 100_000), Buffer.alloc(100_000)]))],
  ],
  ...Object.fromEntries(
    [2 ** 53, 2 ** 60, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 17 * 2 ** 30].map((total) => [
      `START: ${total} bytes`,
      [[packet(start(1, total))]],
    ]),
  ),
  'START: no parts, and 2^32 - 1 parts': [[packet(start(0, 0))], [packet(start(0xffffffff, 10))]],
  'START: another number, and one inside another': [
    [packet(start(1, 10, 5))],
    [packet(Buffer.concat([start(1, 10), start(1, 10, 1)]))],
  ],
  'PART: without START, beyond the total, short of the total': [
    [packet(Buffer.concat([words(3, 4), Buffer.alloc(4)]))],
    [packet(Buffer.concat([start(2, 3), words(3, 4), Buffer.alloc(4)]))],
    [packet(Buffer.concat([start(1, 9), words(3, 4), Buffer.alloc(4)]))],
  ],
  'a message inside another': [[packet(Buffer.concat([start(1, 9), words(0x001)]))]],
  'DONE for what was never sent': [[packet(words(5, 0))]],
  'a goodbye that does not end, and one by a stranger': [[packet(words(0xffffff06))], [packet(words(0x006), 4)]],
};

/** A transfer whose last chunk never comes: no peer is told to go for it. */
export const UNFINISHED: Packets = chunks({});
