// Runs every benchmark with short settings, one after the other, each in a process of its own. Writes the results and a
// report into a folder.
// `node dist/bench/main.js [--out FOLDER, default out/bench] [--only overhead,pdot,matmul,corners,scale,simulate]`
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeReport } from './report.ts';

/** Settings that keep each benchmark at a few minutes on two cores. */
const SHORT: Record<string, readonly string[]> = {
  overhead: ['--sizes', '1,16', '--rounds', '3'],
  pdot: ['--rounds', '5'],
  matmul: ['--sizes', '256,512,1024', '--seconds', '5'],
  corners: [],
  scale: ['--broadcast', '', '--seconds', '20'],
  simulate: ['--light', '64'],
};

/** Runs one benchmark. Gives the reason why there are no results; undefined when there are. */
async function bench(name: string, out: string): Promise<string | undefined> {
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  if (!existsSync(script)) return `${name}: there is no bench/${name}.ts`;
  const result = join(out, `${name}.json`);
  await rm(result, { force: true });
  console.log(`\n== ${name}`);
  const args = ['--enable-source-maps', script, ...(SHORT[name] ?? []), '--json', result];
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit');
  return code === 0 && existsSync(result) ? undefined : `${name}: failed with ${String(code)}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join('out', 'bench') },
      only: { type: 'string', default: Object.keys(SHORT).join(',') },
    },
  });
  await mkdir(values.out, { recursive: true });
  const date = new Date().toISOString();
  const load = [loadavg()[0] as number];
  const skipped: string[] = [];
  for (const name of values.only.split(',')) {
    const why = await bench(name, values.out);
    if (why !== undefined) skipped.push(why);
  }
  load.push(loadavg()[0] as number);
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? process.arch}, node ${process.version}`;
  await writeFile(join(values.out, 'run.json'), `${JSON.stringify({ date, machine, load, skipped }, null, 2)}\n`);
  for (const line of skipped) console.log(`SKIPPED ${line}`);
  console.log(`\nreport: ${await writeReport(values.out)}`);
  process.exitCode = skipped.some((line) => line.includes('failed')) ? 1 : 0;
}

await main();
