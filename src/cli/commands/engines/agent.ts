// `directview agent`: looks after the engines of one placement. Launchers start it; people do so where none fits.
import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Command } from 'commander';
import { readPrivate } from '../../../client/links/private-file.ts';
import { Agent } from '../../../cluster/agent/agent.ts';
import { type AgentOptions, parseAgentOptions } from '../../../cluster/agent/agent-options.ts';
import { jobEnvironment } from '../../../cluster/agent/job-environment.ts';
import { guard } from '../../../cluster/exit-guard.ts';
import { index } from '../../arguments.ts';

interface Flags {
  readonly optionsFile?: string | undefined;
  readonly rank?: number | undefined;
}

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  command.option('--options-file <path>', 'read the options from this private file, not from standard input');
  command.option('--rank <n>', "this agent's place in its launch (default: the scheduler's variables)", index);
  command.addHelpText('after', HELP);
  command.action((flags: Flags) => run(flags));
}

const HELP = `
A cluster's launcher starts agents: Cluster.start({ launcher }), directview start --launcher. The options are one line of
JSON with the cluster's keys. They come on standard input, whose end then ends the agent, or in a file that you alone can
read.`;

async function run({ optionsFile, rank }: Flags): Promise<void> {
  // First: what the system does by default would end this process, or open Node's inspector to all users of the host.
  let isDraining = false;
  let drain = () => {
    isDraining = true;
  };
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => drain());
  process.on('SIGHUP', () => {});
  const options = parseAgentOptions(optionsFile === undefined ? firstLine() : readPrivate(optionsFile));
  const agent = await Agent.start(withRank(options, rank), jobEnvironment(process.env));
  drain = () => agent.drain();
  if (isDraining) agent.drain();
  const release = guard({ stop: () => agent.signalled(), kill: () => agent.kill() });
  if (optionsFile === undefined) onInputEnd(() => void agent.leave('its launcher is gone (standard input ended)'));
  const reason = await agent.ended;
  release();
  process.stderr.write(`the agent of engines ${agent.slots.join(', ')} ends: ${reason}\n`);
  process.exit(0);
}

function withRank(options: AgentOptions, rank: number | undefined): AgentOptions {
  return rank === undefined ? options : { ...options, rank };
}

const MAX_LINE = 1024 * 1024;

/** The line alone: the end of the input is waited for later. @throws Error when there is none */
function firstLine(): string {
  const bytes: number[] = [];
  const byte = Buffer.alloc(1);
  while (bytes.length < MAX_LINE && readByte(byte)) {
    if (byte[0] === 10) return Buffer.from(bytes).toString();
    bytes.push(byte[0] as number);
  }
  throw new Error('the agent wants its options as one line on standard input, or --options-file PATH');
}

function readByte(into: Buffer): boolean {
  for (;;) {
    try {
      return readSync(0, into, 0, 1, null) === 1;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return false;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function onInputEnd(ended: () => void): void {
  const input = new Socket({ fd: 0, readable: true, writable: false });
  for (const event of ['end', 'close', 'error'] as const) input.once(event, ended);
  input.resume();
}
