// `directview batch`: does an operation of the user's own on pictures, on the engines. Only results go to stdout.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addBatchOptions, type BatchFlags, batchOptions, conflict } from '../batch/batch-flags.ts';
import { runBatch } from '../batch/run-batch.ts';

interface OwnFlags extends BatchFlags {
  readonly param?: Readonly<Record<string, unknown>>;
  readonly channels?: 'grey' | 'rgb' | 'rgba';
}

const HELP = `
OP is a module, TypeScript or JavaScript, that engines import:
  export async function operation({ image, shape }, { tf, params }) { return { picture, record, files }; }
  export const read = { channels: 'rgb' };   how pictures are read
  export const params = { sigma: 1 };        what --param replaces
All of the result is optional: a picture (a tensor, or the bytes of a file) for --out, a record of plain data for --json and
--csv, files ({ '.txt': 'text' }) beside the picture in --out. Tensors that it leaves are freed. OP may also be 'corners'.

Example:
  directview batch edges.ts photos --out edges --json edges.jsonl --param sigma=2
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.argument('<op>', "a module that exports an operation, or 'corners'");
  addBatchOptions(command);
  command.option(
    '--param <name=value>',
    'a parameter of the operation (repeat for more); the value is JSON or text',
    param,
  );
  command.addOption(new Option('--channels <channels>', 'how pictures are read').choices(['grey', 'rgb', 'rgba']));
  command.addHelpText('after', HELP);
  command.action(async (operation: string, pictures: string[], flags: OwnFlags, self: Command) => {
    const wrong = conflict(pictures, flags);
    if (wrong !== undefined) self.error(`error: ${wrong}`);
    const { read, ...rest } = batchOptions(flags);
    const channels = flags.channels === undefined ? {} : { channels: flags.channels };
    const options = { ...rest, params: flags.param ?? {}, read: { ...read, ...channels } };
    process.exitCode = await runBatch({ label: 'batch', operation, pictures, flags, options });
  });
}

function param(text: string, all: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value.');
  return { ...all, [text.slice(0, at)]: parsedValue(text.slice(at + 1)) };
}

function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
