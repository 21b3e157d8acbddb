import { readFileSync } from 'node:fs';
import type { Session } from '../../with-cluster.ts';
import { prepareEvaluation } from '../globals.ts';
import type { JupyterConnection } from './connection-file.ts';
import { JupyterKernel } from './kernel.ts';
import { type Content, type Message, PROTOCOL } from './message.ts';
import type { AskingChannel } from './sockets.ts';
import { Wire } from './wire.ts';

const HELP_LINKS = [{ text: 'ipyparallel: direct interface', url: 'https://ipyparallel.readthedocs.io' }];

/** Runs a kernel until a front end ends it. @throws Error when an address of the connection is taken */
export async function runKernel(connection: JupyterConnection, open: () => Promise<Session>): Promise<void> {
  prepareEvaluation();
  const early: [AskingChannel, Message][] = [];
  let take = (channel: AskingChannel, message: Message): void => void early.push([channel, message]);
  const wire = await Wire.open(connection, info(), (channel, message) => take(channel, message));
  const kernel = new JupyterKernel({ wire, open });
  take = (channel, message) => kernel.take(channel, message);
  for (const [channel, message] of early) take(channel, message);
  await kernel.closed;
}

/** The content of `kernel_info_reply`. */
function info(): Content {
  const version = ownVersion();
  return {
    status: 'ok',
    protocol_version: PROTOCOL,
    implementation: 'directview',
    implementation_version: version,
    banner: `directview ${version}: one client, many engines; rc is the client, %px CODE runs on all engines`,
    debugger: false,
    help_links: HELP_LINKS,
    language_info: {
      name: 'typescript',
      version: process.version.slice(1),
      mimetype: 'text/typescript',
      file_extension: '.ts',
      pygments_lexer: 'typescript',
      codemirror_mode: 'typescript',
      nbconvert_exporter: 'script',
    },
  };
}

function ownVersion(): string {
  const path = new URL('../../../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
