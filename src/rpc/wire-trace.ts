import fs from 'node:fs';
import process from 'node:process';
import { debuglog } from 'node:util';
import type { Body } from '../protocol/codec.ts';
import type { Header } from '../protocol/messages.ts';

// Taken when the module loads: on an engine `fs.writeSync` gives a running task what is written to descriptor 2 later.
const { writeSync } = fs;

/** True if NODE_DEBUG names `directview:wire`: read once, so that channels without a trace pay for one comparison. */
export const isTracing: boolean = debuglog('directview:wire').enabled;

/** Characters of a header that are printed; a roster or the text of a reply may have millions. */
const MAX_CHARS = 2000;
let lost = 0;

/** `->` for a message that this process sends, `<-` for one that it receives. */
export type Direction = '->' | '<-';

/** Prints one message to stderr: direction, peer, header as JSON, and the number and bytes of the parts after it. */
export function traceMessage(direction: Direction, peer: string, message: Header, body: Body): void {
  const json = JSON.stringify(message, hideSecret);
  const cut = json.length > MAX_CHARS ? `${json.slice(0, MAX_CHARS)}… (${json.length} characters)` : json;
  const bytes = body.reduce((sum, part) => sum + part.byteLength, 0);
  const more = body.length === 0 ? '' : ` + ${body.length} ${body.length === 1 ? 'part' : 'parts'}, ${bytes} bytes`;
  print(`${direction} ${peer} ${cut}${more}`);
}

// Proofs of names are for engines and the controller alone.
function hideSecret(key: string, value: unknown): unknown {
  return key === 'secret' || key === 'proof' ? '…' : value;
}

// Straight to the descriptor. In an engine, `process.stderr` belongs to the running task: a line would become its
// output, and so another message. In a thread, it would wait for the main thread.
function print(line: string): void {
  const missing = lost === 0 ? '' : `(${lost} lines lost: stderr was full) `;
  try {
    writeSync(2, `DIRECTVIEW:WIRE ${process.pid}: ${missing}${line}\n`);
    lost = 0;
  } catch {
    // The pipe is full and non-blocking, or closed: the next line says so.
    lost++;
  }
}
