// `directview kernel`: a Jupyter kernel, and its installation.
import { execFileSync } from 'node:child_process';
import { type Command, Option } from 'commander';
import { addClusterOptions, type ClusterFlags } from '../engine-flags.ts';
import { readConnection } from '../repl/jupyter/connection-file.ts';
import { installKernel } from '../repl/jupyter/kernel-spec.ts';
import { runKernel } from '../repl/jupyter/run-kernel.ts';
import { openSession } from '../with-cluster.ts';

interface KernelFlags extends ClusterFlags {
  readonly connectionFile?: string | undefined;
}

interface InstallFlags extends ClusterFlags {
  readonly user?: true;
  readonly prefix?: string | undefined;
  readonly sysPrefix?: true;
  readonly name: string;
}

const HELP = `
directview kernel install makes the kernel known to Jupyter; the notebook's menu then has "TypeScript (directview)".
Cells are TypeScript or JavaScript with top-level await; rc is the client, view all engines. %px, %%px, %autopx,
%pxconfig and %pxresult work as in 'directview repl'. display(value), html, md, svg, clearOutput() and await input('…')
are there.
`;

const INSTALL_HELP = `
The options that say which engines to use are written into the kernel's file: each notebook gets engines by them.

Example:
  directview kernel install --user -n 4 --device cpu
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  // Options behind `install` are its own.
  command.parent?.enablePositionalOptions();
  command.enablePositionalOptions();
  addClusterOptions(command);
  command.option('-f, --connection-file <file>', 'the file that Jupyter has written for this kernel');
  command.addHelpText('after', HELP);
  command.action(async ({ connectionFile, ...flags }: KernelFlags, self: Command) => {
    if (connectionFile === undefined)
      self.error("error: Jupyter starts kernels; 'directview kernel install' tells it how");
    await runKernel(readConnection(connectionFile), () => openSession(flags));
    process.exit(); // a timer or a server of the user must not keep the kernel
  });
  defineInstall(command.command('install').description('make the kernel known to Jupyter'));
}

function defineInstall(command: Command): void {
  command.addOption(new Option('--user', 'for this user (default)').conflicts(['prefix', 'sysPrefix']));
  command.addOption(new Option('--prefix <folder>', 'below this folder').conflicts('sysPrefix'));
  command.option('--sys-prefix', 'in the environment of the python3 that is found');
  command.option('--name <name>', 'the name of the kernel', 'directview');
  addClusterOptions(command);
  command.addHelpText('after', INSTALL_HELP);
  command.action((flags: InstallFlags) => {
    const prefix = flags.sysPrefix ? pythonPrefix() : flags.prefix;
    const folder = installKernel({ prefix, name: flags.name, args: argumentsOf(flags) });
    process.stdout.write(`installed kernel '${flags.name}' in ${folder}\n`);
  });
}

/** @throws Error when there is no python3 */
function pythonPrefix(): string {
  try {
    return execFileSync('python3', ['-c', 'import sys; print(sys.prefix)'], { encoding: 'utf8' }).trim();
  } catch (cause) {
    throw new Error(`--sys-prefix asks python3 for its folder: ${(cause as Error).message}`, { cause });
  }
}

function argumentsOf({ engines, device, gpu, softwareGpu, cluster }: ClusterFlags): string[] {
  const options = { '--engines': engines, '--device': device, '--gpu': gpu, '--cluster': cluster };
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  return softwareGpu ? [...given, '--software-gpu'] : given;
}
