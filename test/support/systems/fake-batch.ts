// Stand-ins for the commands of batch systems, which run each job as a process of this host: fake-batch.js FOLDER SYSTEM COMMAND ARGS…
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The commands of each system: submit, query, cancel. */
const COMMANDS = {
  pbs: ['qsub', 'qstat', 'qdel'],
  lsf: ['bsub', 'bjobs', 'bkill'],
  sge: ['qsub', 'qstat', 'qdel'],
  htcondor: ['condor_submit', 'condor_q', 'condor_rm'],
} as const;
type System = keyof typeof COMMANDS;

/** Makes the commands of a system in a folder, for the PATH. */
export function makeCommands(folder: string, system: System): void {
  mkdirSync(join(folder, 'jobs'), { recursive: true });
  for (const name of COMMANDS[system]) {
    const text = `#!/bin/sh\nexec '${process.execPath}' '${fileURLToPath(import.meta.url)}' '${folder}' ${system} ${name} "$@"\n`;
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
}

/** The numbers of jobs that run, in a folder of `makeCommands`. */
export function runningJobs(folder: string): number[] {
  return readdirSync(join(folder, 'jobs'))
    .map(Number)
    .filter((number) => isAlive(pidOf(folder, number)))
    .sort((a, b) => a - b);
}

const pidOf = (folder: string, number: number): number => {
  const path = join(folder, 'jobs', String(number), 'pid');
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
};

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function submit(folder: string, system: System): string {
  const text = readFileSync(0, 'utf8');
  let number = 1;
  for (; ; number++) {
    try {
      mkdirSync(join(folder, 'jobs', String(number)));
      break;
    } catch {
      // taken
    }
  }
  const job = join(folder, 'jobs', String(number));
  writeFileSync(join(job, 'script'), system === 'htcondor' ? shellOf(text) : text);
  const path = /^(?:#PBS -o|#BSUB -o|#\$ -o|output =) (.*)$/m.exec(text)?.[1] as string;
  const out = openSync(path, 'a');
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], PBS_JOBID: `${number}.fake` };
  const child = spawn('/bin/sh', [join(job, 'script')], { detached: true, stdio: ['ignore', out, out], env });
  child.unref();
  writeFileSync(join(job, 'pid'), String(child.pid));
  return {
    pbs: `${number}.fake`,
    lsf: `Job <${number}> is submitted to default queue <normal>.`,
    sge: `${number}`,
    htcondor: `${number}.0 - ${number}.0`,
  }[system];
}

/** The command of a submit description: its quoting is undone. */
function shellOf(text: string): string {
  const [, quoted = ''] = /^arguments = "-c '(.*)'"$/m.exec(text) ?? [];
  return quoted.replaceAll("''", "'").replaceAll('""', '"').replaceAll('$(DOLLAR)', '$');
}

const numbersIn = (args: readonly string[]): number[] =>
  args.flatMap((arg) => (/^\d+(\.|$)/.test(arg) ? [Number.parseInt(arg, 10)] : []));

function query(folder: string, system: System, args: readonly string[]): string {
  const running = runningJobs(folder);
  const asked = system === 'sge' ? running : numbersIn(args);
  const missing = asked.filter((number) => !running.includes(number));
  const [first] = missing;
  if (first !== undefined && system === 'pbs') fail(`qstat: Unknown Job Id ${first}.fake`, 153);
  if (first !== undefined && system === 'lsf') fail(`Job <${first}> is not found`, 255);
  const rows = {
    pbs: (n: number) => `Job Id: ${n}.fake\n    Job_Name = x\n    job_state = R\n    exec_host = here/0*1\n`,
    lsf: (n: number) => `${n}|RUN|2*here|-`,
    sge: (n: number) =>
      `${String(n).padStart(7)} 0.55500 name       me           r     11/29/2026 14:00:00 all.q@here                         1`,
    htcondor: (n: number) => `${n}.0, 2, slot1@here, undefined`,
  };
  return asked
    .filter((number) => running.includes(number))
    .map(rows[system])
    .join('\n');
}

function cancel(folder: string, args: readonly string[]): string {
  for (const number of numbersIn(args))
    if (isAlive(pidOf(folder, number))) process.kill(pidOf(folder, number), 'SIGTERM');
  return '';
}

function fail(text: string, code: number): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = '', system = '', command = '', ...args] = process.argv.slice(2);
  const [first, second] = COMMANDS[system as System];
  const isSubmit = command === first;
  const text = isSubmit
    ? submit(folder, system as System)
    : command === second
      ? query(folder, system as System, args)
      : cancel(folder, args);
  process.stdout.write(text === '' ? '' : `${text}\n`);
}
